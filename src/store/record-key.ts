/**
 * SQL for the key of a `record_head h` as messages, workflows and URLs name it: `cc*party*cdrId` in lower case, or `unkeyed/<hash>`
 * for what has no readable id.
 */
export const recordKeySql = "CASE WHEN h.cdr_id LIKE 'unkeyed/%' THEN h.cdr_id ELSE lower(h.owner_country || '*' || h.owner_party || '*' || h.cdr_id) END";

/** SQL that finds the head of `keyParams`, by its primary key: `SELECT … ${headByKey}`. A cast to char(2) would cut a longer country to that of another key. */
export const headByKey = `FROM source s JOIN record_head h ON h.source_id = s.id AND h.owner_country = coalesce($2::bpchar, s.owner_country)
  AND h.owner_party = coalesce($3::text, s.owner_party) AND h.cdr_id = $4 WHERE s.id = $1`;

/** Parameters of `headByKey`: source, country, party, CDR id. What has no readable id stands under its source's own owner. */
export function keyParams(sourceId: string, recordKey: string): [string, string | null, string | null, string] {
  const key = recordKey.toLowerCase();
  const [country = '', party = '', ...id] = key.split('*');
  return id.length === 0 ? [sourceId, null, null, key] : [sourceId, country.toUpperCase(), party.toUpperCase(), id.join('*')];
}

/** SQL that holds for a `record_head h` that waits, or beside whose booked revision a correction does. */
export const waitsSql = "(h.state IN ('received', 'quarantined', 'parked') OR h.waiting_raw_id IS NOT NULL)";
