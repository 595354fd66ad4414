import type { Db } from '../db.ts';
import { freeEnergySql } from './free-energy.ts';
import { writeJournals } from './write-journals.ts';

/** Books what the run's exclusions write off: out of revenue and unbilled, with its energy; what was free stays so. Repeatable: once a run. */
export async function bookWriteOffs(db: Db, runId: string, issueOn: string): Promise<void> {
  const key = `writeOff/${runId}`;
  if ((await db.query('SELECT 1 FROM ledger_transaction WHERE key = $1', [key])).rowCount !== 0) return;
  const { rows } = await db.query<{
    account_id: string;
    entity_id: string;
    cost_center: string;
    site_id: string | null;
    gl_account: string;
    vat_code: string;
    service_month: string;
    source_id: string | null;
    currency: string;
    net: bigint;
    book: bigint;
    wh: bigint;
    n: bigint;
  }>(
    `SELECT k.account_id, c.entity_id, c.cost_center, c.site_id, c.gl_account, c.vat_code, c.service_month, r.source_id, c.currency, sum(c.net_minor)::bigint AS net, sum(c.book_net_minor)::bigint AS book,
       coalesce(sum(c.energy_wh) FILTER (WHERE NOT ${freeEnergySql}), 0)::bigint AS wh, count(*) AS n
     FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id LEFT JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision
     WHERE k.run_id = $1 AND k.disposition = 'excluded' AND c.payer_account_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 1, 3, 4, 5, 6, 7`,
    [runId],
  );
  const [first] = rows;
  if (first === undefined) return;
  const booked = rows.map((row) => ({
    event: { kind: 'excludedWrittenOff' as const, currency: row.currency, net: { minor: row.net, book: row.book }, energyWh: row.wh },
    of: {
      accountId: row.account_id,
      costCenter: row.cost_center,
      siteId: row.site_id,
      glAccount: row.gl_account,
      vatCode: row.vat_code,
      serviceMonth: row.service_month,
      sourceId: row.source_id,
    },
    withMoney: Number(row.n),
    withEnergy: Number(row.n),
  }));
  await writeJournals(db, [{ key, kind: 'writtenOff', entityId: first.entity_id, effectiveOn: issueOn, period: issueOn.slice(0, 7), sourceRef: runId, fxRate: null, booked }]);
}
