import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { hashOfFacts } from '../seal/charge-record.ts';

/** SHA-256 over the canonical JSON of the facts: equal for a repeat, however it travelled. A credit is never a repeat of the CDR that it takes back, though it say the same: of a free session, or with the amounts of the original. */
export function factsHash(facts: ChargeFacts, isCredit = false): Buffer {
  // Ids are case-folded (domain.md, Identity): the id as it was written is kept, not compared.
  return hashOfFacts({ ...facts, externalIds: { ...facts.externalIds, cdr: isCredit ? `credit of ${facts.cdrId}` : facts.cdrId } });
}
