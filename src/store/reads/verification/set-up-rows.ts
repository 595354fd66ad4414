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
