import { oddMinorDigits } from '../core/money.ts';

const digits = (currency: string) => `CASE ${currency} ${[...oddMinorDigits].map(([code, n]) => `WHEN '${code}' THEN ${n}`).join(' ')} ELSE 2 END`;

/** SQL: how many minor units of the books one of another currency is worth by a row of `fx_rate`. */
export const worthInBooks = (rate: string, books: string) => `${rate}.rate * power(10::numeric, ${digits(books)} - ${digits(`${rate}.currency`)})`;
