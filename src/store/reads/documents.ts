import type { QueryResultRow } from 'pg';
import type { DocumentDetail, DocumentView } from '../../contracts/document-view.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

/** `account` is an account's id, or a part of its party's name. */
export type DocumentFilter = { readonly account?: string | undefined; readonly strategy?: string | undefined };
// Not its bytes, which lie apart and are longer than all else.
const columns = `SELECT d.id, d.run_id, d.account_id, d.type, d.state, d.currency, d.net_minor, d.vat_minor, d.rounding_minor, d.payable_minor, d.energy_wh, d.charge_count, d.service_from, d.service_to, d.credits_document_id,
  encode(d.content_hash, 'hex') AS hash, p.name, d.strategy, s.legal_number, s.issued_on, s.due_on, s.ocr, o.legal_number AS credits_number, e.state AS erp_state, e.external_id, e.answer, y.state AS payment_state, y.open_minor AS payment_open, y.told_at AS payment_told
  FROM document d JOIN account a ON a.id = d.account_id JOIN party p ON p.id = a.party_id LEFT JOIN issue_stamp s ON s.document_id = d.id LEFT JOIN issue_stamp o ON o.document_id = d.credits_document_id LEFT JOIN LATERAL (SELECT state, external_id, answer FROM document_posting z WHERE z.document_id = d.id ORDER BY progress, key LIMIT 1) e ON true
  LEFT JOIN payment_standing y ON y.document_id = d.id`;

/** A run's documents in order of their account, those that the filter lets through; discarded ones are left out. */
export async function listDocuments(db: Db, runId: string, { cursor, limit, account, strategy }: PageOrder & DocumentFilter): Promise<Page<DocumentView>> {
  const list = ['documents', runId, account, strategy] as const;
  const isFiltered = account !== undefined || strategy !== undefined;
  const filter = isFiltered ? `AND ($4::text IS NULL OR d.account_id = $4 OR position(lower($4) IN lower(p.name)) > 0) AND ($5::text IS NULL OR d.strategy = $5)` : '';
  // Which stand on the page comes first: of these alone the rest is looked up, whatever the planner knows of a run that was built just now.
  const { rows } = await db.query(
    `${columns} WHERE d.id = ANY (ARRAY(
       SELECT d.id FROM document d ${isFiltered ? 'JOIN account a ON a.id = d.account_id JOIN party p ON p.id = a.party_id' : ''}
       WHERE d.run_id = $1 AND d.state <> 'discarded' AND ($2::text IS NULL OR d.account_id || '|' || d.id > $2) ${filter} ORDER BY d.account_id || '|' || d.id LIMIT $3)) ORDER BY d.account_id || '|' || d.id`,
    [runId, keyBefore(list, { cursor }), limit + 1, ...(isFiltered ? [account ?? null, strategy ?? null] : [])],
  );
  return pageOf(list, rows, limit, (r) => `${r['account_id']}|${r['id']}`, viewOf);
}

/** Strategies that a run has documents of. */
export async function documentStrategies(db: Db, runId: string): Promise<string[]> {
  const { rows } = await db.query<{ strategy: string }>(`SELECT DISTINCT d.strategy FROM document d WHERE d.run_id = $1 AND d.state <> 'discarded' ORDER BY 1`, [runId]);
  return rows.map((r) => r.strategy);
}

