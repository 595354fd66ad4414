import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** One unit of `currency` is `rate` of `into`, as the source says on a day. */
export type FxRateRow = { readonly line: number; readonly source: string; readonly on: string; readonly currency: string; readonly into: string; readonly rate: string };
export type FxCounts = { readonly created: number; readonly changed: number; readonly unchanged: number };

/** Takes rates in, set-wise. A rate that is another one than before is a new version; what was priced by the old one stays. */
export async function loadFxRates(db: Db, rates: readonly FxRateRow[], by: By): Promise<FxCounts> {
  refuseRepeats(rates);
  await db.query("SELECT pg_advisory_xact_lock(hashtextextended('fx-rates', 0))");
  const { rows } = await db.query<{ created: bigint; changed: bigint }>(
    `WITH given AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS g(source text, "on" date, currency char(3), "into" char(3), rate numeric(18, 8))),
     known AS (SELECT g.*, (SELECT f.version FROM fx_rate f WHERE (f.source, f.currency, f.into_currency, f.rate_on) = (g.source, g.currency, g."into", g."on") ORDER BY f.version DESC LIMIT 1) AS version FROM given g),
     news AS (SELECT k.* FROM known k WHERE k.version IS NULL OR EXISTS (SELECT FROM fx_rate f WHERE (f.source, f.currency, f.into_currency, f.rate_on, f.version) = (k.source, k.currency, k."into", k."on", k.version) AND f.rate <> k.rate)),
     written AS (INSERT INTO fx_rate (source, rate_on, currency, into_currency, version, rate, author) SELECT source, "on", currency, "into", coalesce(version, 0) + 1, rate, $2 FROM news RETURNING version)
     SELECT count(*) FILTER (WHERE version = 1) AS created, count(*) FILTER (WHERE version > 1) AS changed FROM written`,
    [JSON.stringify(rates.map(({ line: _, ...rate }) => rate)), by.actor],
  );
  const [created, changed] = [Number(rows[0]?.created ?? 0n), Number(rows[0]?.changed ?? 0n)];
  const counts = { created, changed, unchanged: rates.length - created - changed };
  if (created + changed > 0) await audit(db, by, { action: 'fxRate.load', subject: [...new Set(rates.map((r) => r.source))].join(', '), after: counts });
  return counts;
}

function refuseRepeats(rates: readonly FxRateRow[]): void {
  const seen = new Map<string, number>();
  for (const { line, source, on, currency, into } of rates) {
    const key = `${source} ${on} ${currency} ${into}`;
    const first = seen.get(key);
    if (first !== undefined) throw new Refused('invalid', `line ${line}: ${key} stands in line ${first} too`);
    if (currency === into) throw new Refused('invalid', `line ${line}: a currency has no rate into itself`);
    seen.set(key, line);
  }
}

/** Sources of the entities that keep their books by a source of rates: whose waiting records may go on. */
export async function sourcesByRates(db: Db, fxSources: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>('SELECT s.id FROM source s JOIN legal_entity e ON e.id = s.entity_id WHERE e.fx_source = ANY($1) ORDER BY s.id', [fxSources]);
  return rows.map((r) => r.id);
}
