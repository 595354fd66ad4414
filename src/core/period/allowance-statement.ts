import { wholeKwh } from '../allocate/price-line.ts';
import { formatMinor } from '../money.ts';
import type { Allowance } from './month.ts';
import { dayBefore } from './segments.ts';

/** An allowance as its customer reads it: one sentence each. Values are what the covered energy would have cost, in the account's mode. */
export function describeAllowance(allowance: Allowance, currency: string, mode: 'grossFirst' | 'netFirst'): string[] {
  const { fromOn, toOn, includedWh, rolledInWh, usedWh, leftWh, lapsesWh, uses } = allowance;
  const value = uses.reduce((sum, u) => sum + u.value, 0n);
  const rolled = rolledInWh === 0n ? '' : `, and ${wholeKwh(rolledInWh)} kWh from earlier months`;
  const rest =
    leftWh === 0n
      ? 'Nothing is left.'
      : lapsesWh === leftWh
        ? `${wholeKwh(leftWh)} kWh are left and lapse.`
        : `${wholeKwh(leftWh)} kWh are left; ${wholeKwh(leftWh - lapsesWh)} kWh can be used later.`;
  return [
    `From ${fromOn} to ${dayBefore(toOn)} ${wholeKwh(includedWh)} kWh are included${rolled}.`,
    `${wholeKwh(usedWh)} kWh are used, worth ${formatMinor(value, currency)} ${currency} ${mode === 'grossFirst' ? 'with' : 'without'} VAT.`,
    rest,
  ];
}
