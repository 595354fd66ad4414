import type { QueryResultRow } from 'pg';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { type Page, type PageOrder, pageOf } from './page.ts';

/** A document of a run. Money as decimal text in major units, energy in Wh as text. */
export type DocumentView = {
  readonly documentId: string;
  readonly runId: string;
  readonly accountId: string;
  readonly accountName: string;
  readonly strategy: string;
  readonly type: string;
  readonly state: string;
  readonly legalNumber: string | null;
  readonly issuedOn: string | null;
  readonly dueOn: string | null;
  readonly ocr: string | null;
  readonly currency: string;
  readonly net: string;
  readonly vat: string;
  readonly rounding: string;
  readonly payable: string;
  readonly energyWh: string;
  readonly chargeCount: number;
  readonly contentHash: string;
  readonly erp: { readonly state: string; readonly externalId: string | null; readonly answer: string | null } | null;
};
/** VAT of a document by code, as it was composed (D02). */
export type VatView = { readonly vatCode: string; readonly percent: string; readonly base: string; readonly vat: string };
/** `account` is an account's id, or a part of its party's name. */
export type DocumentFilter = { readonly account?: string | undefined; readonly strategy?: string | undefined };
export type DocumentLineView = {
  readonly lineNo: number;
  readonly kind: string;
  readonly description: string;
  readonly quantity: string;
  readonly quantityUnit: string;
  readonly unitPrice: string | null;
  readonly net: string;
  readonly vatCode: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly customerCostCenter: string | null;
  readonly siteId: string | null;
  readonly serviceMonth: string;
  readonly energyWh: string;
  readonly charges: number;
};

const columns = `SELECT d.*, encode(d.content_hash, 'hex') AS hash, p.name, a.strategy, s.legal_number, s.issued_on, s.due_on, s.ocr, e.state AS erp_state, e.external_id, e.answer
  FROM document d JOIN account a ON a.id = d.account_id JOIN party p ON p.id = a.party_id LEFT JOIN issue_stamp s ON s.document_id = d.id LEFT JOIN erp_posting e ON e.document_id = d.id`;

/** A run's documents in order of their account, those that the filter lets through; discarded ones are left out. */
export async function listDocuments(db: Db, runId: string, page: PageOrder & DocumentFilter): Promise<Page<DocumentView>> {
  const { rows } = await db.query(
    `${columns} WHERE d.run_id = $1 AND d.state <> 'discarded' AND ($2::text IS NULL OR d.account_id || '|' || d.id > $2)
       AND ($4::text IS NULL OR d.account_id = $4 OR position(lower($4) IN lower(p.name)) > 0) AND ($5::text IS NULL OR a.strategy = $5) ORDER BY d.account_id || '|' || d.id LIMIT $3`,
    [runId, page.cursor ?? null, page.limit + 1, page.account ?? null, page.strategy ?? null],
  );
  return pageOf(rows, page.limit, (r) => `${r['account_id']}|${r['id']}`, viewOf);
}

/** Strategies that a run has documents of. */
export async function documentStrategies(db: Db, runId: string): Promise<string[]> {
  const { rows } = await db.query<{ strategy: string }>("SELECT DISTINCT a.strategy FROM document d JOIN account a ON a.id = d.account_id WHERE d.run_id = $1 AND d.state <> 'discarded' ORDER BY 1", [
    runId,
  ]);
  return rows.map((r) => r.strategy);
}

/** One document with its lines and its VAT by code; undefined when there is none of this id. */
export async function findDocument(db: Db, id: string): Promise<(DocumentView & { readonly vatByCode: readonly VatView[]; readonly lines: readonly DocumentLineView[] }) | undefined> {
  const row = (await db.query(`${columns} WHERE d.id = $1`, [id])).rows[0];
  if (row === undefined) return undefined;
  const vat = await db.query<{ vat: { vatCode: string; percent: string; baseMinor: string; vatMinor: string }[] | null }>(
    "SELECT convert_from(canonical, 'UTF8')::jsonb->'vat' AS vat FROM document WHERE id = $1",
    [id],
  );
  const lines = await db.query('SELECT * FROM document_line WHERE document_id = $1 ORDER BY line_no', [id]);
  return {
    ...viewOf(row),
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
    contentHash: r['hash'],
    erp: r['erp_state'] === null ? null : { state: r['erp_state'], externalId: r['external_id'], answer: r['answer'] },
  };
}
