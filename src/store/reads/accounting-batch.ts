import type { ErpDocument } from '../../contracts/erp-document.ts';
import type { AccountingBatch } from '../../core/accounting/batch.ts';
import { type Books, type SitePart, voucherOf } from '../../core/accounting/voucher.ts';
import { groupBy } from '../../core/group-by.ts';
import { exactFromDecimal } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { documentRulesOf } from './document-rules.ts';

/** SQL: the rate by which each posting was booked, which its ledger transaction names, that of a document or a partner's invoice; receipts in journals are in the currency of the books. */
export const bookedRatesSql = `SELECT p.key, f.rate::text AS rate FROM erp_posting p JOIN ledger_transaction t ON t.key = coalesce('issue/' || p.document_id, p.key) AND t.fx_rate IS NOT NULL
  JOIN fx_rate f ON t.fx_rate = f.source || ' ' || f.rate_on || ' ' || f.currency || '/' || f.into_currency || ' ' || f.rate || ' v' || f.version`;

/** A closed run as vouchers, in the order of their numbers; undefined while it is not closed. Throws RangeError when there is no such run. */
export async function accountingBatch(db: Db, runId: string): Promise<AccountingBatch | undefined> {
  const run = (
    await db.query('SELECT r.state, (r.closed_at AT TIME ZONE e.time_zone)::date::text AS closed_on, r.entity_id FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1', [runId])
  ).rows[0];
  if (run === undefined) throw new RangeError(`no run "${runId}"`);
  if (run['state'] !== 'closed') return undefined;
  const postings = await db.query<{ payload: Buffer; rate: string | null; number: string | null }>(
    `SELECT p.payload, r.rate, s.legal_number AS number FROM erp_posting p LEFT JOIN issue_stamp s ON s.document_id = p.document_id LEFT JOIN (${bookedRatesSql} WHERE p.run_id = $1) r ON r.key = p.key WHERE p.run_id = $1`,
    [runId],
  );
  const sites = await db.query<SitePart & { document_id: string }>(
    `SELECT l.document_id, l.gl_account AS "glAccount", l.cost_center AS "costCenter", l.vat_code AS "vatCode", l.site_id AS "siteId",
       (sum(l.net_minor) * CASE WHEN d.type IN ('invoice', 'receipt', 'creditNote') THEN -1 ELSE 1 END)::bigint AS "amountMinor"
     FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.run_id = $1 AND d.state = 'issued' GROUP BY 1, 2, 3, 4, 5, d.type ORDER BY 1, 2, 3, 4, 5`,
    [runId],
  );
  const sitesOf = groupBy(sites.rows, (s) => s.document_id);
  const words = await batchWords(db, run['entity_id']);
  const vouchers = postings.rows.map(({ payload, rate, number }) => {
    const sent = JSON.parse(payload.toString('utf8')) as ErpDocument;
    // What the ERP numbers was handed over without its number.
    const document = { ...sent, legalNumber: number ?? sent.legalNumber };
    return voucherOf(document, sitesOf.get(document.key) ?? sitesOfReceipts(document), booksBy(document, words.entity.currency, rate));
  });
  return {
    ...words,
    batchId: runId,
    closedOn: run['closed_on'],
    vouchers: vouchers.sort((a, b) => (`${a.on} ${a.text} ${a.key}` < `${b.on} ${b.text} ${b.key}` ? -1 : 1)),
  };
}

/** How a seller's files name it, its voucher series, its accounts and sites. */
export async function batchWords(db: Db, entityId: string): Promise<Omit<AccountingBatch, 'batchId' | 'closedOn' | 'vouchers'>> {
  const entity = (await db.query('SELECT name, org_number, country, currency FROM legal_entity WHERE id = $1', [entityId])).rows[0];
  if (entity === undefined) throw new RangeError(`no entity "${entityId}"`);
  const names = await db.query<{ gl_account: string; name: string }>(
    `SELECT gl_account, string_agg(key, ', ' ORDER BY key COLLATE "C") AS name FROM gl_mapping m WHERE entity_id = $1 AND version = (SELECT max(version) FROM gl_mapping WHERE entity_id = $1) GROUP BY 1`,
    [entityId],
  );
  const siteNames = await db.query<{ id: string; name: string }>('SELECT id, name FROM site WHERE entity_id = $1', [entityId]);
  const { own } = await documentRulesOf(db, entityId);
  return {
    entity: { name: entity['name'], orgNumber: entity['org_number'], country: entity['country'], currency: entity['currency'] },
    series: own.accounting.voucherSeries,
    accountNames: new Map(names.rows.map((r) => [r.gl_account, r.name])),
    siteNames: new Map(siteNames.rows.map((r) => [r.id, r.name])),
  };
}

/** How a document gets into books of `currency`. Throws RangeError where it is in another one and `rate` is not known, unless it comes to nothing: then nothing was booked that would name one. */
export function booksBy(document: ErpDocument, currency: string, rate: string | null): Books {
  const isNothing = document.lines.every((l) => l.amountMinor === '0');
  if (document.currency === currency || document.books !== undefined || isNothing) return { currency, factor: null };
  if (rate === null) throw new RangeError(`${document.key} is in ${document.currency}, and the rate it was booked by is not known`);
  return { currency, factor: exactFromDecimal(rate) };
}

/** A journal of card receipts stands on one site. */
export function sitesOfReceipts({ receipts, lines }: ErpDocument): readonly SitePart[] {
  if (receipts === undefined) return [];
  return lines.filter((l) => l.part === 'net').map((l) => ({ glAccount: l.glAccount, costCenter: l.costCenter, vatCode: l.vatCode, siteId: receipts.siteId, amountMinor: BigInt(l.amountMinor) }));
}
