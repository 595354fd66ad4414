import { checkVAT, countries } from 'jsvat';
import { type Issue, issue } from '../issues.ts';

/**
 * A VAT number whose pattern is not its country's blocks; wrong check digits warn, since registers give out numbers that their own rule
 * does not know. Countries without a known pattern pass. The issues do not repeat the number: it may name a person.
 */
export function checkVatNumber(subject: string, vatNumber: string): Issue[] {
  const { isSupportedCountry, isValidFormat, isValid } = checkVAT(vatNumber, countries);
  if (!isSupportedCountry) {
    const known = countries.some((c) => c.codes.includes(vatNumber.slice(0, 2)));
    return known ? [issue('rowValue', 'blocks', subject, { field: 'vatNumber', detail: `is no VAT number of ${vatNumber.slice(0, 2)}` })] : [];
  }
  if (!isValidFormat) return [issue('rowValue', 'blocks', subject, { field: 'vatNumber', detail: `is no VAT number of ${vatNumber.slice(0, 2)}` })];
  return isValid ? [] : [issue('vatNumberDoubtful', 'warns', subject)];
}
