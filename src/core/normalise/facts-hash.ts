import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { canonicalBytes, sha256 } from '../seal/charge-record.ts';

/** SHA-256 over the canonical JSON of the facts: equal for a repeat, however it travelled. */
export function factsHash(facts: ChargeFacts): Buffer {
  return sha256(canonicalBytes(facts));
}
