import { describeIssue, type Issue, isIssue, issue } from '../../core/issues.ts';
import type { PeriodCharge } from '../../core/period/period-charge.ts';
import { monthAfter } from '../../core/period/segments.ts';
import { stateMonths } from '../../core/share/statement.ts';
import { type RowPlace, statementCharge } from '../../core/share/statement-charges.ts';
import type { Db } from '../db.ts';
import { loadAccounts, loadEntity } from '../intake/load-setup.ts';
import { siteHoldings } from '../site-holdings.ts';
import { accountsLeftOut, owedTooLong } from './dispositions.ts';
import { heldMonths, insertDrafts } from './drafts.ts';
import { guarantees, type OwnerContract, ownerContracts, ownersSince, payeesOfContract, shareRoles } from './owner-contracts.ts';
import { loadOwnerMonths, type OwnerMonths } from './owner-months.ts';
import { markParked } from './parked-accounts.ts';
import { movedSessions } from './payer-months.ts';
import { selected } from './selection.ts';
import { leftAloneBy, type StatedBefore, statedBefore } from './stated-before.ts';
import { amongIds, chargesOfRun, planAs, planForAccounts, planOfWholeRun, type WholeRunPlan } from './whole-run.ts';

/** So many are looked up by index; more, by reading the month once. */
const fewContracts = 50;

/** The owners' side of a build: contracts to state, and all accounts with a part in them that may be built. */
export type OwnerSide = { readonly contracts: readonly OwnerContract[]; readonly accounts: readonly string[] };

/** What is known of a run before its owners are stated, and need not be asked again. */
export type KnownOfRun = { readonly before?: readonly StatedBefore[] | undefined; readonly plan?: Promise<WholeRunPlan> | undefined };

/**
 * What is to be stated anew when these payees are built: their contracts, and with each all who have a part in it. A contract of which
 * somebody's group is approved, or who is no part of an off-cycle run, keeps its statement as it is.
 */
export async function ownerSide(db: Db, runId: string, accountIds: readonly string[]): Promise<OwnerSide> {
  const run = (await db.query<{ entity_id: string }>('SELECT entity_id FROM billing_run WHERE id = $1', [runId])).rows[0];
  const all = await ownerContracts(db, run?.entity_id ?? '');
  const accounts = new Set(accountIds);
  const contracts = new Set<OwnerContract>();
  for (let before = -1; before !== contracts.size; ) {
    before = contracts.size;
    for (const contract of all) {
      const payees = payeesOfContract(contract);
      if (contracts.has(contract) || !payees.some((id) => accounts.has(id))) continue;
      contracts.add(contract);
      for (const id of payees) accounts.add(id);
    }
  }
  const { rows } = await db.query<{ id: string }>(
    `SELECT a.id FROM billing_run r JOIN account a ON a.id = ANY($2) LEFT JOIN run_account x ON x.run_id = $1 AND x.account_id = a.id JOIN release_group g ON g.run_id = $1 AND g.name = coalesce(x.group_name, a.release_group)
     WHERE r.id = $1 AND (g.state NOT IN ('planned', 'collecting', 'previewing', 'inReview') OR NOT ${selected('a.id')})`,
    [runId, [...accounts]],
  );
  const fixed = new Set(rows.map((r) => r.id));
  return {
    contracts: [...contracts].filter((c) => !payeesOfContract(c).some((id) => fixed.has(id))),
    accounts: [...new Set([...contracts].flatMap(payeesOfContract))].filter((id) => !fixed.has(id)).sort(),
  };
}

/**
 * Drafts what the months decide for site owners, over the shares that the run claims and what earlier runs issued: each month that it shares
 * in, stated anew less what was stated. The drafts of these contracts are made anew. A contract that something is missing for is parked
 * with its findings and its shares wait, and so do those of who is left out; the others go on.
 */
