import { luhnHolds } from '../../contracts/check-digits.ts';

const longest = 19;
// 13 digits or more, apart by single spaces or hyphens at most.
const digitRuns = /[0-9](?:[ -]?[0-9]){12,}/g;

/**
 * Whether a card's number stands in words: 13 to 19 digits in a row by an issuer of payment cards (ISO/IEC 7812: 22 to 27, or 3 to 6 in
 * front) whose Luhn sum holds; also beside other digits that are set off from it, such as when the card ends. The database holds the same rule in `holds_card_number`.
 */
export function holdsCardNumber(words: string): boolean {
  return [...words.matchAll(digitRuns)].some(([run]) => {
    const groups = run.split(/[ -]/);
    return groups.some((_, from) => {
      let digits = '';
      for (const group of groups.slice(from, from + longest)) {
        digits += group;
        if (isCardNumber(digits)) return true;
      }
      return false;
    });
  });
}

function isCardNumber(digits: string): boolean {
  return digits.length >= 13 && digits.length <= longest && /^([3-6]|2[2-7])/.test(digits) && luhnHolds(digits);
}
