import { owedTypes } from '../../core/document/owed.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

/** By what the lines of a run's documents can be summed. */
export const runDimensions = ['strategy', 'account', 'site', 'costCenter', 'customerCostCenter', 'glAccount', 'vatCode', 'serviceMonth'] as const;
export type RunDimension = (typeof runDimensions)[number];

/** Lines of one kind; `owed`: by which others are paid. Net as decimal text in major units (VAT is the document's, not a line's), energy in Wh as text. */
export type RunTotal = {
  readonly value: string | null;
  /** Of an account or a site. */
  readonly name: string | null;
  readonly side: 'billed' | 'owed';
  readonly currency: string;
  readonly documents: number;
  readonly lines: number;
  readonly net: string;
  readonly energyWh: string;
};

const sources: Readonly<Record<RunDimension, { readonly value: string; readonly name?: string }>> = {
  strategy: { value: 'd.strategy' },
  account: { value: 'd.account_id', name: '(SELECT p.name FROM account o JOIN party p ON p.id = o.party_id WHERE o.id = t.value)' },
  site: { value: 'l.site_id', name: '(SELECT s.name FROM site s WHERE s.id = t.value)' },
  costCenter: { value: 'l.cost_center' },
  customerCostCenter: { value: 'l.customer_cost_center' },
  glAccount: { value: 'l.gl_account' },
  vatCode: { value: 'l.vat_code' },
  serviceMonth: { value: 'l.service_month' },
};

/** What the documents of a run come to by one dimension of their lines, in order of its values; what has none comes first. */
export async function runTotals(db: Db, runId: string, by: RunDimension, page: PageOrder): Promise<Page<RunTotal>> {
  const { value, name = 'NULL::text' } = sources[by];
  const list = [`totals by ${by}`, runId] as const;
  const { rows } = await db.query(
    `SELECT t.*, ${name} AS name FROM (
       SELECT ${value} AS value, d.type = ANY($2) AS owed, d.currency, count(DISTINCT d.id) AS documents, count(*) AS lines, sum(l.net_minor)::bigint AS net, sum(l.energy_wh)::bigint AS wh,
         coalesce(${value}, '') || ' ' || d.currency || ' ' || (d.type = ANY($2))::text AS place
       FROM document d JOIN document_line l ON l.document_id = d.id WHERE d.run_id = $1 AND d.state <> 'discarded' GROUP BY 1, 2, 3
     ) t WHERE $3::text IS NULL OR t.place COLLATE "C" > $3 ORDER BY t.place COLLATE "C" LIMIT $4`,
    [runId, owedTypes, keyBefore(list, page), page.limit + 1],
  );
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => r['place'] as string,
    (r): RunTotal => ({
      value: r['value'],
      name: r['name'],
      side: r['owed'] ? 'owed' : 'billed',
      currency: r['currency'],
      documents: Number(r['documents']),
      lines: Number(r['lines']),
      net: formatMinor(r['net'], r['currency']),
      energyWh: r['wh'].toString(),
    }),
  );
}
