import { conversionOn, minorInBooks } from '../../core/allocate/convert.ts';
import { decideVat } from '../../core/allocate/decide-vat.ts';
import { glAccountOf } from '../../core/allocate/gl-account.ts';
import { type EntitySetup, vatStatusOn } from '../../core/allocate/setup.ts';
import { describeIssue, type Issue, isIssue, issue } from '../../core/issues.ts';
import { type ContractMonths, dueOf } from '../../core/period/contract-months.ts';
import type { Place } from '../../core/period/month.ts';
import { type PeriodCharge, periodChargeHash } from '../../core/period/period-charge.ts';
import { monthAfter } from '../../core/period/segments.ts';
import type { DueRow } from '../../core/period/settle.ts';
import type { Db } from '../db.ts';
import { chargeOfRow } from '../intake/charge-of-row.ts';
import { bookCharges } from '../ledger/book-charges.ts';
import { accountsLeftOut } from './dispositions.ts';
import { loadPeriod, type PeriodBook, type PeriodContract } from './load-period.ts';

/** Thrown through the pure core when a place cannot be decided, and caught per contract: the account is parked with it. */
class Undecided extends Error {
  readonly issue: Issue;
  constructor(found: Issue) {
    super(describeIssue(found));
    this.issue = found;
  }
}

/**
 * Drafts what the month decides for accounts of a run, over what the run claims for their documents and what earlier runs issued. The drafts of
 * these accounts are made anew. An account of which something of the set-up is missing is parked with the reason, and carries its claims.
 */
export async function draftPeriodCharges(db: Db, runId: string, accountIds: readonly string[]): Promise<void> {
  await db.query('DELETE FROM period_charge WHERE run_id = $1 AND account_id = ANY($2)', [runId, accountIds]);
  const run = (
    await db.query<{ entity_id: string; period: string; since: string; held: string | null }>(
      `SELECT r.entity_id, r.period, (SELECT min(f.period) FROM billing_run f WHERE f.entity_id = r.entity_id AND f.kind = r.kind AND f.state <> 'cancelled') AS since,
         (SELECT max(o.period) FROM billing_run o WHERE o.entity_id = r.entity_id AND o.kind = 'live' AND o.period < r.period AND (o.state IN ('planned', 'collecting', 'previewing', 'inReview', 'approved')
             OR EXISTS (SELECT FROM document d WHERE d.run_id = o.id AND d.state = 'approved'))) AS held
       FROM billing_run r WHERE r.id = $1`,
      [runId],
    )
  ).rows[0];
  if (run === undefined) throw new RangeError(`no run "${runId}"`);
  // An account that is left out is left out with its fees.
  const leftOut = await accountsLeftOut(db, runId);
  const book = await loadPeriod(db, { entityId: run.entity_id, period: run.period, runId, accountIds: accountIds.filter((id) => !leftOut.has(id)) });
  const drafts: { accountId: string; charge: PeriodCharge }[] = [];
  const parked = new Map<string, string>();
  for (const contract of book.contracts) {
    const { accountId } = contract.account;
    const charges = chargesOf(book, contract, run.period, run.since);
    if (isIssue(charges)) parked.set(accountId, describeIssue(charges));
    else drafts.push(...charges.filter((charge) => isOwn(charge, run.held)).map((charge) => ({ accountId, charge })));
  }
  await insertDrafts(
    db,
    runId,
    drafts.filter((d) => !parked.has(d.accountId)),
  );
  await db.query(
    "UPDATE run_account SET state = 'pending', reason = NULL WHERE run_id = $1 AND account_id = ANY($2) AND state = 'parked' AND account_id NOT IN (SELECT id FROM account WHERE category = 'siteOwner')",
    [runId, accountIds],
  );
  if (parked.size === 0) return;
  await db.query("UPDATE run_account a SET state = 'parked', reason = p.reason, plain = false FROM unnest($2::text[], $3::text[]) AS p(account_id, reason) WHERE a.run_id = $1 AND a.account_id = p.account_id", [
    runId,
    [...parked.keys()],
    [...parked.values()],
  ]);
  await db.query("UPDATE claim SET disposition = 'carried' WHERE run_id = $1 AND account_id = ANY($2) AND disposition = 'document'", [runId, [...parked.keys()]]);
}

/** `held`: an earlier month's run that has not issued yet bills its months itself; what comes of late sessions is due once both are issued. */
function isOwn(charge: PeriodCharge, held: string | null): boolean {
  return held === null || charge.serviceMonth > (charge.role === 'advanceFee' ? monthAfter(held) : held);
}

