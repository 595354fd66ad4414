import { type PeriodCharge, periodChargeHash } from '../../core/period/period-charge.ts';
import type { Db } from '../db.ts';
import { chargeOfRow } from '../intake/charge-of-row.ts';
import { bookCharges } from '../ledger/book-charges.ts';
import { selected } from './selection.ts';

/** SQL that holds when a run leaves to run `o` the months of accounts that both bill, as long as that has not issued: of two of a calendar the earlier period goes first, of others whichever was planned first. */
export const goesBefore = (run: string) => `CASE WHEN ${run}.selection IS NULL AND o.selection IS NULL AND o.calendar_id = ${run}.calendar_id THEN o.period_end < ${run}.period_end
  ELSE ${run}.kind = 'live' AND (o.planned_at, o.id) < (${run}.planned_at, ${run}.id) END`;

/** SQL: the accounts that run `o` keeps to itself so; null for all. */
export const accountsKept = (run: string) => `CASE WHEN o.selection IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(o.selection->'accountIds'))
  WHEN o.calendar_id <> ${run}.calendar_id THEN ARRAY(SELECT a.account_id FROM run_account a WHERE a.run_id = o.id AND ${selected('a.account_id', run)}) END`;

/** The last month that another run bills of an account and has not issued yet: this run leaves it, and what is before it, alone. Null when there is none. */
export async function heldMonths(db: Db, runId: string): Promise<(accountId: string) => string | null> {
  const { rows } = await db.query<{ period: string; accounts: string[] | null }>(
    `SELECT o.period, ${accountsKept('r')} AS accounts
     FROM billing_run r JOIN billing_run o ON o.entity_id = r.entity_id AND o.kind = 'live' AND o.id <> r.id AND ${goesBefore('r')}
       AND (o.state IN ('planned', 'collecting', 'previewing', 'inReview', 'approved') OR EXISTS (SELECT FROM document d WHERE d.run_id = o.id AND d.state IN ('approved', 'awaitingNumber'))) WHERE r.id = $1 ORDER BY o.period DESC, o.id`,
    [runId],
  );
  const holders = rows.map(({ period, accounts }) => ({ period, accounts: accounts === null ? null : new Set(accounts) }));
  return (accountId) => holders.find((o) => o.accounts?.has(accountId) ?? true)?.period ?? null;
}

/** Writes drafts of accounts of a run. */
export async function insertDrafts(db: Db, runId: string, drafts: readonly { readonly accountId: string; readonly charge: PeriodCharge }[]): Promise<void> {
  if (drafts.length === 0) return;
  const rows = drafts.map(({ accountId, charge: c }) => ({
    account_id: accountId,
    contract_id: c.contractId,
    contract_version: c.contractVersion,
    clause: c.clause,
    role: c.role,
    component: c.component,
    split_no: c.splitNo,
    currency: c.currency,
    net_minor: c.netMinor.toString(),
    gross_minor: c.grossMinor.toString(),
    book_net_minor: c.bookNetMinor.toString(),
    fx_rate: c.fxRate,
    vat_code: c.vatCode,
    vat_rule: c.vatRule,
    rounding_mode: c.roundingMode,
    exact_net: c.exactNet,
    unit_price: c.unitPrice,
    energy_wh: 0,
    quantity: c.quantity.toString(),
    quantity_unit: c.quantityUnit,
    gl_account: c.glAccount,
    cost_center: c.costCenter,
    customer_cost_center: c.customerCostCenter,
    site_id: c.siteId,
    service_on: c.serviceOn,
    service_month: c.serviceMonth,
    mapping_version: c.mappingVersion,
    charge_hash: `\\x${periodChargeHash(c)}`,
  }));
  const columns = Object.keys(rows[0] ?? {}).join(', ');
  await db.query(`INSERT INTO period_charge (run_id, ${columns}) SELECT $1, ${columns} FROM jsonb_populate_recordset(NULL::period_charge, $2::jsonb)`, [runId, JSON.stringify(rows)]);
}

/** Puts drafts on the lines of their documents. */
export async function linkDrafts(db: Db, links: readonly { readonly draftId: bigint; readonly documentId: string; readonly lineNo: number }[]): Promise<void> {
  if (links.length === 0) return;
  await db.query('UPDATE period_charge p SET document_id = t.document_id, line_no = t.line_no FROM unnest($1::bigint[], $2::text[], $3::integer[]) AS t(id, document_id, line_no) WHERE p.id = t.id', [
    links.map((l) => l.draftId),
    links.map((l) => l.documentId),
    links.map((l) => l.lineNo),
  ]);
}

/** Roles of what is owed to the account; all others it owes. */
export const owedRoles: ReadonlySet<string> = new Set(['statement', 'energyReimbursement']);

/** Makes charges of the drafts of documents that are being issued, with identity and journal, and claims them for their lines, in the caller's transaction. */
export async function bookPeriodCharges(db: Db, documentIds: readonly string[]): Promise<void> {
  const { rows } = await db.query('SELECT p.*, d.entity_id FROM period_charge p JOIN document d ON d.id = p.document_id WHERE p.document_id = ANY($1) ORDER BY p.id', [documentIds]);
  if (rows.length === 0) return;
  const charges = rows.map((r) => {
    const charge = {
      ...chargeOfRow(r),
      ...(owedRoles.has(r['role']) ? { payerAccountId: null, payeeAccountId: r['account_id'] } : { payerAccountId: r['account_id'], payeeAccountId: null }),
      tariffVersionId: null,
      unitId: null,
    } as unknown as PeriodCharge;
    return { entityId: r['entity_id'], sourceId: null, recordId: null, revision: null, sessionKey: null, charge, reversalOf: null, hash: r['charge_hash'].toString('hex') };
  });
  const ids = await bookCharges(db, charges, 0);
  await db.query(
    "INSERT INTO claim (charge_id, run_id, account_id, document_id, line_no, disposition) SELECT t.*, 'document' FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::integer[]) AS t(charge_id, run_id, account_id, document_id, line_no)",
    [ids, rows.map((r) => r['run_id']), rows.map((r) => r['account_id']), rows.map((r) => r['document_id']), rows.map((r) => r['line_no'])],
  );
}
