import type { Charge } from '../allocate/charges.ts';
import type { Issue } from '../issues.ts';
import { type CheckContext, issueOf } from './check-facts.ts';
import { judgementOf } from './rules.ts';

/** Plausibility of what a session costs: `charges` as allocated, net in minor units; `hasPrice` tells whether its tariff prices anything. */
export function checkPrice(subject: string, charges: readonly Charge[], hasPrice: boolean, context: Pick<CheckContext, 'profile' | 'category'>): Issue[] {
  const sales = charges.filter((c) => c.payerAccountId !== null);
  const net = sales.reduce((sum, c) => sum + c.netMinor, 0n);
  const energyWh = sales.reduce((sum, c) => sum + c.energyWh, 0n);
  const { limit } = judgementOf(context.profile, 'costOutOfRange', context.category);
  const perKwh = energyWh >= 1000n ? (net * 1000n) / energyWh : 0n;
  const currency = sales[0]?.currency ?? '';
  const found: (Issue | undefined)[] = [];
  if (net > BigInt(limit('maxMinor'))) found.push(issueOf({ code: 'costOutOfRange', params: { of: 'session', currency, computed: net.toString(), limit: limit('maxMinor') } }, subject, context));
  else if (perKwh > BigInt(limit('maxMinorPerKwh'))) {
    found.push(issueOf({ code: 'costOutOfRange', params: { of: 'kWh', currency, computed: perKwh.toString(), limit: limit('maxMinorPerKwh') } }, subject, context));
  }
  // Free by a price rule is not wrong; nothing for energy under a tariff with a price may be.
  if (net === 0n && energyWh >= 1000n && hasPrice) found.push(issueOf({ code: 'zeroCost', params: { computed: 0, limit: energyWh.toString() } }, subject, context));
  return found.flatMap((f) => f ?? []);
}
