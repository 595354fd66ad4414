import type { Db } from '../../db.ts';

export type Window = { readonly from: Date | undefined; readonly to: Date | undefined; readonly offset: number; readonly limit: number };
export type OwnTariff = { readonly body: Readonly<Record<string, unknown>>; readonly lastUpdated: string };

/** The tariffs that a roaming partner is sold by in this entity, oldest first: the newest version of each, and how many the window holds in all. */
export async function ownTariffs(db: Db, entityId: string, { from, to, offset, limit }: Window): Promise<{ readonly items: readonly OwnTariff[]; readonly total: number }> {
  const { rows } = await db.query<{ body: Record<string, unknown>; changed_at: Date; total: bigint }>(
    `WITH shown AS (
       SELECT DISTINCT ON (v.tariff_id) v.tariff_id, v.body, coalesce(p.decided_at, v.valid_from) AS changed_at
       FROM tariff_version v LEFT JOIN tariff_proposal p ON p.tariff_version_id = v.id
       WHERE v.tariff_id IN (SELECT tariff_id FROM price_assignment WHERE entity_id = $1 AND segment = 'eMSP') ORDER BY v.tariff_id, v.version DESC)
     SELECT body, date_trunc('milliseconds', changed_at) AS changed_at, (count(*) OVER ()) AS total FROM shown
     WHERE ($2::timestamptz IS NULL OR date_trunc('milliseconds', changed_at) >= $2) AND ($3::timestamptz IS NULL OR date_trunc('milliseconds', changed_at) < $3)
     ORDER BY changed_at, tariff_id`,
    [entityId, from ?? null, to ?? null],
  );
  return { items: rows.slice(offset, offset + limit).map((r) => ({ body: r.body, lastUpdated: r.changed_at.toISOString() })), total: rows.length };
}

export type TariffKey = { readonly peerId: string; readonly countryCode: string; readonly partyId: string; readonly tariffId: string };

/** A tariff as its peer last sent it; undefined when it never did, or took it back. */
export async function peerTariff(db: Db, key: TariffKey): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { rows } = await db.query(
    'SELECT body FROM ocpi_tariff WHERE peer_id = $1 AND country_code = upper($2) AND party_id = upper($3) AND lower(tariff_id) = lower($4) ORDER BY version DESC LIMIT 1',
    [key.peerId, key.countryCode, key.partyId, key.tariffId],
  );
  return rows[0]?.body ?? undefined;
}
