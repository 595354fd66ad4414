import { conversionOn, minorInBooks } from '../../core/allocate/convert.ts';
import { decideVat } from '../../core/allocate/decide-vat.ts';
import { glAccountOf } from '../../core/allocate/gl-account.ts';
import { type EntitySetup, vatStatusOn } from '../../core/allocate/setup.ts';
import { describeIssue, type Issue, isIssue, issue } from '../../core/issues.ts';
import { type ContractMonths, dueOf, openFees, type RunMonths, regularFrom } from '../../core/period/contract-months.ts';
import type { Place } from '../../core/period/month.ts';
import type { PeriodCharge } from '../../core/period/period-charge.ts';
import { monthAfter } from '../../core/period/segments.ts';
import type { DueRow } from '../../core/period/settle.ts';
import type { Db } from '../db.ts';
import { accountsLeftOut } from './dispositions.ts';
import { heldMonths, insertDrafts } from './drafts.ts';
import { keepLeftOutFees, loadLeftOutFees } from './left-out-fee-rows.ts';
import type { Draft } from './left-out-fees.ts';
import { loadPeriod, type PeriodBook, type PeriodContract } from './load-period.ts';
import { carryClaims, markParked } from './parked-accounts.ts';

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
 * these accounts are made anew, and so is what is kept of fees that are left out. An account of which something of the set-up is missing is parked with the reason, and carries its claims.
 */
export async function draftPeriodCharges(db: Db, runId: string, accountIds: readonly string[]): Promise<void> {
  await db.query("DELETE FROM period_charge WHERE run_id = $1 AND account_id = ANY($2) AND role NOT IN ('statement', 'energyReimbursement')", [runId, accountIds]);
  const run = (
    await db.query<{ entity_id: string } & RunMonths>(
      `SELECT r.entity_id, r.first_month AS first, r.period AS last, r.full_month AS full, (SELECT min(f.first_month) FROM billing_run f WHERE f.calendar_id = r.calendar_id AND (f.kind = 'live' AND f.state <> 'cancelled' OR f.id = r.id)) AS since FROM billing_run r WHERE r.id = $1`,
      [runId],
    )
  ).rows[0];
  if (run === undefined) throw new RangeError(`no run "${runId}"`);
  const held = await heldMonths(db, runId);
  // An account that is left out is left out with its fees.
  const leftOut = await accountsLeftOut(db, runId, accountIds);
  const fees = await loadLeftOutFees(db, runId, accountIds, leftOut);
  // What of months before these is due shows in their sessions alone (`dueOf`).
  const elsewhere = await sinceElsewhere(db, runId, accountIds);
  const feesAloneFrom = [run.since, ...elsewhere.values()].map((since) => regularFrom({ ...run, since })).sort()[0] ?? run.last;
  const book = await loadPeriod(db, { entityId: run.entity_id, period: run.last, runId, accountIds, feesAloneFrom, leftOut });
  const monthsOfRun = (accountId: string): RunMonths => ({ ...run, since: [run.since, elsewhere.get(accountId) ?? run.since].sort()[0] ?? run.since });
  const made: Draft[] = [];
  // What minimums lack of accounts that are left out.
  const lacking: Draft[] = [];
  const parked = new Map<string, string>();
  for (const { whole, ...contract } of book.contracts) {
    const { accountId } = contract.account;
    const months: ContractBook = { ...contract, leftOut: fees.of(contract.contractId) };
    const charges = chargesOf(book, months, monthsOfRun(accountId));
    const beside = whole === undefined ? [] : chargesOf(book, { ...months, sessions: whole }, monthsOfRun(accountId));
    if (isIssue(charges)) parked.set(accountId, describeIssue(charges));
    else if (isIssue(beside)) parked.set(accountId, describeIssue(beside));
    else {
      const own = (of: readonly PeriodCharge[]) => of.filter((charge) => isOwn(charge.role, charge.serviceMonth, held(accountId))).map((charge) => ({ accountId, charge }));
      made.push(...own(charges));
      lacking.push(...own(beside).filter((d) => d.charge.role === 'minimumTrueUp'));
    }
  }
  const stays = (d: Draft) => !parked.has(d.accountId);
  const drafts = fees.sift(made.filter(stays), lacking.filter(stays), (id, month) => book.contracts.some((c) => c.contractId === id && c.sessions.get(month)?.some((s) => s.isNew)));
  await insertDrafts(db, runId, drafts);
  const unknown = book.contracts.flatMap(({ contractId, account: { accountId, currency }, ...contract }) =>
    parked.has(accountId)
      ? openFees({ ...contract, zone: book.entity.timeZone, leftOut: fees.of(contractId) }, monthsOfRun(accountId)).map((fee) => ({ ...fee, contractId, splitNo: 0, accountId, currency }))
      : [],
  );
  const left = fees.rest(
    run,
    (id) => parked.has(id),
    unknown,
    (id, role, month) => isOwn(role, month, held(id)),
  );
  await keepLeftOutFees(db, runId, accountIds, left);
  await db.query(
    "UPDATE run_account SET state = 'pending', reason = NULL WHERE run_id = $1 AND account_id = ANY($2) AND state = 'parked' AND account_id NOT IN (SELECT id FROM account WHERE category = 'siteOwner')",
    [runId, accountIds],
  );
  if (parked.size === 0) return;
  await markParked(db, runId, parked);
  await carryClaims(db, runId, [...parked.keys()]);
}

/** The first month that a run of another calendar had each account in: it was on that one before. */
async function sinceElsewhere(db: Db, runId: string, accountIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.query<{ id: string; since: string }>(
    `SELECT x.account_id AS id, min(f.first_month) AS since FROM billing_run r JOIN billing_run f ON f.entity_id = r.entity_id AND f.calendar_id <> r.calendar_id AND f.kind = 'live' AND f.state <> 'cancelled'
     JOIN run_account x ON x.run_id = f.id AND x.account_id = ANY($2) WHERE r.id = $1 GROUP BY 1`,
    [runId, accountIds],
  );
  return new Map(rows.map((r) => [r.id, r.since]));
}

/** `held`: another run that has not issued yet bills its months itself; what comes of late sessions is due once both are issued. */
function isOwn(role: string, month: string, held: string | null): boolean {
  return held === null || month > (role === 'advanceFee' ? monthAfter(held) : held);
}

type ContractBook = PeriodContract & Pick<ContractMonths, 'leftOut'>;

/** The contract as the core computes it. */
function monthsOf(book: PeriodBook, contract: ContractBook): ContractMonths {
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

function chargesOf(book: PeriodBook, contract: ContractBook, run: RunMonths): PeriodCharge[] | Issue {
  try {
    const charges: PeriodCharge[] = [];
    for (const { serviceMonth, row } of dueOf(monthsOf(book, contract), run)) {
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
  // The last day of a month to come has no rate yet.
  const fx = conversionOn(entity, account.currency, row.role === 'advanceFee' ? `${serviceMonth}-01` : row.serviceOn, contractId);
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
