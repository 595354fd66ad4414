import type { QueryResultRow } from 'pg';
import type { DocumentRules } from '../../contracts/document-rules.ts';
import { vatStatusOn } from '../../core/allocate/setup.ts';
import type { VatRule } from '../../core/document/account-documents.ts';
import { groupBy } from '../../core/group-by.ts';
import { selfBillingType } from '../../core/share/statement-charges.ts';
import type { Db } from '../db.ts';
import { loadAccounts, loadContracts } from '../intake/load-setup.ts';
import { documentRulesOf } from '../reads/document-rules.ts';
import { manualLines } from './claimed-charges.ts';

/** What a document of what we owe is: by what it comes to, and where it is outside the scope of VAT. */
export type OwedDocuments = { readonly typeOf: (minor: bigint) => string; readonly outsideVat: 'settlementStatement' | 'reimbursement' };

type AccountDetails = {
  readonly id: string;
  readonly strategy: string;
  readonly category: string;
  readonly currency: string;
  readonly rounding_mode: 'grossFirst' | 'netFirst';
  readonly purchase_order: string | null;
  readonly purchase_order_required: boolean;
  readonly entity_id: string;
  /** The currency of the entity's books. */
  readonly books: string;
  readonly group_name: string;
};
/** What documents of some accounts are made with, beside their charges. */
export type DocumentSetup = {
  readonly runId: string;
  readonly period: string;
  readonly accounts: readonly AccountDetails[];
  readonly adjustmentsOf: ReadonlyMap<string, readonly QueryResultRow[]>;
  readonly vatRules: ReadonlyMap<string, VatRule>;
  readonly rules: DocumentRules;
  readonly billedUntil: ReadonlyMap<string, string>;
  /** What somebody ordered to be credited, or billed in its place. */
  readonly ordered: ReadonlySet<bigint>;
  readonly owed: ReadonlyMap<string, OwedDocuments>;
};

/** Looks up what the documents of accounts of a run are made with; `corrected`: of those that have corrections. */
export async function loadDocumentSetup(db: Db, runId: string, accounts: readonly string[], corrected: readonly string[]): Promise<DocumentSetup> {
  // A parked account has no document, of manual lines neither.
  const adjustments = await db.query(
    `${manualLines} WHERE a.run_id = $1 AND a.account_id = ANY($2) AND a.withdrawn_at IS NULL AND NOT EXISTS (SELECT FROM run_account x WHERE x.run_id = $1 AND x.account_id = a.account_id AND x.state = 'parked') ORDER BY a.id`,
    [runId, accounts],
  );
  const details = await db.query<AccountDetails & { period: string }>(
    `SELECT a.id, a.strategy, a.category, a.currency, a.rounding_mode, a.purchase_order, a.purchase_order_required, r.entity_id, r.label AS period, e.currency AS books, x.group_name FROM account a JOIN billing_run r ON r.id = $1 JOIN legal_entity e ON e.id = r.entity_id LEFT JOIN run_account x ON x.run_id = r.id AND x.account_id = a.id
     WHERE a.id = ANY($2) ORDER BY a.id`,
    [runId, accounts],
  );
  const vatRules = new Map<string, VatRule>(
    (await db.query('SELECT code, percent::text, category, country FROM vat_rule')).rows.map((r) => [r.code, { percent: r.percent, category: r.category.trim(), country: r.country.trim() }]),
  );
  const { own: rules } = await documentRulesOf(db, details.rows[0]?.entity_id ?? '');
  const isPlain = Object.values(rules.late).every((l) => l === undefined || l.policy === 'nextInvoice');
  return {
    runId,
    period: details.rows[0]?.period ?? '',
    accounts: details.rows,
    adjustmentsOf: groupBy(adjustments.rows, (r) => r.account_id),
    vatRules,
    rules,
    billedUntil: isPlain ? new Map() : await lastMonths(db, runId, accounts),
    ordered: corrected.length === 0 ? new Set() : await orderedCharges(db, runId, corrected),
    owed: await owedDocuments(
      db,
      runId,
      details.rows.filter((a) => a.strategy === 'selfBilling' || a.strategy === 'reimbursement').map((a) => a.id),
    ),
  };
}

