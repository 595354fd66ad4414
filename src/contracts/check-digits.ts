/** Sum of digits of which, from the right, each second is doubled and its own digits added. */
function luhnSum(digits: string): number {
  return [...digits].reverse().reduce((total, digit, i) => {
    const doubled = Number(digit) * (i % 2 === 0 ? 1 : 2);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
}

/** Whether the last of the digits is their check digit (Luhn, ISO/IEC 7812-1): of a Bankgiro, a card, an OCR reference. */
export function luhnHolds(digits: string): boolean {
  return luhnSum(digits) % 10 === 0;
}

/** The digit that makes these hold when it is put behind them. */
export function luhnDigit(digits: string): string {
  return String((10 - (luhnSum(`${digits}0`) % 10)) % 10);
}

/** Whether the check digits of an IBAN hold (ISO 13616): letters count from A = 10, the first four places go last, and the rest by 97 is 1. Upper case, without spaces. */
export function ibanHolds(iban: string): boolean {
  const digits = [...(iban.slice(4) + iban.slice(0, 4))].map((c) => Number.parseInt(c, 36).toString()).join('');
  return BigInt(digits) % 97n === 1n;
}
