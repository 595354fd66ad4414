import { Refused } from './refusal.ts';

/** Refuses a reason that says one of the words: reasons are kept for good, with what went and in the audit trail. */
export function refuseNaming(reason: string, words: readonly string[]): void {
  const said = reason.toLowerCase();
  // A country code or house number alone names nobody.
  if (words.some((word) => word.length >= 3 && said.includes(word.toLowerCase()))) {
    throw new Refused('invalid', 'the reason is kept for good, and it names the driver: leave name, address and tokens out of it');
  }
}