/** The last month of which each account has an issued document of another run. */
async function lastMonths(db: Db, runId: string, accounts: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await db.query<{ account_id: string; period: string }>(
    "SELECT d.account_id, max(r.period) AS period FROM document d JOIN billing_run r ON r.id = d.run_id WHERE d.account_id = ANY($2) AND d.state = 'issued' AND d.run_id <> $1 GROUP BY 1",
    [runId, accounts],
  );
  return new Map(rows.map((r) => [r.account_id, r.period]));
}

/** Charges of a run that an order to credit and rebill made, and the mirrors that go with them; what no session made is mirrored by an order alone. */
async function orderedCharges(db: Db, runId: string, accounts: readonly string[]): Promise<Set<bigint>> {
  const { rows } = await db.query<{ charge_id: bigint }>(
    `SELECT k.charge_id FROM rebilled_record b JOIN rated_charge c ON c.record_id = b.record_id AND c.revision = b.revision - CASE WHEN c.reversal_of IS NULL THEN 0 ELSE 1 END
     JOIN claim k ON k.charge_id = c.charge_id WHERE k.run_id = $1 AND k.account_id = ANY($2)
     UNION SELECT k.charge_id FROM rated_charge c JOIN claim k ON k.charge_id = c.charge_id
     WHERE c.payer_account_id = ANY($2) AND c.reversal_of IS NOT NULL AND c.record_id IS NULL AND k.run_id = $1`,
    [runId, accounts],
  );
  return new Set(rows.map((r) => r.charge_id));
}

/** Those of these owners, and of the drivers who charge at home, whose documents are statements without VAT. */
export async function settlingAccounts(db: Db, runId: string, entityId: string, ownerIds: readonly string[]): Promise<string[]> {
  const drivers = await db.query<{ id: string }>("SELECT id FROM account WHERE entity_id = $1 AND strategy = 'reimbursement'", [entityId]);
  const owed = await owedDocuments(db, runId, [...new Set([...ownerIds, ...drivers.rows.map((r) => r.id)])]);
  return [...owed].flatMap(([id, documents]) => (settles(documents) ? [id] : []));
}

/** Whether all of it is stated without VAT. */
export function settles({ typeOf, outsideVat }: OwedDocuments): boolean {
  return typeOf(0n) === outsideVat;
}

/** What each document of what we owe is: as who is owed is registered for VAT and agreed at the end of the period. */
async function owedDocuments(db: Db, runId: string, accountIds: readonly string[]): Promise<ReadonlyMap<string, OwedDocuments>> {
  if (accountIds.length === 0) return new Map();
  const run = (
    await db.query<{ period_end: Date; last: string }>(
      "SELECT period_end, ((period_end - interval '1 second') AT TIME ZONE e.time_zone)::date::text AS last FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1",
      [runId],
    )
  ).rows[0];
  const accounts = await loadAccounts(db, accountIds);
  const contracts = await loadContracts(db, accountIds);
  const endMs = (run?.period_end.getTime() ?? 0) - 1;
  return new Map(
    accountIds.map((id) => {
      const account = accounts.get(id);
      const outsideVat = account?.category === 'driver' ? 'reimbursement' : 'settlementStatement';
      const held = contracts.inForce(id, outsideVat === 'reimbursement' ? 'homeCharging' : 'revenueShare', endMs);
      // Of one that has ended the last version stays; what it said counts where there is no other.
      const { agreement } = held.find((c) => c.agreement.status !== 'ended') ?? held[0] ?? {};
      const party = account === undefined ? undefined : vatStatusOn(account, run?.last ?? '');
      const selfBilled = agreement === undefined ? () => undefined : (minor: bigint) => selfBillingType(party, agreement, run?.last ?? '', minor);
      return [id, { outsideVat, typeOf: (minor) => selfBilled(minor) ?? outsideVat }];
    }),
  );
}
