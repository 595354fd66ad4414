import type { Db } from '../../db.ts';
import { awaitOffers } from '../../ocpi/offer-lock.ts';

export type Window = { readonly from: Date | undefined; readonly to: Date | undefined; readonly offset: number; readonly limit: number };
export type OwnTariff = { readonly body: Readonly<Record<string, unknown>>; readonly lastUpdated: string };

/** Tariffs by which entity `entity` sells to roaming partners, now or later: of each the newest version that has begun, and since when it is so and the tariff theirs. */
export const soldBy = (entity: string) => `SELECT DISTINCT ON (v.tariff_id) v.tariff_id, v.version, v.body, date_trunc('milliseconds', greatest(o.decided_at, v.valid_from, a.since)) AS changed_at
       FROM tariff_version v JOIN (SELECT tariff_id, min(made_at) AS since FROM price_assignment WHERE entity_id = ${entity} AND segment = 'eMSP' AND valid_to > now() GROUP BY 1) a USING (tariff_id)
         LEFT JOIN tariff_proposal o ON o.tariff_version_id = v.id WHERE v.valid_from <= now() ORDER BY v.tariff_id, v.version DESC`;

/**
 * The tariffs that a roaming partner is sold by in this entity, oldest first, and how many the window holds in all. Call it in a transaction: it waits for what is being published or
 * let hold, so that a partner that goes on from where its last window ended misses nothing.
 */
export async function ownTariffs(db: Db, entityId: string, { from, to, offset, limit }: Window): Promise<{ readonly items: readonly OwnTariff[]; readonly total: number }> {
  await awaitOffers(db);
  const { rows } = await db.query<{ body: Record<string, unknown>; changed_at: Date; total: bigint }>(
    `WITH shown AS (${soldBy('$1')}) SELECT body, changed_at, (count(*) OVER ()) AS total FROM shown
     WHERE ($2::timestamptz IS NULL OR changed_at >= $2) AND ($3::timestamptz IS NULL OR changed_at < $3) ORDER BY changed_at, tariff_id`,
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