export async function draftStatements(db: Db, runId: string, contracts: readonly OwnerContract[], known: KnownOfRun = {}): Promise<void> {
  if (contracts.length === 0) return;
  const ids = contracts.map((c) => c.contractId);
  await db.query("DELETE FROM period_charge WHERE run_id = $1 AND contract_id = ANY($2) AND role IN ('statement', 'energyReimbursement')", [runId, ids]);
  await db.query("UPDATE run_account SET state = 'pending', reason = NULL WHERE run_id = $1 AND account_id = ANY($2) AND state = 'parked'", [runId, contracts.map((c) => c.accountId)]);
  const run = (
    await db.query<{ entity_id: string; period: string; first_month: string; time_zone: string }>(
      'SELECT r.entity_id, r.period, r.first_month, e.time_zone FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1',
      [runId],
    )
  ).rows[0];
  if (run === undefined) throw new RangeError(`no run "${runId}"`);
  const held = await heldMonths(db, runId);
  const first = await firstMonths(db, runId, contracts, known.before);
  const alone = await leftAloneBy(db, runId);
  const changed = await ownersSince(db, runId);
  const wanted = contracts.flatMap((contract) => {
    const again = alone.filter((l) => l.accountIds?.includes(contract.accountId) ?? true).map((l) => l.month);
    const from = [first.get(contract.contractId), guarantees(contract) || changed.has(contract.accountId) ? run.first_month : undefined, ...again].filter((m) => m !== undefined).sort()[0];
    const months = from === undefined ? [] : monthsBetween(from, run.period).filter((month) => month > (held(contract.accountId) ?? ''));
    return months.length === 0 ? [] : [{ contract, months }];
  });
  const isFew = wanted.length <= fewContracts;
  if (!isFew) await planAs(db, await (known.plan ?? planOfWholeRun(db, chargesOfRun, [runId])));
  const loaded = await loadOwnerMonths(db, { runId, entityId: run.entity_id, timeZone: run.time_zone }, wanted, isFew);
  await planForAccounts(db);
  const { charges, failed } = await statements(db, run.entity_id, loaded);
  // Whose shares wait, what the month adds to them waits too: the next run states it.
  const rules = await accountsLeftOut(db, runId, [...new Set(contracts.flatMap(payeesOfContract))]);
  const tooLong = await owedTooLong(db, runId, rules);
  const leftOut = new Set([...rules].flatMap(([id, { outcome }]) => (outcome === 'carry' && !tooLong.has(id) ? [id] : [])));
  await insertDrafts(
    db,
    runId,
    charges.flatMap((charge) => (leftOut.has(charge.payeeAccountId ?? '') ? [] : [{ accountId: charge.payeeAccountId ?? '', charge }])),
  );
  await park(db, runId, failed);
  await markParked(db, runId, new Map([...leftOut].map((id) => [id, 'it is left out, and what it is owed waits'])));
}

/** The first month of each contract of which a run claims shares, in which a late session of the run moves what its customer's other sessions came to (D44), or that an earlier run stated before it was known. */
async function firstMonths(db: Db, runId: string, contracts: readonly OwnerContract[], statedElsewhere?: readonly StatedBefore[]): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.query<{ contract_id: string; first: string }>(
    `WITH ${movedSessions()},
     unkept AS MATERIALIZED (SELECT p.account_id FROM unnest($3::text[]) AS p(account_id) WHERE p.account_id NOT IN (SELECT account_id FROM kept))
     SELECT contract_id, min(service_month) AS first FROM claim_sum WHERE run_id = $1 AND contract_id = ANY($2) AND account_id = ANY($3) AND role IN ${shareRoles} GROUP BY 1
     UNION ALL
     SELECT c.contract_id, min(c.service_month) FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id
     WHERE k.run_id = $1 AND ${amongIds('k.account_id', 'unkept')} AND c.contract_id = ANY($2) AND c.role IN ${shareRoles} GROUP BY 1
     UNION ALL
     SELECT h.contract_id, min(h.service_month) FROM moved s JOIN rated_charge h ON h.record_id = s.record_id AND h.revision = s.revision AND h.contract_id = ANY($2) AND h.role IN ${shareRoles} GROUP BY 1`,
    [runId, contracts.map((c) => c.contractId), contracts.flatMap(payeesOfContract)],
  );
  const first = new Map<string, string>();
  const before = (statedElsewhere ?? (await statedBefore(db, runId))).map((s) => ({ contract_id: s.contractId, first: s.month }));
  for (const r of [...rows, ...before]) if (r.first < (first.get(r.contract_id) ?? '9999-99')) first.set(r.contract_id, r.first);
  return first;
}

