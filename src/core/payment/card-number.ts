import { luhnHolds } from '../../contracts/check-digits.ts';

// 13 to 19 digits, apart by single spaces or hyphens at most.
const digitRuns = /[0-9](?:[ -]?[0-9]){12,}/g;

/**
 * Whether a card's number stands in words: 13 to 19 digits in a row by an issuer of payment cards (ISO/IEC 7812: 22 to 27, or 3 to 6 in
 * front) whose Luhn sum holds. The database holds the same rule in `holds_card_number`.
 */
export function holdsCardNumber(words: string): boolean {
  return [...words.matchAll(digitRuns)].some(([run]) => isCardNumber(run.replaceAll(/[ -]/g, '')));
}

function isCardNumber(digits: string): boolean {
  return digits.length <= 19 && /^([3-6]|2[2-7])/.test(digits) && luhnHolds(digits);
}
