import { vatStatusOn } from '../../core/allocate/setup.ts';
import { type AccountDocument, type AccountInput, accountDocuments, type VatRule } from '../../core/document/account-documents.ts';
import type { CreditRef, DocumentCharge, DocumentValue } from '../../core/document/compose.ts';
import { groupBy } from '../../core/group-by.ts';
import { describeIssue, issue } from '../../core/issues.ts';
import { sha256 } from '../../core/seal/charge-record.ts';
import { ownerDocumentType } from '../../core/share/statement-charges.ts';
import type { Db } from '../db.ts';
import { loadAccounts, loadContracts } from '../intake/load-setup.ts';
import { documentRulesOf } from '../reads/document-rules.ts';
import { adjustmentOf, annexOrder, chargeOf, claimedCharges, manualLines } from './claimed-charges.ts';
import { creditRefs, loadRemainders, overCredited } from './credits.ts';

export type MadeDocument = {
  readonly id: string;
  readonly type: string;
  readonly accountId: string;
  readonly entityId: string;
  readonly currency: string;
  /** What it is the credit note of. */
  readonly credits: CreditRef | null;
  readonly value: DocumentValue;
};
export type MadeDocuments = {
  readonly documents: readonly MadeDocument[];
  readonly held: readonly { readonly reason: string; readonly chargeIds: readonly bigint[] }[];
  /** Accounts that cannot be billed as they stand, with the reason. */
  readonly parked: ReadonlyMap<string, string>;
};

/** Composes the documents of accounts of a run: of what it claims for documents, and its manual lines. */
export async function makeDocuments(db: Db, runId: string, accounts: readonly string[]): Promise<MadeDocuments> {
  const charges = await db.query(`${claimedCharges} WHERE c.run_id = $1 AND c.account_id = ANY($2) AND c.disposition = 'document' ORDER BY c.account_id, ${annexOrder}`, [runId, accounts]);
  const adjustments = await db.query(`${manualLines} WHERE a.run_id = $1 AND a.account_id = ANY($2) AND a.withdrawn_at IS NULL ORDER BY a.id`, [runId, accounts]);
  const details = await db.query(
    `SELECT a.id, a.strategy, a.category, a.currency, a.rounding_mode, a.purchase_order, a.purchase_order_required, r.entity_id, r.period FROM account a JOIN billing_run r ON r.id = $1 WHERE a.id = ANY($2) ORDER BY a.id`,
    [runId, accounts],
  );
  const vatRules = new Map<string, VatRule>(
    (await db.query('SELECT code, percent::text, category, country FROM vat_rule')).rows.map((r) => [r.code, { percent: r.percent, category: r.category.trim(), country: r.country.trim() }]),
  );
  const { own: rules } = await documentRulesOf(db, details.rows[0]?.entity_id ?? '');
  const isPlain = Object.values(rules.late).every((l) => l === undefined || l.policy === 'nextInvoice');
  const billedUntil = isPlain ? new Map<string, string>() : await lastMonths(db, runId, accounts);
  const ordered = await orderedCharges(db, runId, accounts);
  const refs = await creditRefs(db, charges.rows);
  const chargesOf = groupBy(charges.rows, (r) => r.account_id);
  const adjustmentsOf = groupBy(adjustments.rows, (r) => r.account_id);
  const credited = [...[...refs.values()].map((r) => r.documentId), ...adjustments.rows.flatMap((a) => a.credits_document_id ?? [])];
  const remainders = await loadRemainders(db, [...new Set(credited)]);
  const owners = await ownersOf(
    db,
    runId,
    details.rows.filter((a) => a.strategy === 'selfBilling').map((a) => a.id),
  );
  const documents: MadeDocument[] = [];
  const held: { reason: string; chargeIds: readonly bigint[] }[] = [];
  const parked = new Map<string, string>();
  for (const account of details.rows) {
    const typeOf = owners.get(account.id);
    if (account.purchase_order_required && account.purchase_order === null) {
      // The account waits, the run does not.
      parked.set(account.id, describeIssue(issue('purchaseOrderMissing', 'blocks', account.id)));
      continue;
    }
    const made = accountDocuments({
      entityId: account.entity_id,
      accountId: account.id,
      strategy: account.strategy,
      currency: account.currency,
      roundingMode: account.rounding_mode,
      period: account.period,
      purchaseOrder: account.purchase_order,
      charges: (chargesOf.get(account.id) ?? []).map((r) => chargeOf(r, refs)),
      adjustments: (adjustmentsOf.get(account.id) ?? []).map(adjustmentOf),
      side: sideOf(typeOf),
      vatRules,
      late: rules.late[account.category as 'driver'] ?? { policy: 'nextInvoice' },
      minimumMinor: BigInt(rules.minimumInvoice[account.strategy as 'driverInvoice'] ?? 0),
      billedUntil: billedUntil.get(account.id) ?? null,
      isOrdered: (c: DocumentCharge) => ordered.has(c.chargeId),
      remainders,
    });
    const over = await overCredited(
      db,
      made.documents.flatMap((d) => d.value.lines),
    );
    if (over !== undefined) {
      parked.set(
        account.id,
        `more would be credited of line ${over.lineNo} of ${over.legalNumber} than is left of it: take back the credit that was ordered before (POST /v1/documents/{id}/credit with the opposite amount)`,
      );
      continue;
    }
    held.push(...made.held);
    for (const document of made.documents) {
      const id = `doc_${sha256(`${runId}\n${account.id}\n${document.key}`).toString('hex').slice(0, 20)}`;
      const type = documentType(document, typeOf);
      const credits = type === 'settlementStatement' ? null : document.credits;
      documents.push({ id, type, accountId: account.id, entityId: account.entity_id, currency: document.currency, credits, value: document.value });
    }
  }
  return { documents, held, parked };
}

type TypeOf = (netMinor: bigint) => string;

function sideOf(typeOf: TypeOf | undefined): AccountInput['side'] {
  if (typeOf === undefined) return 'sale';
  return typeOf(0n) === 'settlementStatement' ? 'settlement' : 'selfBilling';
}

/** What comes to less than nothing is a credit note, also when it names no document: a rule on previews asks for a signature then. */
function documentType({ kind, outsideVat, value }: AccountDocument, typeOf: TypeOf | undefined): string {
  if (typeOf === undefined) return kind === 'creditNote' || value.payableMinor < 0n ? 'creditNote' : 'invoice';
  // Of a registered owner, what is outside the scope of VAT is settled without a VAT invoice.
  if (outsideVat) return 'settlementStatement';
  return kind === 'creditNote' ? 'selfBillingCredit' : typeOf(value.netMinor);
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

/** What each site owner's document is, by its net: as the owner is registered and agreed at the end of the period. */
async function ownersOf(db: Db, runId: string, accountIds: readonly string[]): Promise<ReadonlyMap<string, (netMinor: bigint) => string>> {
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
      const agreement = contracts.inForce(id, 'revenueShare', endMs)[0]?.agreement;
      const party = account === undefined ? undefined : vatStatusOn(account, run?.last ?? '');
      return [id, (netMinor) => (agreement === undefined ? 'settlementStatement' : ownerDocumentType(party, agreement, run?.last ?? '', netMinor))];
    }),
  );
}