/** One document with its lines and its VAT by code; undefined when there is none of this id. */
export async function findDocument(db: Db, id: string): Promise<DocumentDetail | undefined> {
  const row = (await db.query(`${columns} WHERE d.id = $1`, [id])).rows[0];
  if (row === undefined) return undefined;
  const vat = await db.query<{ vat: { vatCode: string; percent: string; baseMinor: string; vatMinor: string }[] | null }>(
    "SELECT convert_from(canonical, 'UTF8')::jsonb->'vat' AS vat FROM document WHERE id = $1",
    [id],
  );
  const lines = await db.query('SELECT l.*, s.legal_number FROM document_line l LEFT JOIN issue_stamp s ON s.document_id = l.credits_document_id WHERE l.document_id = $1 ORDER BY l.line_no', [id]);
  const crediting = await db.query(
    `SELECT d.id, d.type, s.legal_number, sum(l.net_minor)::bigint AS net FROM document_line l JOIN document d ON d.id = l.document_id AND d.state <> 'discarded' JOIN billing_run b ON b.id = d.run_id AND b.kind = 'live' LEFT JOIN issue_stamp s ON s.document_id = d.id
     WHERE l.credits_document_id = $1 GROUP BY 1, 2, 3 ORDER BY 1`,
    [id],
  );
  const paid = await db.query(
    `SELECT p.id, p.state, p.execute_on, r.returned_on, r.reason, r.author FROM payment_document y JOIN payment p ON p.id = y.payment_id JOIN payment_item i ON i.payment_id = p.id AND i.account_id = y.account_id
     LEFT JOIN payment_return r ON r.payment_id = i.payment_id AND r.no = i.no WHERE y.document_id = $1 ORDER BY p.proposed_at, p.id`,
    [id],
  );
  return {
    ...viewOf(row),
    paidBy: paid.rows.map((p) => ({
      paymentId: p.id,
      state: p.state,
      executeOn: p.execute_on,
      returned: p.returned_on === null ? null : { on: p.returned_on, reason: p.reason, by: p.author },
    })),
    creditedBy: crediting.rows.map((c) => ({ documentId: c.id, legalNumber: c.legal_number, type: c.type, net: formatMinor(c.net, row['currency']) })),
    vatByCode: (vat.rows[0]?.vat ?? []).map((v) => ({
      vatCode: v.vatCode,
      percent: v.percent,
      base: formatMinor(BigInt(v.baseMinor), row['currency']),
      vat: formatMinor(BigInt(v.vatMinor), row['currency']),
    })),
    lines: lines.rows.map((l) => ({
      lineNo: l.line_no,
      kind: l.kind,
      description: l.description,
      quantity: String(l.quantity),
      quantityUnit: l.quantity_unit,
      unitPrice: l.unit_price,
      net: formatMinor(l.net_minor, row['currency']),
      vatCode: l.vat_code,
      glAccount: l.gl_account,
      costCenter: l.cost_center,
      customerCostCenter: l.customer_cost_center,
      siteId: l.site_id,
      serviceMonth: l.service_month,
      energyWh: String(l.energy_wh),
      charges: l.charge_count,
      credits: l.credits_document_id === null ? null : { documentId: l.credits_document_id, legalNumber: l.legal_number, lineNo: l.credits_line_no },
    })),
  };
}

function viewOf(r: QueryResultRow): DocumentView {
  const money = (minor: bigint) => formatMinor(minor, r['currency']);
  return {
    documentId: r['id'],
    runId: r['run_id'],
    accountId: r['account_id'],
    accountName: r['name'],
    strategy: r['strategy'],
    type: r['type'],
    state: r['state'],
    legalNumber: r['legal_number'],
    issuedOn: r['issued_on'],
    dueOn: r['due_on'],
    ocr: r['ocr'],
    currency: r['currency'],
    net: money(r['net_minor']),
    vat: money(r['vat_minor']),
    rounding: money(r['rounding_minor']),
    payable: money(r['payable_minor']),
    energyWh: String(r['energy_wh']),
    chargeCount: r['charge_count'],
    serviceFrom: r['service_from'],
    serviceTo: r['service_to'],
    credits: r['credits_document_id'] === null ? null : { documentId: r['credits_document_id'], legalNumber: r['credits_number'] },
    contentHash: r['hash'],
    payment: r['payment_state'] === null ? null : { state: r['payment_state'], open: formatMinor(r['payment_open'], r['currency']), toldAt: r['payment_told'].toISOString() },
    erp: r['erp_state'] === null ? null : { state: r['erp_state'], externalId: r['external_id'], answer: r['answer'] },
  };
}

/** When a document was issued, ISO 8601 in UTC; undefined before that. */
export async function issueStampOf(db: Db, documentId: string): Promise<{ readonly issuedAt: string } | undefined> {
  const row = (await db.query<{ issued_at: Date }>('SELECT issued_at FROM issue_stamp WHERE document_id = $1', [documentId])).rows[0];
  return row === undefined ? undefined : { issuedAt: row.issued_at.toISOString() };
}
