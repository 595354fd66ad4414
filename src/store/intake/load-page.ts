import type { QueryResultRow } from 'pg';
import { type RuleProfile, ruleProfileSchema } from '../../contracts/rule-profile.ts';
import type { Worth } from '../../core/allocate/allocate-session.ts';
import type { Version } from '../../core/intake/standing.ts';
import type { Issue } from '../../core/issues.ts';
import type { Route } from '../../core/plausibility/neighbours.ts';
import { arrayOf, text } from '../binary.ts';
import type { Db } from '../db.ts';
import { besideErasure } from '../erasure-lock.ts';

export type SourceRow = {
  readonly id: string;
  readonly entityId: string;
  readonly format: string;
  readonly ownerCountry: string;
  readonly ownerParty: string;
  readonly timeZone: string;
  readonly route: Route;
  readonly repeatProfile: 'revise' | 'conflict';
  readonly ruleProfile: RuleProfile;
  readonly ruleProfileVersion: number;
  /** Other sources of the entity may report the same sessions. */
  readonly hasSiblings: boolean;
  /** How many pages other sources of the entity had written as the page began; as `countPages` answers it. */
  readonly pagesBeside: bigint | null;
};
export type PageMessage = {
  readonly rawId: bigint;
  readonly recordKey: string;
  readonly receivedAt: Date;
  readonly bytes: Buffer | null;
  readonly source: SourceRow;
  readonly pending: boolean;
  readonly tokenSecret: Buffer;
  /** The transaction that looks at it, by the database's number. */
  readonly transaction: string;
};

/**
 * The messages of a page in order of arrival, with those that wait taken off the work list: whoever gets here with one of them too waits for this
 * transaction, and they are back on the list if it fails. What is processed already is answered only where it is looked at `again`, and then
 * what waits is left on the list for `takeOffList`.
 */
export async function loadMessages(db: Db, rawIds: readonly string[], again: boolean): Promise<PageMessage[]> {
  const taken = again ? 'SELECT raw_id FROM raw_pending WHERE raw_id = ANY($1::bigint[]) ORDER BY raw_id FOR UPDATE' : 'DELETE FROM raw_pending WHERE raw_id = ANY($1::bigint[]) RETURNING raw_id';
  const { rows } = await db.query(
    `WITH beside AS MATERIALIZED (SELECT ${besideErasure}), mine AS MATERIALIZED (${taken})
     SELECT m.id, m.record_key, m.received_at, m.source_id, b.bytes, p.raw_id IS NOT NULL AS pending
     FROM raw_message m CROSS JOIN beside
     LEFT JOIN LATERAL (SELECT bytes FROM raw_body WHERE received_month = m.received_month AND hash = m.body_hash LIMIT 1) b ON true
     ${again ? 'LEFT JOIN' : 'JOIN'} mine p ON p.raw_id = m.id
     WHERE m.id = ANY($1::bigint[]) ORDER BY m.id`,
    [rawIds],
  );
  const { rows: sourceRows } = await db.query(
    `SELECT s.id, s.entity_id, s.format, s.owner_country, s.owner_party, s.time_zone, s.route, s.repeat_profile, s.rule_profile, s.rule_profile_version,
            EXISTS (SELECT FROM source o WHERE o.entity_id = s.entity_id AND o.id <> s.id) AS has_siblings, pages_beside(s.id) AS pages_beside, k.secret, pg_current_xact_id()::text AS transaction
     FROM source s CROSS JOIN token_secret k WHERE s.id = ANY($1::text[])`,
    [[...new Set(rows.map((r) => r.source_id as string))]],
  );
  const sources = new Map(sourceRows.map((r) => [r.id as string, { source: sourceOfRow(r), tokenSecret: r.secret as Buffer, transaction: r.transaction as string }]));
  return rows.map((r) => {
    const from = sources.get(r.source_id);
    if (from === undefined) throw new Error(`message ${r.id} came from source ${r.source_id}, which is gone`);
    return { rawId: r.id, recordKey: r.record_key, receivedAt: r.received_at, bytes: r.bytes, pending: r.pending, ...from };
  });
}

function sourceOfRow(r: QueryResultRow): SourceRow {
  return {
    id: r['id'],
    entityId: r['entity_id'],
    format: r['format'],
    ownerCountry: r['owner_country'],
    ownerParty: r['owner_party'],
    timeZone: r['time_zone'],
    route: r['route'],
    repeatProfile: r['repeat_profile'],
    ruleProfile: ruleProfileSchema.parse(r['rule_profile']),
    ruleProfileVersion: r['rule_profile_version'],
    hasSiblings: r['has_siblings'],
    pagesBeside: r['pages_beside'],
  };
}

