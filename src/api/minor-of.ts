import { parseMinor } from '../core/money.ts';
import { Problem } from './problem.ts';

/** An amount as the caller wrote it in a field, in minor units; refused with the field and what is wrong with it. */
export function minorOf(field: string, amount: string, currency: string): bigint {
  try {
    return parseMinor(amount, currency);
  } catch (error) {
    throw new Problem(422, 'invalid', `${field}: ${(error as Error).message}`);
  }
}
