import type { Db } from '../../db.ts';
import { type Part, partsOf } from '../../ledger/book-documents.ts';
import { pagesOf } from './pages.ts';

// A statement may sum up tens of thousands of charges: few at a time.
const documentsPerPage = 50;

type Row = {
  readonly id: string;
  readonly key: string;
  readonly kind: string | null;
  readonly type: string;
  readonly strategy: string;
  readonly account_id: string;
  readonly currency: string;
  readonly books: string;
  readonly payable_minor: bigint;
  /** False where another seller, date or source stands on the transaction than on the document. */
  readonly same_header: boolean;
  readonly fx_rate: string | null;
  /** As the rate is kept; null where there is no such rate of that date, and where none is needed. */
  readonly rate: string | null;
  readonly vat: readonly { readonly vatCode: string; readonly baseMinor: string; readonly vatMinor: string }[];
  readonly entries: readonly StoredEntry[];
};
/** A sum of entries as the ledger has it; amounts as text. `glAccount` only where it is that of what was bought. */
export type StoredEntry = {
  readonly ledgerAccount: string;
  readonly unit: string;
  readonly glAccount: string | null;
  readonly costCenter: string | null;
  readonly accountId: string | null;
  readonly siteId: string | null;
  readonly vatCode: string | null;
  readonly serviceMonth: string | null;
  readonly sourceId: string | null;
  readonly amount: string;
  readonly book: string;
};
export type OwedRow = Row & { readonly parts: readonly Part[] };

/** Issued documents of what we owe with what they sum up, the rate they were converted by and their entries. */
export async function* owedDocuments(db: Db): AsyncGenerator<OwedRow[]> {
  const pages = pagesOf<Row>(
    db,
    `SELECT d.id, 'issue/' || d.id AS key, t.kind, d.type, d.strategy, d.account_id, d.currency, l.currency AS books, d.payable_minor, t.fx_rate, f.rate::text AS rate, d.vat, e.entries,
       t.key IS NULL OR (t.source_ref, t.entity_id, t.effective_on) IS NOT DISTINCT FROM (d.id, d.entity_id, s.issued_on) AS same_header
     FROM (SELECT d.*, coalesce(c.body->'vat', '[]') AS vat FROM document d
       CROSS JOIN LATERAL (SELECT CASE WHEN sha256(d.canonical) = d.content_hash THEN convert_from(d.canonical, 'UTF8')::jsonb END AS body) c
       WHERE d.state = 'issued' AND d.type NOT IN ('invoice', 'receipt', 'creditNote')) d
     JOIN legal_entity l ON l.id = d.entity_id LEFT JOIN issue_stamp s ON s.document_id = d.id LEFT JOIN ledger_transaction t ON t.key = 'issue/' || d.id
     LEFT JOIN fx_rate f ON f.into_currency = l.currency AND f.currency = d.currency AND f.rate_on BETWEEN t.effective_on - 7 AND t.effective_on
       AND t.fx_rate = f.source || ' ' || f.rate_on || ' ' || f.currency || '/' || f.into_currency || ' ' || f.rate || ' v' || f.version
     CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('ledgerAccount', ledger_account, 'unit', unit, 'glAccount', gl_account, 'costCenter', cost_center, 'accountId', account_id, 'siteId', site_id,
       'vatCode', vat_code, 'serviceMonth', service_month, 'sourceId', source_id, 'amount', amount::text, 'book', book_minor::text)), '[]') AS entries FROM ledger_entry WHERE transaction_key = t.key) e
     ORDER BY d.id`,
    documentsPerPage,
  );
  for await (const documents of pages) {
    const parts = await partsOf(
      db,
      documents.map((d) => d.id),
    );
    yield documents.map((row) => ({ ...row, parts: parts.get(row.id) ?? [] }));
  }
}
