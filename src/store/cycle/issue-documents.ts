import type { QueryResultRow } from 'pg';
import { ocrReference } from '../../core/document/ocr.ts';
import { vendorBillLines } from '../../core/share/vendor-bill.ts';
import type { Db } from '../db.ts';
import { bookDocuments } from '../ledger/book-documents.ts';
import { enqueue } from '../outbox.ts';
import { stampOwnerDocuments } from './owner-documents.ts';
import { bookPeriodCharges } from './period-charges.ts';
import { lockRun } from './run-state.ts';

const batch = 100;

/**
 * Issues up to 100 approved documents of a run in the caller's transaction: gapless numbers under the series' row lock, the issue
 * stamp, the ledger, the outbox. Issues exactly the approved content: a document whose group hash is not the approved one stops it.
 * `issueOn` is the calendar date of issue in the entity's zone; it picks the series (D40). Answers how many are left.
 */
export async function issueDocuments(db: Db, runId: string, issueOn: string): Promise<{ readonly issued: number; readonly left: number }> {
  const state = await lockRun(db, runId);
  if (state !== 'issuing') throw new RangeError(`run ${runId} is ${state}: only an issuing run issues documents`);
  const approved = await db.query(`SELECT 1 FROM billing_run r JOIN approval a ON a.run_id = r.id AND a.decision = 'approve' AND a.content_hash = r.content_hash WHERE r.id = $1`, [runId]);
  if (approved.rowCount === 0) throw new RangeError(`run ${runId} has no approval of the content it holds`);
  const documents = await db.query(
    `SELECT d.*, a.payment_terms_days, a.strategy FROM document d JOIN account a ON a.id = d.account_id WHERE d.run_id = $1 AND d.state = 'approved' ORDER BY d.account_id, d.id LIMIT $2 FOR UPDATE OF d`,
    [runId, batch],
  );
  if (documents.rows.length > 0) {
    const [first] = documents.rows;
    const invoices = documents.rows.filter((d) => d.type === 'invoice');
    await stampOwnerDocuments(
      db,
      first['entity_id'],
      documents.rows.filter((d) => d.type !== 'invoice').map((d) => ({ id: d.id, accountId: d.account_id, type: d.type, termsDays: d.payment_terms_days })),
      issueOn,
    );
    await stamp(
      db,
      first['entity_id'],
      invoices.map((d) => ({ id: d.id, terms: d.payment_terms_days, transfer: d.strategy === 'driverInvoice' || d.strategy === 'fleetInvoice' })),
      issueOn,
    );
    await bookPeriodCharges(
      db,
      documents.rows.map((d) => d.id),
    );
    await bookDocuments(db, documents.rows, issueOn);
    await handToOutbox(
      db,
      runId,
      first['entity_id'],
      documents.rows.map((d) => d.id),
      issueOn,
    );
    await db.query("UPDATE document SET state = 'issued' WHERE id = ANY($1)", [documents.rows.map((d) => d.id)]);
  }
  const { rows } = await db.query<{ n: bigint }>("SELECT count(*) AS n FROM document WHERE run_id = $1 AND state = 'approved'", [runId]);
  return { issued: documents.rows.length, left: Number(rows[0]?.n ?? 0n) };
}

async function stamp(db: Db, entityId: string, documents: readonly { id: string; terms: number; transfer: boolean }[], issueOn: string): Promise<void> {
  if (documents.length === 0) return;
  const year = Number(issueOn.slice(0, 4));
  const seriesId = `${entityId}/invoice/${year}`;
  await db.query(`INSERT INTO number_series (id, entity_id, document_type, year, prefix) VALUES ($1, $2, 'invoice', $3, $4) ON CONFLICT DO NOTHING`, [seriesId, entityId, year, `${year}-`]);
  const taken = await db.query<{ first: bigint; prefix: string }>('UPDATE number_series SET next = next + $2 WHERE id = $1 RETURNING next - $2 AS first, prefix', [seriesId, documents.length]);
  const series = taken.rows[0];
  if (series === undefined) throw new Error(`series ${seriesId} is missing`);
  const numbers = documents.map((_d, i) => series.first + BigInt(i));
  await db.query(
    `INSERT INTO issue_stamp (document_id, series_id, number, legal_number, issued_on, due_on, ocr)
     SELECT d, $1, n, $2 || lpad(n::text, 6, '0'), $3, $3::date + terms, ocr FROM unnest($4::text[], $5::bigint[], $6::integer[], $7::text[]) AS t(d, n, terms, ocr)`,
    [
      seriesId,
      series.prefix,
      issueOn,
      documents.map((d) => d.id),
      numbers,
      documents.map((d) => d.terms),
      documents.map((d, i) => (d.transfer ? ocrReference(`${year}${(numbers[i] ?? 0n).toString().padStart(6, '0')}`) : null)),
    ],
  );
}