/** The contract as the core computes it. */
function monthsOf(book: PeriodBook, contract: PeriodContract): ContractMonths {
  const { entity } = book;
  const { account } = contract;
  const ownPlace = (on: string): Place => {
    const vat = decideVat(entity, { subject: contract.contractId, direction: 'sale', supply: 'subscription', chargerCountry: null, party: vatStatusOn(account, on), on });
    if (vat.kind === 'open') throw new Undecided(vat.issue);
    if (book.costCenter === null) throw new Undecided(issue('missingCostCenter', 'blocks', contract.contractId));
    return { costCenter: book.costCenter, customerCostCenter: null, siteId: null, vat };
  };
  return { ...contract, zone: entity.timeZone, currency: account.currency, mode: account.roundingMode, ownPlace };
}

function chargesOf(book: PeriodBook, contract: PeriodContract, period: string, since: string): PeriodCharge[] | Issue {
  try {
    const charges: PeriodCharge[] = [];
    for (const { serviceMonth, row } of dueOf(monthsOf(book, contract), period, since)) {
      const charge = chargeOfDue(book.entity, contract, serviceMonth, row);
      if (isIssue(charge)) return charge;
      charges.push(charge);
    }
    return charges;
  } catch (error) {
    if (error instanceof Undecided) return error.issue;
    throw error;
  }
}

function chargeOfDue(entity: EntitySetup, { account, contractId }: PeriodContract, serviceMonth: string, row: DueRow): PeriodCharge | Issue {
  const glAccount = glAccountOf(entity, `revenue.${row.role}`, row.place.vat.code, contractId);
  if (typeof glAccount !== 'string') return glAccount;
  const fx = conversionOn(entity, account.currency, row.serviceOn, contractId);
  if (isIssue(fx)) return fx;
  return {
    role: row.role,
    component: row.component,
    splitNo: row.splitNo,
    contractId,
    contractVersion: row.version,
    clause: row.clause,
    payerAccountId: account.accountId,
    payeeAccountId: null,
    tariffVersionId: null,
    currency: account.currency,
    netMinor: row.netMinor,
    grossMinor: row.grossMinor,
    bookNetMinor: minorInBooks(row.netMinor, account.currency, fx, entity.currency),
    fxRate: fx.name,
    vatCode: row.place.vat.code,
    vatRule: row.place.vat.rule,
    roundingMode: account.roundingMode,
    exactNet: row.exactNet,
    unitPrice: row.unitPrice,
    energyWh: 0n,
    quantity: row.quantity,
    quantityUnit: row.unit,
    glAccount,
    costCenter: row.place.costCenter,
    customerCostCenter: row.place.customerCostCenter,
    unitId: null,
    siteId: row.place.siteId,
    serviceOn: row.serviceOn,
    serviceMonth,
    mappingVersion: entity.mappingVersion,
  };
}

async function insertDrafts(db: Db, runId: string, drafts: readonly { readonly accountId: string; readonly charge: PeriodCharge }[]): Promise<void> {
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

/** Makes charges of the drafts of documents that are being issued, with identity and journal, and claims them for their lines, in the caller's transaction. */
export async function bookPeriodCharges(db: Db, documentIds: readonly string[]): Promise<void> {
  const { rows } = await db.query('SELECT p.*, d.entity_id FROM period_charge p JOIN document d ON d.id = p.document_id WHERE p.document_id = ANY($1) ORDER BY p.id', [documentIds]);
  if (rows.length === 0) return;
  const charges = rows.map((r) => {
    const charge = { ...chargeOfRow(r), payerAccountId: r['account_id'], payeeAccountId: null, tariffVersionId: null, unitId: null } as unknown as PeriodCharge;
    return { entityId: r['entity_id'], sourceId: null, recordId: null, revision: null, sessionKey: null, charge, reversalOf: null, hash: r['charge_hash'].toString('hex') };
  });
  const ids = await bookCharges(db, charges, 0);
  await db.query(
    "INSERT INTO claim (charge_id, run_id, account_id, document_id, line_no, disposition) SELECT t.*, 'document' FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::integer[]) AS t(charge_id, run_id, account_id, document_id, line_no)",
    [ids, rows.map((r) => r['run_id']), rows.map((r) => r['account_id']), rows.map((r) => r['document_id']), rows.map((r) => r['line_no'])],
  );
}
