import type { OcpiParty, OcpiSale } from '../../../contracts/ocpi.ts';
import type { Db } from '../../db.ts';
import type { Window } from './tariffs.ts';

/** A sale with the UID of its token, looked up now: once that is erased its reference stands in. */
export type SentSale = { readonly id: bigint; readonly sale: OcpiSale; readonly uid: string };

/**
 * The sales of a peer in the order they were made, behind a hub those to one party where it is named, and how many the window holds in all. What is
 * withheld or held is in neither, nor what waits behind it for its session: a replacement is never seen before its credit.
 */
export async function salesOf(db: Db, peerId: string, { from, to, offset, limit }: Window, party?: OcpiParty): Promise<{ readonly items: readonly SentSale[]; readonly total: number }> {
  const inWindow =
    "FROM ocpi_sale s JOIN ocpi_delivery d ON d.sale_id = s.id WHERE s.peer_id = $1 AND d.state NOT IN ('withheld', 'held', 'withdrawn') AND NOT EXISTS (SELECT FROM ocpi_delivery e WHERE e.peer_id = $1 AND e.state = 'held' AND e.record_id = d.record_id AND e.sale_id < d.sale_id) AND ($2::timestamptz IS NULL OR s.made_at >= $2) AND ($3::timestamptz IS NULL OR s.made_at < $3) AND ($4::text IS NULL OR s.body #>> '{to,countryCode}' = $4 AND s.body #>> '{to,partyId}' = $5)";
  const params = [peerId, from ?? null, to ?? null, party?.countryCode ?? null, party?.partyId ?? null];
  const { rows } = await db.query<{ total: bigint }>(`SELECT count(*) AS total ${inWindow}`, params);
  const { rows: page } = await db.query<{ id: bigint; body: OcpiSale }>(`SELECT s.id, s.body ${inWindow} ORDER BY s.made_at, s.id OFFSET $6 LIMIT $7`, [...params, offset, limit]);
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
