import { ibanHolds, luhnHolds } from '../../contracts/check-digits.ts';
import type { BankAccount } from '../../contracts/set-up.ts';

/** Lengths of an IBAN by country, where money is paid to. */
const ibanLengths: Readonly<Record<string, number>> = Object.fromEntries(
  'AT20 BE16 BG22 CH21 CY28 CZ24 DE22 DK18 EE20 ES24 FI18 FR27 GB22 GR27 HR21 HU28 IE22 IS26 IT27 LI21 LT20 LU20 LV21 MT31 NL18 NO15 PL28 PT25 RO24 SE24 SI19 SK24'
    .split(' ')
    .map((c) => [c.slice(0, 2), Number(c.slice(2))]),
);

/** A bank account without spaces and hyphens, or what is wrong with its number (which the text does not repeat). */
export function readBankAccount({ scheme, number }: BankAccount): { readonly scheme: BankAccount['scheme']; readonly number: string } | { readonly wrong: string } {
  const plain = number.replaceAll(/[\s-]/g, '').toUpperCase();
  if (scheme === 'bankgiro') {
    if (!/^\d{7,8}$/.test(plain)) return { wrong: 'a Bankgiro number has 7 or 8 digits' };
    return luhnHolds(plain) ? { scheme, number: plain } : { wrong: 'the check digit of the Bankgiro number is wrong' };
  }
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(plain)) return { wrong: 'an IBAN begins with a country and two check digits' };
  const length = ibanLengths[plain.slice(0, 2)];
  if (length === undefined) return { wrong: `IBANs of ${plain.slice(0, 2)} are not paid to` };
  if (plain.length !== length) return { wrong: `an IBAN of ${plain.slice(0, 2)} has ${length} characters` };
  return ibanHolds(plain) ? { scheme, number: plain } : { wrong: 'the check digits of the IBAN are wrong' };
}
