import type { OcpiLocation, OcpiPartner, OcpiTerms } from '../../../contracts/ocpi.ts';
import type { Db } from '../../db.ts';
import { audit, type By } from '../audit.ts';
import { Refused } from '../refusal.ts';

export type PeerSetUp = OcpiTerms & { readonly id: string; readonly partners: readonly OcpiPartner[] };

/** Sets a connection up, or changes it; who is registered stays so. Sales that stand already and belong to it are listed for it. Refused where source, entity or accounts do not fit. */
export async function putPeer(db: Db, peer: PeerSetUp, by: By): Promise<void> {
  await checkPlaces(db, peer);
  await db.query(
    `INSERT INTO ocpi_peer (id, entity_id, name, kind, our_country, our_party, country_code, party_id, source_id, correction_channel, push)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, our_country = excluded.our_country, our_party = excluded.our_party, country_code = excluded.country_code,
       party_id = excluded.party_id, source_id = excluded.source_id, correction_channel = excluded.correction_channel, push = excluded.push`,
    [peer.id, peer.entityId, peer.name, peer.kind, peer.us.countryCode, peer.us.partyId, peer.them.countryCode, peer.them.partyId, peer.sourceId, peer.correctionChannel, peer.push],
  );
  await putPartners(db, peer);
  await audit(db, by, { action: 'ocpi.putPeer', subject: peer.id, after: peer });
}

async function checkPlaces(db: Db, { id, entityId, sourceId, partners }: PeerSetUp): Promise<void> {
  const known = await db.query<{ entity_id: string }>('SELECT entity_id FROM ocpi_peer WHERE id = $1 FOR UPDATE', [id]);
  if (known.rows[0] !== undefined && known.rows[0].entity_id !== entityId) throw new Refused('invalid', `connection ${id} belongs to entity ${known.rows[0].entity_id}: set another one up`);
  if ((await db.query('SELECT FROM legal_entity WHERE id = $1', [entityId])).rowCount === 0) throw new Refused('notFound', `there is no entity "${entityId}"`);
  if (sourceId !== null) {
    const { rows } = await db.query('SELECT s.entity_id, s.format, p.id AS taken FROM source s LEFT JOIN ocpi_peer p ON p.source_id = s.id AND p.id <> $2 WHERE s.id = $1', [sourceId, id]);
    if (rows[0] === undefined) throw new Refused('notFound', `there is no source "${sourceId}"`);
    if (rows[0].entity_id !== entityId) throw new Refused('invalid', `source ${sourceId} belongs to entity ${rows[0].entity_id}`);
    if (!/^ocpi-/.test(rows[0].format)) throw new Refused('invalid', `source ${sourceId} reads ${rows[0].format}: a connection wants one that reads OCPI`);
    if (rows[0].taken !== null) throw new Refused('wrongState', `source ${sourceId} belongs to connection ${rows[0].taken}`);
  }
  const { rows: accounts } = await db.query<{ id: string; entity_id: string; category: string; peer_id: string | null }>(
    'SELECT a.id, a.entity_id, a.category, p.peer_id FROM account a LEFT JOIN ocpi_partner p ON p.account_id = a.id WHERE a.id = ANY($1)',
    [partners.map((p) => p.accountId)],
  );
  for (const { accountId } of partners) {
    const account = accounts.find((a) => a.id === accountId);
    if (account === undefined) throw new Refused('notFound', `there is no account "${accountId}"`);
    if (account.entity_id !== entityId || account.category !== 'eMSP') throw new Refused('invalid', `account ${accountId} is no eMSP of ${entityId}`);
    if (account.peer_id !== null && account.peer_id !== id) throw new Refused('wrongState', `the sales of ${accountId} go over connection ${account.peer_id}`);
  }
}

async function putPartners(db: Db, peer: PeerSetUp): Promise<void> {
  await db.query('DELETE FROM ocpi_partner WHERE peer_id = $1 AND account_id <> ALL($2)', [peer.id, peer.partners.map((p) => p.accountId)]);
  for (const { accountId, countryCode, partyId, sendFrom } of peer.partners) {
    const before = await db.query<{ send_from: string }>('SELECT send_from FROM ocpi_partner WHERE account_id = $1', [accountId]);
    await db.query(
      `INSERT INTO ocpi_partner (account_id, peer_id, country_code, party_id, send_from) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (account_id) DO UPDATE SET country_code = excluded.country_code, party_id = excluded.party_id, send_from = excluded.send_from`,
      [accountId, peer.id, countryCode, partyId, sendFrom],
    );
    if (before.rows[0]?.send_from === sendFrom) continue;
    // Looked at again is not sent again: what stands already is known by its record.
    await db.query(
      "INSERT INTO ocpi_sale_pending (peer_id, account_id, record_id) SELECT DISTINCT $1, $2, record_id FROM rated_charge WHERE payer_account_id = $2 AND role = 'emspSale' AND record_id IS NOT NULL AND service_on >= $3 ORDER BY record_id",
      [peer.id, accountId, sendFrom],
    );
  }
}

/** Says what a CDR tells of a site; sales that waited for it are looked at again. Only for our own sites: a home names a person. */
export async function putLocation(db: Db, siteId: string, body: OcpiLocation, by: By): Promise<void> {
  const { rows } = await db.query<{ kind: string }>('SELECT kind FROM site WHERE id = $1', [siteId]);
  if (rows[0] === undefined) throw new Refused('notFound', `there is no site "${siteId}"`);
  if (rows[0].kind !== 'own') throw new Refused('invalid', `site ${siteId} is not ours: a CDR of ours stands at our own chargers`);
  await db.query('INSERT INTO ocpi_location (site_id, body) VALUES ($1, $2) ON CONFLICT (site_id) DO UPDATE SET body = excluded.body', [siteId, JSON.stringify(body)]);
  await db.query('UPDATE ocpi_sale_pending SET waiting_for = NULL WHERE waiting_for = $1', [`location of ${siteId}`]);
  await audit(db, by, { action: 'ocpi.putLocation', subject: siteId, after: body });
}
