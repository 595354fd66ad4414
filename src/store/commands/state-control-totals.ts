import type { ControlTotal } from '../../contracts/completeness.ts';
import type { Db } from '../db.ts';
import { controlTotalDays } from '../reads/control-totals.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type StatedTotal = { readonly on: string; readonly origin: string; readonly version: number; readonly status: 'stated' | 'corrected' | 'repeated' };

/** Keeps what a source says it sent, a day and origin each: the same figures again are a repeat, others are the next version. In the order given; of two for one day the later holds. */
export async function stateControlTotals(db: Db, sourceId: string, totals: readonly ControlTotal[], by: By): Promise<StatedTotal[]> {
  if ((await db.query('SELECT FROM source WHERE id = $1 FOR UPDATE', [sourceId])).rowCount === 0) throw new Refused('notFound', `there is no source "${sourceId}"`);
  const days = [...new Set(totals.map((t) => t.on))];
  const { rows } = await db.query<{ on_date: string; origin: string; version: number; stated_count: number; stated_wh: bigint; amount: string | null; currency: string | null }>(
    'SELECT DISTINCT ON (on_date, origin) * FROM control_total WHERE source_id = $1 AND on_date = ANY($2::date[]) ORDER BY on_date, origin, version DESC',
    [sourceId, days],
  );
  const standing = new Map(
    rows.map((r) => [`${r.on_date} ${r.origin}`, { version: r.version, content: contentOf({ count: r.stated_count, energyWh: r.stated_wh, amount: r.amount, currency: r.currency }) }]),
  );
  const made: object[] = [];
  const answers = totals.map((total): StatedTotal => {
    const { on, origin } = total;
    const key = `${on} ${origin}`;
    const before = standing.get(key);
    const content = contentOf({ ...total, energyWh: BigInt(total.energyWh), amount: total.amount ?? null, currency: total.currency ?? null });
    if (before?.content === content) return { on, origin, version: before.version, status: 'repeated' };
    const version = (before?.version ?? 0) + 1;
    standing.set(key, { version, content });
    made.push({ on_date: on, origin, version, stated_count: total.count, stated_wh: total.energyWh, amount: total.amount ?? null, currency: total.currency ?? null });
    return { on, origin, version, status: version === 1 ? 'stated' : 'corrected' };
  });
  if (made.length === 0) return answers;
  await db.query(
    `INSERT INTO control_total (source_id, on_date, origin, version, stated_count, stated_wh, amount, currency, author)
     SELECT $1, t.*, $3 FROM jsonb_to_recordset($2::jsonb) AS t(on_date date, origin text, version integer, stated_count integer, stated_wh bigint, amount numeric, currency text)`,
    [sourceId, JSON.stringify(made), by.actor],
  );
  await audit(db, by, { action: 'source.controlTotals', subject: sourceId, after: { totals: made } });
  return answers;
}

function contentOf(t: { readonly count: number; readonly energyWh: bigint; readonly amount: string | null; readonly currency: string | null }): string {
  return [t.count, t.energyWh, t.amount === null ? '' : t.amount.replace(/(\.\d*?)0*$/, '$1').replace(/\.$/, ''), t.currency ?? ''].join('|');
}

/**
 * Signs that the difference of a day's total is right as it is; it holds while neither side changes. Refused when nothing is stated of
 * the day, or when nothing differs.
 */
export async function acceptControlTotal(
  db: Db,
  input: { readonly sourceId: string; readonly on: string; readonly origin: string; readonly reason: string },
  by: By,
): Promise<{ readonly status: 'accepted' }> {
  const next = new Date(Date.parse(`${input.on}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  const day = (await controlTotalDays(db, { sourceIds: [input.sourceId], from: input.on, to: next })).find((d) => d.origin === input.origin);
  if (day === undefined) throw new Refused('notFound', `source ${input.sourceId} states no total of ${input.on} as ${input.origin}`);
  if (day.status === 'accepted') return { status: 'accepted' };
  if (day.status !== 'differs') throw new Refused('wrongState', `the total of ${input.on} is ${day.status}: there is nothing to sign`);
  await db.query(
    `INSERT INTO control_total_acceptance (source_id, on_date, origin, version, received_count, received_wh, received_amount, reason, author)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
    [input.sourceId, input.on, input.origin, day.version, day.received.count, day.received.energyWh, day.received.amount, input.reason, by.actor],
  );
  await audit(db, by, { action: 'source.acceptTotal', subject: `${input.sourceId}/${input.on}/${input.origin}`, reason: input.reason, after: { stated: day.stated, received: day.received } });
  return { status: 'accepted' };
}