/** From the first to the last month, both included; a later month may owe to an earlier one what its guarantee carries. */
function monthsBetween(first: string, last: string): string[] {
  const months: string[] = [];
  for (let month = first; month <= last; month = monthAfter(month)) months.push(month);
  return months;
}

type Failed = { readonly accountId: string; readonly contractId: string; readonly issues: readonly Issue[] };

async function statements(db: Db, entityId: string, loaded: readonly OwnerMonths[]): Promise<{ readonly charges: readonly PeriodCharge[]; readonly failed: readonly Failed[] }> {
  const made = loaded.map((months) => ({ ...months, statements: stateMonths(months.months, { guarantees: months.carriedGuarantees, balances: new Map() }) }));
  const rows = made.flatMap((m) => m.statements.flatMap((s) => s.rows));
  const days = rows.map((r) => Date.parse(`${r.serviceOn}T00:00:00Z`));
  const entity = await loadEntity(db, entityId, days.length === 0 ? { fromMs: 0, toMs: 0 } : { fromMs: Math.min(...days), toMs: Math.max(...days) });
  const payees = await loadAccounts(db, [...new Set(rows.flatMap((r) => r.payeeAccountId ?? []))]);
  const places = await loadPlaces(
    db,
    made.map((m) => m.contract.accountId),
  );
  const charges: PeriodCharge[] = [];
  const failed: Failed[] = [];
  for (const { contract, statements: own } of made) {
    const built = own
      .flatMap((s) => s.rows)
      .map((row) => {
        const payee = payees.get(row.payeeAccountId ?? '');
        const place = places.get(row.siteId ?? contract.accountId);
        if (payee === undefined) throw new RangeError(`${row.contractId} names account ${row.payeeAccountId}, which does not exist`);
        // An owner of no site of ours, whose contract still guarantees something.
        if (place === undefined) return issue('ownerWithoutSite', 'blocks', row.contractId, { account: contract.accountId });
        return statementCharge(entity, payee, row, place);
      });
    const issues = [...own.flatMap((s) => s.issues), ...built.filter(isIssue)];
    if (issues.length > 0) failed.push({ accountId: contract.accountId, contractId: contract.contractId, issues });
    else charges.push(...built.filter((c): c is PeriodCharge => !isIssue(c)));
  }
  return { charges, failed };
}

/** Country and cost center of the sites that are or were each owner's, and of his first one under his own id. */
async function loadPlaces(db: Db, accountIds: readonly string[]): Promise<Map<string, RowPlace>> {
  const { rows } = await db.query<{ id: string; owner_account_id: string; country: string; cost_center: string }>(
    `SELECT DISTINCT s.id, h.owner_account_id, s.country, s.cost_center FROM site s JOIN ${siteHoldings} h ON h.site_id = s.id WHERE h.owner_account_id = ANY($1) AND s.kind = 'own' ORDER BY s.id DESC`,
    [accountIds],
  );
  return new Map(rows.flatMap((r) => [r.id, r.owner_account_id].map((key): [string, RowPlace] => [key, { country: r.country.trim(), costCenter: r.cost_center }])));
}

/** Lets what is claimed of contracts wait that cannot be stated, and keeps why; what was found before is found once. */
async function park(db: Db, runId: string, failed: readonly Failed[]): Promise<void> {
  if (failed.length === 0) return;
  await db.query(
    `UPDATE claim k SET disposition = 'carried', document_id = NULL, line_no = NULL FROM rated_charge c WHERE c.charge_id = k.charge_id AND k.run_id = $1 AND c.contract_id = ANY($2) AND c.role IN ${shareRoles}`,
    [runId, failed.map((f) => f.contractId)],
  );
  const found = failed.flatMap((f) => f.issues);
  await db.query(
    `INSERT INTO finding (run_id, code, severity, subject, params) SELECT DISTINCT $1, c, s, j, p FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[]) AS t(c, s, j, p)
     WHERE NOT EXISTS (SELECT FROM finding f WHERE f.run_id = $1 AND f.code = c AND f.subject = j AND f.params = p)`,
    [runId, found.map((i) => i.code), found.map((i) => i.severity), found.map((i) => i.subject), found.map((i) => JSON.stringify(i.params))],
  );
  await markParked(db, runId, new Map(failed.map((f) => [f.accountId, f.issues.slice(0, 1).map(describeIssue).join('')])));
}
