import type { Db } from '../../db.ts';
import type { Judged } from './intake-rows.ts';
import { pagesOf } from './pages.ts';

/** Tables whose rows keep a hash of what they say (`keep_content_hash`), each with its key and how SQL names a row of it. */
const hashed = [
  ['contract_version', 'contract_id, version', "'version ' || t.version || ' of contract ' || t.contract_id"],
  ['tariff_version', 'id', "'tariff version ' || t.id"],
  ['vat_table', 'entity_id, version', "'version ' || t.version || ' of the VAT table of ' || t.entity_id"],
  ['gl_mapping', 'entity_id, version, key', "'version ' || t.version || ' of the GL mapping of ' || t.entity_id || ', for ' || t.key"],
  ['fx_rate', 'source, currency, into_currency, rate_on, version', "'version ' || t.version || ' of the rate ' || t.currency || '/' || t.into_currency || ' of ' || t.source || ' of ' || t.rate_on"],
  ['price_series', 'id', "'price series ' || t.id"],
  ['price_load', 'id', "'load ' || t.id || ' of price series ' || t.series_id"],
  ['price_point', 'series_id, start_at, version', "'version ' || t.version || ' of the price of ' || t.series_id || ' at ' || t.start_at"],
  ['erp_mapping', 'connection_id, version', "'version ' || t.version || ' of the mapping of ' || t.connection_id"],
  ['payment_fact', 'document_id, reference', "'payment ' || t.reference || ' of document ' || t.document_id"],
  ['document_payment', 'document_id, told_at', "'what ' || t.connection_id || ' told is paid of document ' || t.document_id"],
] as const;

/** Versions of set-up, and payments, that what is sealed or issued rests on, against the hash that each was written with. */
export async function* setUpRows(db: Db): AsyncGenerator<readonly Judged[]> {
  for (const [table, key, name] of hashed) {
    yield* pagesOf<Judged>(
      db,
      `SELECT CASE WHEN content_hash_of(t) IS DISTINCT FROM t.content_hash THEN ${name} || ' has another content than its hash says' END AS problem FROM ${table} t ORDER BY ${key}`,
    );
  }
}

/** Each version of a GL mapping is the one before with what was changed by it: its keys by what was set, and by its neighbours for what nobody touched. */
const goneKeys = `WITH said AS (SELECT v.id AS entity_id, v.version, k.key, k.value AS gl_account FROM set_up_version v, jsonb_each_text(v.body->'after') k WHERE v.kind = 'glMapping'),
  known AS (SELECT entity_id, version FROM gl_mapping UNION SELECT entity_id, version FROM said),
  expected AS (
    SELECT entity_id, version, key FROM said WHERE gl_account IS NOT NULL
    UNION SELECT v.entity_id, v.version, m.key FROM known v JOIN gl_mapping m ON m.entity_id = v.entity_id AND m.version = v.version - 1
      WHERE NOT EXISTS (SELECT FROM said s WHERE (s.entity_id, s.version, s.key) = (v.entity_id, v.version, m.key))
    UNION SELECT m.entity_id, m.version - 1, m.key FROM gl_mapping m WHERE m.version > 1 AND NOT EXISTS (SELECT FROM said s WHERE (s.entity_id, s.version, s.key) = (m.entity_id, m.version, m.key)))
  SELECT 'version ' || e.version || ' of the GL mapping of ' || e.entity_id || ', for ' || e.key || ', is gone' AS problem
  FROM expected e LEFT JOIN gl_mapping m USING (entity_id, version, key) WHERE m.key IS NULL`;
const goneAccounts = `SELECT 'version ' || c.mapping_version || ' of the GL mapping of ' || c.entity_id || ' has no key any more for account ' || c.gl_account || ', on which charges of it stand' AS problem
  FROM (SELECT DISTINCT entity_id, mapping_version, gl_account FROM rated_charge) c
  WHERE NOT EXISTS (SELECT FROM gl_mapping m WHERE (m.entity_id, m.version, m.gl_account) = (c.entity_id, c.mapping_version, c.gl_account))`;
const gonePrices = `SELECT 'load ' || (a.after->>'loadId') || ' of price series ' || a.subject || ' brought ' || n.brought || ' prices, of which ' || n.kept || ' are there' AS problem
  FROM audit_event a CROSS JOIN LATERAL (
    SELECT (a.after->>'added')::bigint + (a.after->>'corrected')::bigint AS brought, (SELECT count(*) FROM price_point p WHERE p.series_id = a.subject AND p.load_id = (a.after->>'loadId')::bigint) AS kept) n
  WHERE a.action = 'priceSeries.load' AND n.brought <> n.kept`;
const gonePayments = `SELECT DISTINCT 'payment ' || (p->>'reference') || ' of document ' || a.subject || ' is gone' AS problem
  FROM audit_event a CROSS JOIN LATERAL jsonb_array_elements(a.after) p
  WHERE a.action = 'document.paid' AND NOT EXISTS (SELECT FROM payment_fact f WHERE f.document_id = a.subject AND f.reference = p->>'reference')`;

/** Keys of a GL mapping, prices of electricity and payments that are gone: by the versions beside them, the charges that name them, and the audit trail of who wrote them. */
export const setUpGone = (db: Db) => pagesOf<Judged>(db, `${[goneAccounts, gonePrices, gonePayments, `SELECT problem FROM (${goneKeys}) g`].join('\n UNION ALL ')} ORDER BY 1`);
