import { tokenRefOf } from '../../core/normalise/token-ref.ts';
import type { Db } from '../db.ts';
import { lockSetUp } from '../set-up-lock.ts';
import { tokenSecret } from '../token-secret.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type NewMapping = {
  readonly sourceId: string;
  readonly kind: 'site' | 'token';
  readonly externalKey: string;
  readonly internalId: string;
  readonly costCenter?: string | undefined;
  /** The vehicle or driver of the fleet that the token is mapped to. */
  readonly unitId?: string | undefined;
  /** From when it holds; always, unless told. */
  readonly validFrom?: Date | undefined;
};

/** Whatever has no mapping of its own; also how all records that wait for one are named. */
const anyKey = '*';

/**
 * Maps a source's own key of a site to a site, or of a token to an account. It holds until one begins that is there already. The same again
 * changes nothing; another target, cost center or unit for a key in force, what is another entity's, or an account whose driver was erased, is refused. `waitsAs` is how waiting records name the key: a token by its reference.
 */
export async function mapExternal(db: Db, mapping: NewMapping, by: By): Promise<{ readonly made: boolean; readonly waitsAs: string }> {
  await lockSetUp(db);
  const source = (await db.query<{ entity_id: string }>('SELECT entity_id FROM source WHERE id = $1', [mapping.sourceId])).rows[0];
  if (source === undefined) throw new Refused('notFound', `there is no source "${mapping.sourceId}"`);
  const table = mapping.kind === 'site' ? 'site' : 'account';
  const target = (await db.query<{ entity_id: string }>(`SELECT entity_id FROM ${table} WHERE id = $1`, [mapping.internalId])).rows[0];
  if (target === undefined) throw new Refused('notFound', `there is no ${table} "${mapping.internalId}"`);
  if (target.entity_id !== source.entity_id)
    throw new Refused('invalid', `${table} ${mapping.internalId} is of entity ${target.entity_id}: name one of ${source.entity_id}, whose source ${mapping.sourceId} is`);
  if (mapping.kind === 'token') await refuseErased(db, mapping.internalId);
  const isAnyToken = mapping.kind === 'token' && mapping.externalKey === anyKey;
  if (isAnyToken && (await db.query("SELECT FROM account WHERE id = $1 AND strategy = 'cardReceipt'", [mapping.internalId])).rowCount === 0)
    throw new Refused(
      'invalid',
      `every token of ${mapping.sourceId} without a mapping of its own would be billed to ${mapping.internalId}: name an account of strategy cardReceipt, for sessions paid at a terminal`,
    );
  if (mapping.unitId !== undefined && (await db.query('SELECT FROM fleet_unit WHERE id = $1 AND account_id = $2', [mapping.unitId, mapping.internalId])).rowCount === 0)
    throw new Refused('notFound', `account "${mapping.internalId}" has no fleet unit "${mapping.unitId}"`);
  const named = mapping.kind === 'token' && !isAnyToken ? tokenRefOf(await tokenSecret(db), mapping.externalKey) : mapping.externalKey;
  const from = mapping.validFrom?.toISOString() ?? '-infinity';
  const before = await db.query<{ internal_id: string; cost_center: string | null; unit_id: string | null }>(
    'SELECT internal_id, cost_center, unit_id FROM mapping WHERE source_id = $1 AND kind = $2 AND external_key = $3 AND valid_from <= $4::timestamptz AND valid_to > $4::timestamptz',
    [mapping.sourceId, mapping.kind, mapping.externalKey, from],
  );
  const [held] = before.rows;
  if (held?.internal_id === mapping.internalId) {
    const { costCenter = held.cost_center, unitId = held.unit_id } = mapping;
    if (costCenter === held.cost_center && unitId === held.unit_id) return { made: false, waitsAs: named };
    throw new Refused(
      'wrongState',
      `${mapping.kind} "${mapping.externalKey}" of ${mapping.sourceId} is mapped with another cost center or unit then: say from when that changes, by a load of mappings`,
    );
  }
  if (held !== undefined) throw new Refused('wrongState', `${mapping.kind} "${mapping.externalKey}" of ${mapping.sourceId} is mapped to ${held.internal_id} then: end that mapping first`);
  // Where another one begins later, this one holds until then.
  await db.query(
    `INSERT INTO mapping (source_id, kind, external_key, internal_id, cost_center, valid_from, author, unit_id, valid_to)
     SELECT $1, $2, $3, $4, $5, $6::timestamptz, $7, $8, coalesce(min(valid_from), 'infinity') FROM mapping WHERE source_id = $1 AND kind = $2 AND external_key = $3 AND valid_from > $6::timestamptz`,
    [mapping.sourceId, mapping.kind, mapping.externalKey, mapping.internalId, mapping.costCenter ?? null, from, by.actor, mapping.unitId ?? null],
  );
  // The audit trail is kept for good: it names a token by its reference.
  const { externalKey: _key, ...rest } = mapping;
  await audit(db, by, { action: 'mapping.add', subject: `${mapping.sourceId}/${mapping.kind}/${named}`, after: { ...rest, externalKey: named } });
  return { made: true, waitsAs: named };
}

async function refuseErased(db: Db, accountId: string): Promise<void> {
  const { rowCount } = await db.query('SELECT FROM account a JOIN party p ON p.id = a.party_id WHERE a.id = $1 AND p.erased_at IS NOT NULL FOR SHARE OF p', [accountId]);
  if (rowCount !== 0) throw new Refused('wrongState', `the driver of account ${accountId} was erased: open a new account for who uses the token now`);
}
