import type { StatementTotal } from '../../core/completeness/read-statement.ts';
import { monthAfter } from '../../core/period/segments.ts';
import type { Db, Store } from '../db.ts';
import type { ControlDay } from '../reads/control-day.ts';
import { controlTotalDays } from '../reads/control-totals.ts';
import type { By } from './audit.ts';
import { type StatedTotal, stateControlTotals } from './state-control-totals.ts';

/** A total of a statement: whether it is new, a correction or known, and how it compares with what arrived. */
export type LoadedTotal = StatedTotal & { readonly day: ControlDay };
export type StatementFile = { readonly sourceId: string; readonly totals: readonly StatementTotal[]; readonly digest: string; readonly fileName: string | null; readonly layoutVersion: number };

/** States the totals of a statement file, as any control totals. In order of date and party. Throws Refused for an unknown source. */
export async function loadStatement(db: Db, { sourceId, totals, ...file }: StatementFile, by: By): Promise<readonly LoadedTotal[]> {
  const stated = await stateControlTotals(db, sourceId, totals, by, { statement: file });
  const on = totals.map((t) => t.on).sort();
  const [first = '', last = ''] = [on[0], on.at(-1)];
  const days = await controlTotalDays(db, { sourceIds: [sourceId], from: `${first.slice(0, 7)}-01`, to: `${monthAfter(last.slice(0, 7))}-01` });
  const keyOf = (t: { readonly on: string; readonly origin: string; readonly party: string | null }) => `${t.on} ${t.party ?? ''} ${t.origin}`;
  const found = new Map(days.filter((d) => d.countedBy === 'sessionEnd').map((d) => [keyOf(d), d]));
  return stated
    .flatMap((s) => {
      const day = found.get(keyOf(s));
      return day === undefined ? [] : [{ ...s, day }];
    })
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** What a load would come to, by doing it and undoing all of it. */
export async function previewStatement(store: Store, file: StatementFile, by: By): Promise<readonly LoadedTotal[]> {
  let shown: readonly LoadedTotal[] = [];
  const undone = new Error('a preview keeps nothing');
  await store
    .tx(async (db) => {
      shown = await loadStatement(db, file, by);
      throw undone;
    })
    .catch((error: unknown) => (error === undone ? undefined : Promise.reject(error)));
  return shown;
}