/** How a record stands. A new object for each change; written as it is. */
export type Head = {
  readonly key: HeadKey;
  /** There is no row yet: `writeHeads` inserts it. */
  readonly isNew: boolean;
  readonly recordId: bigint;
  readonly revision: number;
  readonly state: 'received' | 'quarantined' | 'rejected' | 'parked' | 'booked';
  readonly sessionKey: string;
  /** The version that is booked or rejected. */
  readonly standing: Version | null;
  /** The version that waits, beside the one that stands or alone; without a hash when it cannot be read. */
  readonly waiting: { readonly rawId: bigint; readonly hash: Buffer | null; readonly updatedAt: number | null } | null;
  readonly waitingFor: string | null;
  /** What is at risk while it waits. */
  readonly worth: Worth | null;
  readonly issues: readonly Issue[];
  readonly siteId: string | null;
  readonly accountId: string | null;
  readonly serviceMonth: string | null;
  readonly energyWh: number;
  /** Local date of the session's end in the zone of its source, and the energy, as the source said them; the energy where a signed correction differs, else null. */
  readonly endedOn: string | null;
  readonly sourceWh: number | null;
  readonly tokenRef: string | null;
  /** The record of another route that is billed in its place. */
  readonly linkedTo: bigint | null;
};
export type HeadKey = { readonly sourceId: string; readonly ownerCountry: string; readonly ownerParty: string; readonly cdrId: string };

/**
 * The heads of the page, keyed by `headKeyText`: those that exist locked, in key order so that two pages never deadlock; those that do not
 * under the record id they will have.
 */
export async function lockHeads(db: Db, keys: readonly HeadKey[]): Promise<Map<string, Head>> {
  const inOrder = [...new Map(keys.map((k) => [headKeyText(k), k]))].sort(([a], [b]) => (a < b ? -1 : 1));
  const of = (part: keyof HeadKey) => arrayOf(text, inOrder, ([, key]) => key[part]);
  // One lookup a key, however many heads there are: a join might read them all.
  const { rows } = await db.query(
    `SELECT ${headColumns} FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS t(s, c, p, i)
     CROSS JOIN LATERAL (SELECT ${headColumns} FROM record_head WHERE source_id = t.s AND owner_country = t.c::char(2) AND owner_party = t.p AND cdr_id = t.i FOR UPDATE) h`,
    [of('sourceId'), of('ownerCountry'), of('ownerParty'), of('cdrId')],
  );
  const heads = new Map(
    rows.map((row) => {
      const head = headOfRow(row);
      return [headKeyText(head.key), head];
    }),
  );
  const missing = inOrder.filter(([keyText]) => !heads.has(keyText));
  if (missing.length === 0) return heads;
  const ids = await db.query<{ id: bigint }>("SELECT nextval('record_id_seq') AS id FROM generate_series(1, $1::integer)", [missing.length]);
  for (const [i, [keyText, key]] of missing.entries()) heads.set(keyText, newHead(key, ids.rows[i]?.id ?? 0n));
  return heads;
}

function newHead(key: HeadKey, recordId: bigint): Head {
  return {
    key,
    isNew: true,
    recordId,
    revision: 0,
    state: 'received',
    sessionKey: headKeyText(key),
    standing: null,
    waiting: null,
    waitingFor: null,
    worth: null,
    issues: [],
    siteId: null,
    accountId: null,
    serviceMonth: null,
    energyWh: 0,
    endedOn: null,
    sourceWh: null,
    tokenRef: null,
    linkedTo: null,
  };
}

const headColumns =
  'source_id, owner_country, owner_party, cdr_id, record_id, revision, state, session_key, facts_hash, source_updated_at, waiting_raw_id, waiting_hash, waiting_updated_at, waiting_for, at_risk_minor, at_risk_currency, issues, site_id, account_id, service_month, energy_wh, ended_on, source_wh, token_ref, linked_to';

/** A row of a record_head as the head it is. */
export function headOfRow(r: QueryResultRow): Head {
  const waits = r['waiting_raw_id'] !== null;
  return {
    key: { sourceId: r['source_id'], ownerCountry: r['owner_country'], ownerParty: r['owner_party'], cdrId: r['cdr_id'] },
    isNew: false,
    recordId: r['record_id'],
    revision: r['revision'],
    state: r['state'],
    sessionKey: r['session_key'],
    standing: r['facts_hash'] === null ? null : { hash: r['facts_hash'], updatedAt: r['source_updated_at']?.getTime() ?? null },
    waiting: waits ? { rawId: r['waiting_raw_id'], hash: r['waiting_hash'], updatedAt: r['waiting_updated_at']?.getTime() ?? null } : null,
    waitingFor: r['waiting_for'],
    worth: r['at_risk_minor'] === null ? null : { minor: r['at_risk_minor'], currency: r['at_risk_currency'] },
    issues: r['issues'],
    siteId: r['site_id'],
    accountId: r['account_id'],
    serviceMonth: r['service_month'],
    energyWh: Number(r['energy_wh']),
    endedOn: r['ended_on'],
    sourceWh: r['source_wh'] === null ? null : Number(r['source_wh']),
    tokenRef: r['token_ref'],
    linkedTo: r['linked_to'],
  };
}

export function headKeyText(key: HeadKey): string {
  return `${key.sourceId}/${key.ownerCountry}*${key.ownerParty}*${key.cdrId}`.toLowerCase();
}
