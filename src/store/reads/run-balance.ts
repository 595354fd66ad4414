import type { Db } from '../db.ts';
import { freeEnergySql } from '../ledger/free-energy.ts';
import { energyDetails } from './energy-details.ts';

const energyFigures = ['received', 'billed', 'open', 'carried', 'parked', 'held', 'free', 'excluded', 'rejected', 'billedElsewhere'] as const;
const moneyFigures = ['received', 'billed', 'open', 'carried', 'excluded'] as const;
type Figures = Readonly<Record<string, bigint>>;
/** Where what a source sent of a service month stands, in Wh or in minor units of a currency; source '' is what no session earned, such as fees. */
export type Standing = { readonly sourceId: string; readonly month: string; readonly unit: string; readonly figures: Figures };

/** Of all that an entity received and priced: energy by where it is (invariant 9), and the net of sales by where their charges are; `received` of money is what was priced. */
async function standingOf(db: Db, entityId: string): Promise<Standing[]> {
  const sums = (names: readonly string[]) => names.map((name) => `coalesce(sum(b."${name}"), 0)::bigint AS "${name}"`).join(', ');
  const energy = await db.query(
    `SELECT b.source_id, b.month, 'Wh' AS unit, ${sums(energyFigures)} FROM (${energyDetails('$1::text')}) b JOIN source s ON s.id = b.source_id WHERE s.entity_id = $1 GROUP BY 1, 2 ORDER BY 1, 2`,
    [entityId],
  );
  const money = await db.query(
    `SELECT b.source_id, b.month, b.unit, sum(b.net)::bigint AS received, ${['billed', 'open', 'carried', 'excluded'].map((name) => `coalesce(sum(b.net) FILTER (WHERE bucket = '${name}'), 0)::bigint AS "${name}"`).join(', ')}
     FROM (
       SELECT coalesce(h.source_id, '') AS source_id, c.service_month AS month, c.currency AS unit, c.net_minor AS net,
         CASE WHEN d.state = 'issued' THEN 'billed' WHEN k.disposition IN ('excluded', 'carried') THEN k.disposition ELSE 'open' END AS bucket
       FROM rated_charge c LEFT JOIN record_head h ON h.record_id = c.record_id LEFT JOIN claim k ON k.charge_id = c.charge_id LEFT JOIN document d ON d.id = k.document_id
       WHERE c.entity_id = $1 AND c.payer_account_id IS NOT NULL
     ) b GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
    [entityId],
  );
  const read =
    (names: readonly string[]) =>
    (r: Record<string, unknown>): Standing => ({
      sourceId: r['source_id'] as string,
      month: r['month'] as string,
      unit: r['unit'] as string,
      figures: Object.fromEntries(names.map((name) => [name, r[name] as bigint])),
    });
  return [...energy.rows.map(read(energyFigures)), ...money.rows.map(read(moneyFigures))];
}

/**
 * What a run found, took in and left, by source and unit (invariant 9): opening + received = billed + free + excluded + rejected + billed
 * elsewhere + closing. `received` counts corrections as − old + new; `billedByOthers`: by other runs in the same time.
 */
export type RunEquation = {
  readonly sourceId: string;
  readonly unit: string;
  readonly opening: bigint;
  readonly received: bigint;
  readonly billed: bigint;
  readonly billedByOthers: bigint;
  readonly free: bigint;
  readonly excluded: bigint;
  readonly rejected: bigint;
  readonly billedElsewhere: bigint;
  readonly closing: bigint;
  /** Zero, always. */
  readonly difference: bigint;
};
export type RunBalance = { readonly since: Date | null; readonly standing: readonly Standing[]; readonly equation: readonly RunEquation[] };

const waiting = ['open', 'carried', 'parked', 'held'] as const;

/**
 * The run's own equation, from where the entity's run before it left off (`since`; null: there was none). What is billed is counted on the
 * documents themselves, all the rest on where things stand. Throws RangeError when there is no such run.
 */
export async function runBalance(db: Db, runId: string): Promise<RunBalance> {
  const run = (await db.query<{ entity_id: string; closed_at: Date | null }>('SELECT entity_id, closed_at FROM billing_run WHERE id = $1', [runId])).rows[0];
  if (run === undefined) throw new RangeError(`no run "${runId}"`);
  const before = (
    await db.query<{ id: string; closed_at: Date }>(
      `SELECT r.id, r.closed_at FROM billing_run r WHERE r.entity_id = $1 AND r.id <> $2 AND r.state = 'closed' AND ($3::timestamptz IS NULL OR r.closed_at < $3)
         AND EXISTS (SELECT FROM run_closing c WHERE c.run_id = r.id) ORDER BY r.closed_at DESC LIMIT 1`,
      [run.entity_id, runId, run.closed_at],
    )
  ).rows[0];
  const opening = before === undefined ? [] : await closingOf(db, before.id);
  const standing = await standingOf(db, run.entity_id);
  const billed = await billedSince(db, run.entity_id, runId, before?.closed_at ?? null);
  const keys = new Map([...opening, ...standing, ...billed].map((s) => [`${s.sourceId}\n${s.unit}`, { sourceId: s.sourceId, unit: s.unit }]));
  const equation = [...keys].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => equationOf(key, opening, standing, billed));
  return { since: before?.closed_at ?? null, standing, equation };
}

type Billed = { readonly sourceId: string; readonly unit: string; readonly own: bigint; readonly others: bigint };

function equationOf(key: { readonly sourceId: string; readonly unit: string }, opening: readonly Standing[], standing: readonly Standing[], billed: readonly Billed[]): RunEquation {
  const here = <T extends { readonly sourceId: string; readonly unit: string }>(all: readonly T[]) => all.filter((s) => s.sourceId === key.sourceId && s.unit === key.unit);
  const sum = (of: readonly Standing[], ...names: readonly (typeof energyFigures)[number][]) => here(of).reduce((total, s) => names.reduce((t, name) => t + (s.figures[name] ?? 0n), total), 0n);
  const grown = (name: (typeof energyFigures)[number]) => sum(standing, name) - sum(opening, name);
  const row = {
    ...key,
    opening: sum(opening, ...waiting),
    received: grown('received'),
    billed: here(billed).reduce((total, b) => total + b.own, 0n),
    billedByOthers: here(billed).reduce((total, b) => total + b.others, 0n),
    free: grown('free'),
    excluded: grown('excluded'),
    rejected: grown('rejected'),
    billedElsewhere: grown('billedElsewhere'),
    closing: sum(standing, ...waiting),
  };
  return { ...row, difference: row.opening + row.received - row.billed - row.billedByOthers - row.free - row.excluded - row.rejected - row.billedElsewhere - row.closing };
}

/** What documents issued since an instant bill, of the run and of others. */
async function billedSince(db: Db, entityId: string, runId: string, since: Date | null): Promise<Billed[]> {
  const { rows } = await db.query(
    `SELECT coalesce(h.source_id, '') AS source_id, x.unit, coalesce(sum(x.amount) FILTER (WHERE k.run_id = $2), 0)::bigint AS own, coalesce(sum(x.amount) FILTER (WHERE k.run_id <> $2), 0)::bigint AS others
     FROM issue_stamp i JOIN document d ON d.id = i.document_id AND d.entity_id = $1 JOIN claim k ON k.run_id = d.run_id AND k.account_id = d.account_id AND k.document_id = d.id JOIN rated_charge c ON c.charge_id = k.charge_id LEFT JOIN record_head h ON h.record_id = c.record_id
     CROSS JOIN LATERAL (VALUES ('Wh', CASE WHEN ${freeEnergySql} THEN 0 ELSE c.energy_wh END), (c.currency::text, c.net_minor)) AS x(unit, amount)
     WHERE c.payer_account_id IS NOT NULL AND ($3::timestamptz IS NULL OR i.issued_at > $3) GROUP BY 1, 2`,
    [entityId, runId, since],
  );
  return rows.map((r) => ({ sourceId: r.source_id, unit: r.unit, own: r.own, others: r.others }));
}

async function closingOf(db: Db, runId: string): Promise<Standing[]> {
  const { rows } = await db.query<{ source_id: string; service_month: string; unit: string; figures: Record<string, string> }>('SELECT * FROM run_closing WHERE run_id = $1', [runId]);
  return rows.map((r) => ({ sourceId: r.source_id, month: r.service_month, unit: r.unit, figures: Object.fromEntries(Object.entries(r.figures).map(([name, value]) => [name, BigInt(value)])) }));
}
