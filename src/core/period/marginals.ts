import { groupBy } from '../group-by.ts';
import { allocate, vatOfGross } from '../money.ts';
import { type ClauseMonth, type MonthInput, type MonthResult, placeKey, type SessionUse } from './month.ts';
import type { WrittenOffRow } from './settle.ts';

/** What a month made of a session beside its own price: net in minor units, and the energy that an allowance covered. */
export type Marginal = { readonly netMinor: bigint; readonly includedWh: bigint };

/**
 * What each session of a month contributed to allowances, tiers, cap and minimum, net, by its key: the net of each row, shared among the
 * sessions behind it by what each brought, largest remainder (D44). So the marginals of a row sum to it. Of a minimum counts what is more than was written off.
 */
export function marginalsOf({ clauses }: MonthResult, mode: MonthInput['mode'], writtenOff: readonly WrittenOffRow[] = []): Map<string, Marginal> {
  const found = new Map<string, Marginal>();
  for (const clause of clauses) {
    for (const own of groupBy(usesOf(clause, mode, writtenOff), (u) => placeKey(u.place)).values()) {
      const amount = own.reduce((sum, u) => sum + u.amount, 0n);
      const net = mode === 'grossFirst' ? amount - vatOfGross(amount, own[0]?.place.vat.percent ?? '0') : amount;
      const nets = allocate(
        net,
        own.map((u) => (u.amount < 0n ? -u.amount : u.amount)),
      );
      for (const [i, { session, energyWh }] of own.entries()) {
        const before = found.get(session) ?? { netMinor: 0n, includedWh: 0n };
        found.set(session, { netMinor: before.netMinor + (nets[i] ?? 0n), includedWh: before.includedWh + (clause.component === 'included' ? energyWh : 0n) });
      }
    }
  }
  return found;
}

function usesOf({ component, clause, uses }: ClauseMonth, mode: MonthInput['mode'], writtenOff: readonly WrittenOffRow[]): readonly SessionUse[] {
  const off = writtenOff.filter((r) => component === 'minimum' && r.clause === clause).reduce((sum, r) => sum + (mode === 'grossFirst' ? r.grossMinor : r.netMinor), 0n);
  if (off <= 0n) return uses;
  const lacks = uses.reduce((sum, u) => sum + u.amount, 0n);
  const amounts = allocate(
    lacks > off ? lacks - off : 0n,
    uses.map((u) => u.amount),
  );
  return uses.map((u, i) => ({ ...u, amount: amounts[i] ?? 0n }));
}
