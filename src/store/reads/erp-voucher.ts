import type { ErpDocument } from '../../contracts/erp-document.ts';
import type { AccountingBatch } from '../../core/accounting/batch.ts';
import type { SitePart } from '../../core/accounting/voucher.ts';
import { voucherOf } from '../../core/accounting/voucher.ts';
import type { Db } from '../db.ts';
import { batchWords, bookedRatesSql, booksBy, sitesOfReceipts } from './accounting-batch.ts';

/**
 * One posting of a connection as a batch of one voucher, in the currency of the books: by the rate it was booked by, or what is no issued document, such
 * as an accrual, by the last one up to its date. Throws RangeError where none is known.
 */
export async function erpVoucher(db: Db, connectionId: string, document: ErpDocument): Promise<AccountingBatch> {
  const { rows } = await db.query(
    `SELECT x.entity_id, coalesce((SELECT rate FROM (${bookedRatesSql}) r WHERE r.key = $2),
       (SELECT f.rate::text FROM fx_rate f WHERE f.source = e.fx_source AND f.currency = $3 AND f.into_currency = e.currency AND f.rate_on <= $4 ORDER BY f.rate_on DESC, f.version DESC LIMIT 1)) AS rate
     FROM erp_connection x JOIN legal_entity e ON e.id = x.entity_id WHERE x.id = $1`,
    [connectionId, document.key, document.currency, document.postedOn],
  );
  const [found] = rows;
  if (found === undefined) throw new RangeError(`there is no ERP connection ${connectionId}`);
  const words = await batchWords(db, found['entity_id']);
  const sites = await db.query<SitePart>(
    `SELECT l.gl_account AS "glAccount", l.cost_center AS "costCenter", l.vat_code AS "vatCode", l.site_id AS "siteId", (sum(l.net_minor) * CASE WHEN d.type IN ('invoice', 'receipt', 'creditNote') THEN -1 ELSE 1 END)::bigint AS "amountMinor"
     FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.id = $1 GROUP BY 1, 2, 3, 4, d.type ORDER BY 1, 2, 3, 4`,
    [document.key],
  );
  const parts = document.receipts === undefined ? sites.rows : sitesOfReceipts(document);
  // Said in the words of a mapping, lines no longer bear the accounts that sites are told apart by.
  const own = agree(document, parts) ? parts : [];
  return { ...words, batchId: document.key, closedOn: document.postedOn, vouchers: [voucherOf(document, own, booksBy(document, words.entity.currency, found['rate']))] };
}

function agree({ lines }: ErpDocument, parts: readonly SitePart[]): boolean {
  const sums = new Map<string, bigint>();
  const add = (l: Pick<SitePart, 'glAccount' | 'costCenter' | 'vatCode'>, amount: bigint) => {
    const key = JSON.stringify([l.glAccount, l.costCenter, l.vatCode]);
    sums.set(key, (sums.get(key) ?? 0n) + amount);
  };
  for (const l of lines) if (l.part === 'net') add(l, BigInt(l.amountMinor));
  for (const p of parts) add(p, -p.amountMinor);
  return [...sums.values()].every((sum) => sum === 0n);
}