/** The ERP's posting of each document: receivable against revenue per account and cost center, VAT per code, rounding. */
async function handToOutbox(db: Db, runId: string, entityId: string, documentIds: readonly string[], issueOn: string): Promise<void> {
  const connection = (await db.query<{ id: string }>('SELECT id FROM erp_connection WHERE entity_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR $2 < valid_to)', [entityId, issueOn])).rows;
  if (connection.length !== 1) throw new RangeError(`${entityId} has ${connection.length} ERP connections on ${issueOn}: exactly one must hold`);
  const gl = new Map(
    (await db.query('SELECT key, gl_account FROM gl_mapping m WHERE entity_id = $1 AND version = (SELECT max(version) FROM gl_mapping WHERE entity_id = $1)', [entityId])).rows.map((r) => [
      r.key as string,
      r.gl_account as string,
    ]),
  );
  const glOf = (key: string) => {
    const account = gl.get(key);
    if (account === undefined) throw new RangeError(`no GL account is mapped to ${key}: add it to the GL mapping`);
    return account;
  };
  const documents = await db.query(`SELECT d.*, s.legal_number FROM document d JOIN issue_stamp s ON s.document_id = d.id WHERE d.id = ANY($1) ORDER BY d.id`, [documentIds]);
  const lines = await db.query(
    'SELECT document_id, gl_account, cost_center, vat_code, sum(net_minor)::bigint AS net FROM document_line WHERE document_id = ANY($1) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4',
    [documentIds],
  );
  await enqueue(
    db,
    connection[0]?.id ?? '',
    documents.rows.map((d) => {
      const isOwed = d.type !== 'invoice';
      const own = lines.rows.filter((l) => l.document_id === d.id);
      const line = (glAccount: string, costCenter: string | null, vatCode: string | null, amount: bigint) => ({ glAccount, costCenter, vatCode, amountMinor: amount.toString() });
      const vat = (JSON.parse(d.canonical.toString('utf8')) as { vat: { vatCode: string; vatMinor: string }[] }).vat;
      const postings = isOwed
        ? []
        : [
            line(glOf('receivable'), null, null, d.payable_minor),
            ...own.map((l) => line(l.gl_account, l.cost_center, l.vat_code, -(l.net as bigint))),
            ...vat.map((v) => line(glOf(`outputVat.${v.vatCode}`), null, v.vatCode, -BigInt(v.vatMinor))),
            line(glOf('rounding'), null, null, -(d.rounding_minor as bigint)),
          ].filter((l) => l.amountMinor !== '0');
      return {
        key: d.id,
        kind: isOwed ? 'vendorBill' : 'invoice',
        runId,
        legalNumber: d.legal_number,
        accountId: d.account_id,
        currency: d.currency,
        postedOn: issueOn,
        lines: isOwed ? vendorBill(d, own, glOf) : postings,
        documentId: d.id,
        controlMinor: d.payable_minor,
      };
    }),
  );
}

/** What a site owner's document posts: cost and input VAT against what is owed. */
function vendorBill(document: QueryResultRow, own: readonly QueryResultRow[], glOf: (key: string) => string) {
  const { vat } = JSON.parse(document['canonical'].toString('utf8')) as { vat: { vatCode: string; percent: string; baseMinor: string; vatMinor: string }[] };
  const figures = {
    lines: own.map((l) => ({ glAccount: l['gl_account'] as string, costCenter: l['cost_center'] as string, vatCode: l['vat_code'] as string, netMinor: l['net'] as bigint })),
    vat: vat.map((v) => ({ ...v, baseMinor: BigInt(v.baseMinor), vatMinor: BigInt(v.vatMinor) })),
    payableMinor: document['payable_minor'] as bigint,
    roundingMinor: document['rounding_minor'] as bigint,
  };
  return vendorBillLines(figures, glOf).map((l) => ({ ...l, amountMinor: l.amountMinor.toString() }));
}
