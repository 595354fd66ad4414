import { releasedBy } from '../../core/period/release.ts';
import { dayBefore, monthAfter } from '../../core/period/segments.ts';
import type { Db } from '../db.ts';
import { type Journal, writeJournals } from '../ledger/write-journals.ts';

/** Releases what fees in advance have earned, as `releaseEarned` does, one at a time, so that two closings do not release the same fee. */
export async function releaseAdvanceFees(db: Db, entityId: string, month: string): Promise<{ readonly released: number }> {
  await db.query('SELECT 1 FROM legal_entity WHERE id = $1 FOR UPDATE', [entityId]);
  return releaseEarned(db, entityId, month);
}

/**
 * Releases what fees in advance have earned by the end of a month: from deferred revenue to revenue, one journal per fee and month. A fee is for
 * days of one calendar month, so its last day releases all of it. Repeatable: what was released stays as it is. For a caller who keeps others from
 * posting meanwhile.
 */
export async function releaseEarned(db: Db, entityId: string, month: string): Promise<{ readonly released: number }> {
  const { rows } = await db.query(
    `SELECT c.* FROM rated_charge c WHERE c.entity_id = $1 AND c.service_month <= $2 AND c.role = 'advanceFee' AND c.record_id IS NULL
       AND NOT EXISTS (SELECT FROM ledger_transaction t WHERE t.key = 'release/' || c.charge_id || '/' || c.service_month) ORDER BY c.charge_id`,
    [entityId, month],
  );
  const journals = rows.map((r): Journal => {
    const toOn = dayBefore(`${monthAfter(r.service_month)}-01`);
    const days = { fromOn: `${r.service_month}-01`, toOn };
    const net = { minor: releasedBy({ netMinor: r.net_minor, ...days }, toOn), book: releasedBy({ netMinor: r.book_net_minor, ...days }, toOn) };
    const of = { accountId: r.payer_account_id, costCenter: r.cost_center, siteId: r.site_id, glAccount: r.gl_account, vatCode: r.vat_code, serviceMonth: r.service_month, sourceId: null };
    return {
      key: `release/${r.charge_id}/${r.service_month}`,
      kind: 'released',
      entityId,
      effectiveOn: toOn,
      period: r.service_month,
      sourceRef: String(r.charge_id),
      fxRate: r.fx_rate,
      booked: [{ event: { kind: 'advanceFeeReleased', currency: r.currency, net }, of, withMoney: 1, withEnergy: 0 }],
    };
  });
  await writeJournals(db, journals);
  return { released: journals.length };
}
