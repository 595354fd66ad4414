import type { QueryResultRow } from 'pg';
import { agreementSchema } from '../../contracts/agreement.ts';
import { type Explanation, explainCharge } from '../../core/explain/explain-charge.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db, Store } from '../db.ts';
import { enterDryRunOf } from '../dry/dry-world.ts';
import { chargeOfRow } from '../intake/charge-of-row.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

/** A charge with how it came about. Energy in Wh as text. */
export type ChargeView = {
  readonly chargeId: string;
  readonly recordId: string | null;
  readonly revision: number | null;
  readonly role: string;
  readonly component: string;
  readonly payerAccountId: string | null;
  readonly payeeAccountId: string | null;
  readonly siteId: string | null;
  readonly customerCostCenter: string | null;
  readonly unitId: string | null;
  readonly energyWh: string;
  readonly serviceOn: string;
  readonly serviceMonth: string;
  readonly reversalOf: string | null;
  /** It counts: it is neither a reversal nor reversed. */
  readonly live: boolean;
  readonly explanation: Explanation;
};

/** What a session earned and cost us, net, in the currency of the books, from its live charges. */
export type Margin = { readonly currency: string; readonly sold: string; readonly bought: string; readonly shared: string; readonly margin: string };

const columns = `SELECT c.*, v.clauses, e.currency AS books, EXISTS (SELECT FROM charge_identity i WHERE i.charge_id = c.charge_id
    AND i.identity_key = identity_of_charge(c.session_key, c.role, c.contract_id, c.clause, c.service_month, c.component, c.split_no)) AS live
  FROM rated_charge c JOIN legal_entity e ON e.id = c.entity_id LEFT JOIN contract_version v ON v.contract_id = c.contract_id AND v.version = c.contract_version`;

/** One charge, explained; undefined when there is none of this number. */
export async function findCharge(db: Db, chargeId: string): Promise<ChargeView | undefined> {
  const { rows } = await db.query(`${columns} WHERE c.charge_id = $1`, [chargeId]);
  return rows[0] === undefined ? undefined : viewOf(rows[0]);
}

/** All charges of a record, reversed ones too, in the order they were made, and its margin. */
export async function chargesOfRecord(db: Db, recordId: string): Promise<{ readonly charges: readonly ChargeView[]; readonly margin: Margin | null }> {
  const { rows } = await db.query(`${columns} WHERE c.record_id = $1 ORDER BY c.charge_id`, [recordId]);
  const live = rows.filter((r) => r['live']);
  const [first] = live;
  if (first === undefined) return { charges: rows.map(viewOf), margin: null };
  const sum = (pick: (r: QueryResultRow) => boolean) => live.filter(pick).reduce<bigint>((total, r) => total + r['book_net_minor'], 0n);
  const sold = sum((r) => r['payer_account_id'] !== null);
  const shared = sum((r) => r['role'] === 'siteShareEstimate' || r['role'] === 'energyReimbursement');
  const bought = sum((r) => r['payee_account_id'] !== null) - shared;
  const currency = first['books'] as string;
  const text = (minor: bigint) => formatMinor(minor, currency);
  return { charges: rows.map(viewOf), margin: { currency, sold: text(sold), bought: text(bought), shared: text(shared), margin: text(sold - bought - shared) } };
}

/** The annex of a document: its charges with the line each stands on, in order of charge. */
async function chargesOfDocument(db: Db, documentId: string, page: PageOrder): Promise<Page<ChargeView & { readonly lineNo: number | null }>> {
  const list = ['charges', documentId] as const;
  const { rows } = await db.query(
    `${columns.replace('SELECT c.*,', 'SELECT c.*, k.line_no,')} JOIN document_claim k ON k.charge_id = c.charge_id
     WHERE k.document_id = $1 AND ($2::bigint IS NULL OR c.charge_id > $2) ORDER BY c.charge_id LIMIT $3`,
    [documentId, keyBefore(list, page), page.limit + 1],
  );
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => String(r['charge_id']),
    (r) => ({ ...viewOf(r), lineNo: r['line_no'] }),
  );
}

/** The same of whatever document: one of a dry run lists charges that no run claims. */
export function annexOf(store: Store, documentId: string, page: PageOrder): ReturnType<typeof chargesOfDocument> {
  return store.tx(async (db) => {
    await enterDryRunOf(db, documentId);
    return chargesOfDocument(db, documentId, page);
  });
}

function viewOf(r: QueryResultRow): ChargeView {
  const charge = { ...chargeOfRow(r), reversalOf: r['reversal_of'] as bigint | null };
  return {
    chargeId: String(r['charge_id']),
    recordId: r['record_id']?.toString() ?? null,
    revision: r['revision'],
    role: charge.role,
    component: charge.component,
    payerAccountId: charge.payerAccountId,
    payeeAccountId: charge.payeeAccountId,
    siteId: charge.siteId,
    customerCostCenter: charge.customerCostCenter,
    unitId: charge.unitId,
    energyWh: String(charge.energyWh),
    serviceOn: charge.serviceOn,
    serviceMonth: charge.serviceMonth,
    reversalOf: charge.reversalOf?.toString() ?? null,
    live: r['live'],
    explanation: explainCharge(charge, r['clauses'] === null ? undefined : agreementSchema.safeParse(r['clauses']).data, r['books']),
  };
}
