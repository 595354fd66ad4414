import type { OcpiParty, OcpiSale } from '../../../contracts/ocpi.ts';
import type { Db } from '../../db.ts';
import { awaitSales } from '../../ocpi/sale-lock.ts';
import type { Window } from './tariffs.ts';

/** A sale with the UID of its token, looked up now: once that is erased its reference stands in. */
export type SentSale = { readonly id: bigint; readonly sale: OcpiSale; readonly uid: string };

/** Of a sale `s` and its delivery `d`: since when its partner can find it. */
const shownSince = 'coalesce(d.released_at, s.made_at)';
/** What it says, last updated when it was let go where it was held: who asks for what is new has looked past the time at which it was made. */
export const shownBody = `CASE WHEN d.released_at IS NULL THEN s.body ELSE s.body || jsonb_build_object('madeAt', to_char(d.released_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END AS body`;

/**
 * The sales of a peer in the order in which they could be found, behind a hub those to one party where it is named, and how many the window holds in all. What is
 * withheld or held is in neither, nor what waits behind it for its session: a replacement is never seen before its credit. Call it in a transaction: it waits for
 * what is being made, so that a partner that goes on from where its last window ended misses nothing.
 */
export async function salesOf(db: Db, peerId: string, { from, to, offset, limit }: Window, party?: OcpiParty): Promise<{ readonly items: readonly SentSale[]; readonly total: number }> {
  await awaitSales(db, peerId);
  const inWindow = `FROM (SELECT id FROM ocpi_sale WHERE peer_id = $1 AND ($2::timestamptz IS NULL OR made_at >= $2) UNION SELECT sale_id FROM ocpi_delivery WHERE peer_id = $1 AND released_at >= $2) w
    JOIN ocpi_sale s ON s.id = w.id JOIN ocpi_delivery d ON d.sale_id = s.id
    WHERE d.state NOT IN ('withheld', 'held', 'withdrawn') AND NOT EXISTS (SELECT FROM ocpi_delivery e WHERE e.peer_id = $1 AND e.state = 'held' AND e.record_id = d.record_id AND e.sale_id < d.sale_id)
      AND ($3::timestamptz IS NULL OR ${shownSince} < $3) AND ($4::text IS NULL OR s.body #>> '{to,countryCode}' = $4 AND s.body #>> '{to,partyId}' = $5)`;
  const params = [peerId, from ?? null, to ?? null, party?.countryCode ?? null, party?.partyId ?? null];
  const { rows } = await db.query<{ total: bigint }>(`SELECT count(*) AS total ${inWindow}`, params);
  const { rows: page } = await db.query<{ id: bigint; body: OcpiSale }>(`SELECT s.id, ${shownBody} ${inWindow} ORDER BY ${shownSince}, s.id OFFSET $6 LIMIT $7`, [...params, offset, limit]);
  return { items: await withUids(db, page), total: Number(rows[0]?.total ?? 0n) };
}

/** Looks up the UIDs of a page of sales. */
export async function withUids(db: Db, page: readonly { readonly id: bigint; readonly body: OcpiSale }[]): Promise<SentSale[]> {
  const { rows } = await db.query<{ source_id: string; ref: string; uid: string }>(
    'SELECT t.source_id, t.ref, t.uid FROM unnest($1::text[], $2::text[]) AS w(source_id, ref) JOIN token t USING (source_id, ref)',
    [page.map((s) => s.body.token.sourceId), page.map((s) => s.body.token.ref)],
  );
  const uids = new Map(rows.map((r) => [`${r.source_id}/${r.ref}`, r.uid]));
  return page.map(({ id, body }) => ({ id, sale: body, uid: uids.get(`${body.token.sourceId}/${body.token.ref}`) ?? body.token.ref }));
}
