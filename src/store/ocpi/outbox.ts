import type { OcpiSale } from '../../contracts/ocpi.ts';
import type { Db } from '../db.ts';
import { type SentSale, shownBody, withUids } from '../reads/ocpi/sales.ts';
import { holdSales, judgeSales, rulesChanged } from './judge-sales.ts';
import { peersOwedTariffs } from './tariff-push.ts';

/** `left`: there may be more behind them. */
export type TakenSales = { readonly sales: readonly (SentSale & { readonly recordId: bigint })[]; readonly left: boolean };

/**
 * The next sales to push to a peer, in the order they were made; what its partner is known to refuse by now is held instead. A sale whose
 * record has an earlier one that is refused or held waits for that one: a replacement never comes before its credit.
 */
export async function takeSales(db: Db, peerId: string, limit: number, now: Date): Promise<TakenSales> {
  const { rows } = await db.query<{ id: bigint; body: OcpiSale; account_id: string; record_id: bigint }>(
    `SELECT s.id, ${shownBody}, s.account_id, s.record_id FROM ocpi_delivery d JOIN ocpi_sale s ON s.id = d.sale_id
     WHERE d.peer_id = $1 AND d.state = 'queued' AND NOT EXISTS (SELECT FROM ocpi_delivery e WHERE e.peer_id = $1 AND e.state IN ('refused', 'held') AND e.record_id = d.record_id AND e.sale_id < d.sale_id)
     ORDER BY d.sale_id LIMIT $2`,
    [peerId, limit],
  );
  const judge = await judgeSales(
    db,
    rows.map((r) => r.account_id),
    now,
  );
  const held = rows.map((r) => ({ saleId: r.id, recordId: r.record_id, ...judge(r.account_id, r.body) })).filter((v) => v.issues.length > 0);
  await holdSales(db, held);
  const behind = new Set(held.map((h) => h.recordId));
  const fit = rows.filter((r) => !behind.has(r.record_id) || held.every((h) => h.recordId !== r.record_id || h.saleId > r.id));
  const records = new Map(fit.map((r) => [r.id, r.record_id]));
  const sales = (await withUids(db, fit)).map((sale) => ({ ...sale, recordId: records.get(sale.id) ?? 0n }));
  return { sales, left: rows.length === limit };
}

/** How many CDRs for a peer are held. */
export async function heldOf(db: Db, peerId: string): Promise<number> {
  return Number((await db.query<{ n: bigint }>("SELECT count(*) AS n FROM ocpi_delivery WHERE peer_id = $1 AND state = 'held'", [peerId])).rows[0]?.n ?? 0n);
}

export type PushAnswer =
  /** Taken, by the hub or by the partner itself. */
  | { readonly state: 'sent'; readonly location: string | null; readonly by: 'peer' | 'hub' }
  /** It will not go through by itself. */
  | { readonly state: 'refused'; readonly words: string }
  /** No answer, or trouble on their side: it stays queued. */
  | { readonly state: 'queued'; readonly words: string };

/** Keeps what the peer answered to a sale. */
export async function keepPushAnswer(db: Db, saleId: bigint, answer: PushAnswer): Promise<void> {
  if (answer.state === 'sent') {
    await db.query(
      `UPDATE ocpi_delivery SET state = 'sent', attempts = attempts + 1, answer = NULL, location = $2, sent_at = now(),
         hub_acknowledged_at = CASE WHEN $3 THEN coalesce(hub_acknowledged_at, now()) ELSE hub_acknowledged_at END, seen_at = CASE WHEN $3 THEN seen_at ELSE coalesce(seen_at, now()) END WHERE sale_id = $1`,
      [saleId, answer.location, answer.by === 'hub'],
    );
  } else await db.query('UPDATE ocpi_delivery SET state = $2, attempts = attempts + 1, answer = $3 WHERE sale_id = $1', [saleId, answer.state, answer.words.slice(0, 500)]);
}

/** The peer takes no CDRs: what is queued is there to be pulled. */
export async function leaveForPull(db: Db, peerId: string): Promise<void> {
  await db.query("UPDATE ocpi_delivery SET state = 'pullOnly' WHERE peer_id = $1 AND state = 'queued'", [peerId]);
}

/** What is to be done of a peer's tariffs and ours. */
export type TariffLookDue = { readonly peerId: string; readonly pull: boolean; readonly push: boolean };

/** What there is to do over all connections: sales to prepare or send, tariffs that nobody looked at for an hour, and peers to be told of ours. */
export async function dueOfPeers(db: Db, now: Date): Promise<{ readonly push: readonly string[]; readonly tariffs: readonly TariffLookDue[] }> {
  const { rows: push } = await db.query<{ id: string }>(
    `SELECT p.id FROM ocpi_peer p WHERE p.state = 'registered' AND (EXISTS (SELECT FROM ocpi_sale_pending w WHERE w.peer_id = p.id AND w.waiting_for IS NULL)
       OR EXISTS (SELECT FROM ocpi_delivery d WHERE d.peer_id = p.id AND d.state = 'queued')
       OR EXISTS (SELECT FROM ocpi_delivery d JOIN ocpi_sale s ON s.id = d.sale_id WHERE d.peer_id = p.id AND d.state = 'held' AND ${rulesChanged})) ORDER BY p.id`,
  );
  const { rows: tariffs } = await db.query<{ id: string }>(
    "SELECT id FROM ocpi_peer WHERE state = 'registered' AND source_id IS NOT NULL AND (tariffs_pulled_at IS NULL OR tariffs_pulled_at < $1::timestamptz - interval '1 hour') ORDER BY id",
    [now],
  );
  const pull = new Set(tariffs.map((r) => r.id));
  const owed = new Set(await peersOwedTariffs(db));
  return { push: push.map((r) => r.id), tariffs: [...new Set([...pull, ...owed])].sort().map((peerId) => ({ peerId, pull: pull.has(peerId), push: owed.has(peerId) })) };
}

/** Keeps until when a peer's tariffs are known, and how the look went. */
export async function noteTariffs(db: Db, peerId: string, at: Date): Promise<void> {
  await db.query('UPDATE ocpi_peer SET tariffs_pulled_at = $2 WHERE id = $1', [peerId, at]);
}
