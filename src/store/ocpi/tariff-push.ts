import type { Db } from '../db.ts';
import { type OwnTariff, soldBy } from '../reads/ocpi/tariffs.ts';

/** What a peer is to be told of a tariff of ours: its new words, or that what stands there holds no more, since it is sold by no more or its newer version was refused. */
export type TariffOrder = { readonly tariffId: string; readonly version: number } & (
  | { readonly kind: 'put'; readonly tariff: OwnTariff }
  | { readonly kind: 'delete'; readonly because: 'soldNoMore' | 'newerRefused' }
);
export type TariffState = 'queued' | 'sent' | 'refused' | 'withdrawn' | 'notTakenBack';

/** Of peers `p`: they buy from us, take tariffs, and are pushed to. */
const takesTariffs = `p.state = 'registered' AND p.push AND EXISTS (SELECT FROM ocpi_partner b WHERE b.peer_id = p.id)
  AND EXISTS (SELECT FROM jsonb_array_elements(p.endpoints) e WHERE e->>'identifier' = 'tariffs' AND coalesce(e->>'role', 'RECEIVER') = 'RECEIVER')`;

/**
 * For each peer what it is to be told now: what it was not told, or in another version; and to take back what may stand there and is no
 * price of ours any more, because nothing is sold by it or because the version that is was refused. What it refused in this very version
 * waits for a newer one, or for a retry.
 */
const due = `SELECT p.id AS peer_id, w.tariff_id, w.version, w.body, w.changed_at, w.sold FROM ocpi_peer p CROSS JOIN LATERAL (
    SELECT s.tariff_id, s.version, s.body, s.changed_at, true AS sold FROM (${soldBy('p.entity_id')}) s
    WHERE NOT EXISTS (SELECT FROM ocpi_tariff_push k WHERE k.peer_id = p.id AND k.tariff_id = s.tariff_id AND k.version = s.version AND k.state IN ('sent', 'refused', 'notTakenBack'))
    UNION ALL SELECT k.tariff_id, k.version, NULL, NULL, s.version IS NOT NULL FROM ocpi_tariff_push k LEFT JOIN (${soldBy('p.entity_id')}) s USING (tariff_id)
    WHERE k.peer_id = p.id AND k.there_version IS NOT NULL AND k.state <> 'notTakenBack' AND (s.version IS NULL OR s.version = k.version AND k.state = 'refused')) w
  WHERE ${takesTariffs}`;

/** Peers that are to be told of tariffs. */
export async function peersOwedTariffs(db: Db): Promise<string[]> {
  const { rows } = await db.query<{ peer_id: string }>(`SELECT DISTINCT d.peer_id FROM (${due}) d ORDER BY 1`);
  return rows.map((r) => r.peer_id);
}

/** What one peer is to be told, oldest first. */
export async function tariffOrders(db: Db, peerId: string): Promise<TariffOrder[]> {
  const { rows } = await db.query<{ tariff_id: string; version: number; body: Record<string, unknown> | null; changed_at: Date | null; sold: boolean }>(
    `SELECT * FROM (${due}) d WHERE d.peer_id = $1 ORDER BY d.changed_at NULLS FIRST, d.tariff_id`,
    [peerId],
  );
  return rows.map((r) => ({
    tariffId: r.tariff_id,
    version: r.version,
    ...(r.body === null || r.changed_at === null
      ? { kind: 'delete' as const, because: r.sold ? ('newerRefused' as const) : ('soldNoMore' as const) }
      : { kind: 'put' as const, tariff: { body: r.body, lastUpdated: r.changed_at.toISOString() } }),
  }));
}

/** Keeps what a peer answered: `queued` is to be tried again. Without an answer a PUT may have been taken; what was taken back for a refused version leaves that refused. */
export async function keepTariffAnswer(db: Db, peerId: string, { tariffId, version, ...order }: TariffOrder, state: TariffState, words: string | null): Promise<void> {
  const isPut = order.kind === 'put';
  await db.query(
    `INSERT INTO ocpi_tariff_push AS k (peer_id, tariff_id, version, state, attempts, answer, sent_at, there_version) VALUES ($1, $2, $3, $4, 1, $5, CASE WHEN $4 = 'sent' THEN now() END, CASE WHEN $4 IN ('sent', 'queued') THEN $3::integer END)
     ON CONFLICT (peer_id, tariff_id) DO UPDATE SET version = excluded.version, state = CASE WHEN $7 THEN 'refused' ELSE excluded.state END, attempts = k.attempts + 1,
       answer = CASE WHEN $7 THEN k.answer ELSE excluded.answer END, sent_at = coalesce(excluded.sent_at, k.sent_at), there_version = CASE WHEN $4 = 'withdrawn' THEN NULL WHEN $6 THEN coalesce(excluded.there_version, k.there_version) ELSE k.there_version END`,
    [peerId, tariffId, version, state, words?.slice(0, 500) ?? null, isPut, order.kind === 'delete' && order.because === 'newerRefused' && (state === 'withdrawn' || state === 'queued')],
  );
}
