import type { Db } from '../../db.ts';

/** A tariff as a peer has it; without a body and a time it took it back. */
export type PeerTariff = {
  readonly countryCode: string;
  readonly partyId: string;
  readonly tariffId: string;
  readonly body: Readonly<Record<string, unknown>> | null;
  readonly lastUpdated: Date | null;
};

/** One writer of a peer's tariffs until this transaction ends: versions rise by one, and what is read of them stands. */
export async function lockPeerTariffs(db: Db, peerId: string): Promise<void> {
  await db.query('SELECT FROM ocpi_peer WHERE id = $1 FOR UPDATE', [peerId]);
}

/**
 * Keeps tariffs of a peer, each as its next version, and answers which are new here or changed. The same content again is no version, and
 * neither is one older than what is known: a pulled page may be.
 */
export async function keepTariffs(db: Db, peerId: string, tariffs: readonly PeerTariff[]): Promise<boolean[]> {
  await lockPeerTariffs(db, peerId);
  const kept: boolean[] = [];
  for (const t of tariffs) {
    const { rowCount } = await db.query(
      `INSERT INTO ocpi_tariff (peer_id, country_code, party_id, tariff_id, version, body, last_updated)
       SELECT $1, upper($2), upper($3), coalesce(k.tariff_id, $4), coalesce(k.version, 0) + 1, $5::jsonb, coalesce($6, k.last_updated)
       FROM (SELECT 1) one LEFT JOIN LATERAL (
         SELECT tariff_id, version, body, last_updated FROM ocpi_tariff WHERE peer_id = $1 AND country_code = upper($2) AND party_id = upper($3) AND lower(tariff_id) = lower($4) ORDER BY version DESC LIMIT 1
       ) k ON true WHERE (k.version IS NULL AND $5::jsonb IS NOT NULL) OR (k.body IS DISTINCT FROM $5::jsonb AND k.last_updated <= coalesce($6, k.last_updated))`,
      [peerId, t.countryCode, t.partyId, t.tariffId, t.body === null ? null : JSON.stringify(t.body), t.lastUpdated],
    );
    kept.push(rowCount === 1);
  }
  return kept;
}
