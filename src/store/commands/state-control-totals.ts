import type { ControlTotal } from '../../contracts/completeness.ts';
import { dayAfter, monthAfter } from '../../core/period/segments.ts';
import type { Db } from '../db.ts';
import { controlTotalDays } from '../reads/control-totals.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** As contracted, or a count that a peer was asked for: CDRs last updated on a day, without their energy. */
export type NewTotal = Omit<ControlTotal, 'energyWh'> & { readonly energyWh: number | null; readonly countedBy?: 'lastUpdated' };
export type StatedTotal = { readonly on: string; readonly party: string | null; readonly origin: string; readonly version: number; readonly status: 'stated' | 'corrected' | 'repeated' };

/** What a total is of: the first day, whether a day or a month, whose figure, and of which party (empty: all). */
const placeOf = (t: NewTotal) => ({ on_date: t.on.length === 7 ? `${t.on}-01` : t.on, span: t.on.length === 7 ? 'month' : 'day', origin: t.origin, party: t.party ?? '' });
const keyOf = (r: { readonly on_date: string; readonly span: string; readonly origin: string; readonly party: string }) => `${r.on_date} ${r.span} ${r.origin} ${r.party}`;

/**
 * Keeps what a source says it sent, by day or month, origin and party, in the order given: the same figures again are a repeat, others are
 * the next version; of two for one place the later holds. `more` goes into the audit trail. Throws Refused for an unknown source.
 */
export async function stateControlTotals(db: Db, sourceId: string, totals: readonly NewTotal[], by: By, more: object = {}): Promise<readonly StatedTotal[]> {
  // One writer a source, so that versions rise by one.
  if ((await db.query('SELECT FROM source WHERE id = $1 FOR UPDATE', [sourceId])).rowCount === 0) throw new Refused('notFound', `there is no source "${sourceId}"`);
  const { rows } = await db.query(
    'SELECT DISTINCT ON (on_date, span, origin, party) * FROM control_total WHERE source_id = $1 AND on_date = ANY($2::date[]) ORDER BY on_date, span, origin, party, version DESC',
    [sourceId, [...new Set(totals.map((t) => placeOf(t).on_date))]],
  );
  const standing = new Map(
    rows.map((r) => [
      keyOf(r as Parameters<typeof keyOf>[0]),
      { version: r.version as number, content: contentOf({ count: r.stated_count, energyWh: r.stated_wh, amount: r.amount, currency: r.currency }) },
    ]),
  );
  const made: object[] = [];
  const answers = totals.map((total): StatedTotal => {
    const place = placeOf(total);
    const before = standing.get(keyOf(place));
    const base = { on: total.on, party: total.party ?? null, origin: total.origin };
    const content = contentOf({ ...total, energyWh: total.energyWh === null ? null : BigInt(total.energyWh), amount: total.amount ?? null, currency: total.currency ?? null });
    if (before?.content === content) return { ...base, version: before.version, status: 'repeated' };
    const version = (before?.version ?? 0) + 1;
    standing.set(keyOf(place), { version, content });
    made.push({
      ...place,
      version,
      stated_count: total.count,
      stated_wh: total.energyWh,
      amount: total.amount ?? null,
      currency: total.currency ?? null,
      counted_by: total.countedBy ?? 'sessionEnd',
    });
    return { ...base, version, status: version === 1 ? 'stated' : 'corrected' };
  });
  if (made.length === 0) return answers;
  await db.query(
    `INSERT INTO control_total (source_id, on_date, span, origin, party, version, stated_count, stated_wh, amount, currency, counted_by, author)
     SELECT $1, t.*, $3 FROM jsonb_to_recordset($2::jsonb)
       AS t(on_date date, span text, origin text, party text, version integer, stated_count integer, stated_wh bigint, amount numeric, currency text, counted_by text)`,
    [sourceId, JSON.stringify(made), by.actor],
  );
  await audit(db, by, { action: 'source.controlTotals', subject: sourceId, after: { ...more, totals: made } });
  return answers;
}

function contentOf(t: { readonly count: number; readonly energyWh: bigint | null; readonly amount: string | null; readonly currency: string | null }): string {
  return [t.count, t.energyWh ?? '', t.amount === null ? '' : t.amount.replace(/(\.\d*?)0*$/, '$1').replace(/\.$/, ''), t.currency ?? ''].join('|');
}

/** Of a day (`2019-12-05`) or a month (`2019-12`), an origin and a party; null: all parties. */
export type TotalPlace = { readonly sourceId: string; readonly on: string; readonly origin: string; readonly party: string | null };

/**
 * Signs that the difference of a total is right as it is; it holds while neither side changes. Refused when nothing is stated there, or when
 * nothing differs.
 */
export async function acceptControlTotal(db: Db, input: TotalPlace & { readonly reason: string }, by: By): Promise<{ readonly status: 'accepted' }> {
  const { sourceId, on, origin, party, reason } = input;
  const isMonth = on.length === 7;
  const [from, to] = isMonth ? [`${on}-01`, `${monthAfter(on)}-01`] : [on, dayAfter(on)];
  const days = await controlTotalDays(db, { sourceIds: [sourceId], from, to });
  const found = days.find((d) => d.on === on && d.origin === origin && d.party === party);
  const of = `${on}${party === null ? '' : ` of ${party}`}`;
  if (found === undefined) throw new Refused('notFound', `source ${sourceId} states no total of ${of} as ${origin}`);
  if (found.status === 'accepted') return { status: 'accepted' };
  if (found.status !== 'differs') throw new Refused('wrongState', `the total of ${of} is ${found.status}: there is nothing to sign`);
  await db.query(
    `INSERT INTO control_total_acceptance (source_id, on_date, span, origin, party, version, received_count, received_wh, n, received_amount, reason, author)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, coalesce(max(a.n), 0) + 1, $9, $10, $11 FROM control_total_acceptance a
     WHERE (a.source_id, a.on_date, a.span, a.origin, a.party, a.version, a.received_count, a.received_wh) = ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
    [sourceId, from, isMonth ? 'month' : 'day', origin, party ?? '', found.version, found.received.count, found.received.energyWh ?? 0n, found.received.amount, reason, by.actor],
  );
  await audit(db, by, { action: 'source.acceptTotal', subject: `${sourceId}/${on}/${origin}`, reason, after: { party, stated: found.stated, received: found.received } });
  return { status: 'accepted' };
}
