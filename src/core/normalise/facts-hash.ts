import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { hashOfFacts } from '../seal/charge-record.ts';

/** SHA-256 over the canonical JSON of the facts: equal for a repeat, however it travelled. */
export function factsHash(facts: ChargeFacts): Buffer {
  // Ids are case-folded (domain.md, Identity): the id as it was written is kept, not compared.
  return hashOfFacts(facts, facts.cdrId);
}
