import { describeIssue, type Issue, isIssue, issue } from '../../core/issues.ts';
import { type PeriodCharge, periodChargeHash } from '../../core/period/period-charge.ts';
import { monthAfter } from '../../core/period/segments.ts';
import type { ContractVersion } from '../../core/share/month-segments.ts';
import { stateMonths } from '../../core/share/statement.ts';
import { type RowPlace, statementCharge } from '../../core/share/statement-charges.ts';
import type { Db } from '../db.ts';
import { loadAccounts, loadContracts, loadEntity } from '../intake/load-setup.ts';
import { bookCharges, type ChargeToBook } from '../ledger/book-charges.ts';
import { onLikelyLines } from './likely-lines.ts';
import { loadOwnerMonths, type OwnerContract, type OwnerMonths } from './owner-months.ts';
import { lockRun } from './run-state.ts';
import { planForWholeRun } from './whole-run.ts';

export type OwnerSet = { /** Shares of sessions. */ readonly claimed: number /** Rows that the statements add. */; readonly stated: number; readonly parked: readonly string[] };

/**
 * The payee side of a run's closed set, to be called once, after the sales are claimed: claims the site owners' shares whose sale this run
 * or an earlier one bills (D16), states each affected month of each contract anew, and seals and claims the differences as charges of the
 * month. A contract that something is missing for is parked with its findings, and its shares stay open; the others go on.
 */
export async function closeOwnerSet(db: Db, runId: string): Promise<OwnerSet> {
  await lockRun(db, runId);
  await planForWholeRun(db);
  const run = (
    await db.query<{ entity_id: string; period: string; time_zone: string }>('SELECT r.entity_id, r.period, e.time_zone FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1', [
      runId,
    ])
  ).rows[0];
  if (run === undefined) throw new RangeError(`no run "${runId}"`);
  const claimed = await db.query<{ contract_id: string; first_month: string }>(claimShares, [runId]);
  const contracts = await ownerContracts(db, run.entity_id);
  const firstOf = new Map(claimed.rows.map((r) => [r.contract_id, r.first_month]));
  const wanted = contracts.flatMap((contract) => {
    const first = firstOf.get(contract.contractId) ?? (guarantees(contract) ? run.period : undefined);
    return first === undefined ? [] : [{ contract, months: monthsBetween(first, run.period) }];
  });
  const loaded = await loadOwnerMonths(db, { runId, entityId: run.entity_id, timeZone: run.time_zone }, wanted);
  const { charges, failed } = await statements(db, run.entity_id, loaded);
  await bookMonths(db, runId, run.entity_id, charges);
  await park(db, runId, failed);
  await db.query(
    "INSERT INTO run_account (run_id, account_id, state) SELECT DISTINCT k.run_id, k.account_id, 'pending' FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND c.payer_account_id IS NULL ON CONFLICT DO NOTHING",
    [runId],
  );
  const { rows } = await db.query<{ n: bigint }>(
    'SELECT count(*) AS n FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND c.record_id IS NOT NULL AND c.payer_account_id IS NULL',
    [runId],
  );
  return { claimed: Number(rows[0]?.n ?? 0n), stated: charges.length, parked: failed.map((f) => f.accountId) };
}

/**
 * Claims what of shares is released, and answers the first month of each contract it is about. A mirror goes with the charge it takes back.
 * Rows that a cancelled run stated are open again and come along. Shares on revenue that is paid wait: payments are not known here yet.
 */
const claimShares = `WITH released AS (
    SELECT c.charge_id, c.payee_account_id, c.contract_id, c.service_month FROM billing_run r
    JOIN open_charge o ON o.entity_id = r.entity_id AND o.service_month <= r.period
    JOIN rated_charge c ON c.charge_id = o.charge_id AND c.role IN ('siteShareEstimate', 'energyReimbursement', 'statement') AND c.payee_account_id IS NOT NULL
    LEFT JOIN contract_version v ON v.contract_id = c.contract_id AND v.version = c.contract_version
    WHERE r.id = $1 AND (c.record_id IS NULL OR c.reversal_of IS NOT NULL OR v.clauses->>'basis' = 'rated'
        OR coalesce(v.clauses->>'basis', 'billed') = 'billed' AND EXISTS (SELECT FROM rated_charge s JOIN claim k ON k.charge_id = s.charge_id
             WHERE s.record_id = c.record_id AND s.revision = c.revision AND s.payer_account_id IS NOT NULL AND k.disposition <> 'carried'))),
  made AS (INSERT INTO claim (charge_id, run_id, account_id, disposition, document_id, line_no) ${onLikelyLines('SELECT charge_id, payee_account_id AS account_id FROM released')})
  SELECT contract_id, min(service_month) AS first_month FROM released GROUP BY contract_id`;

async function ownerContracts(db: Db, entityId: string): Promise<OwnerContract[]> {
  const accounts = await db.query<{ id: string; currency: string }>(
    "SELECT DISTINCT a.id, a.currency FROM account a JOIN contract k ON k.account_id = a.id AND k.kind = 'revenueShare' WHERE a.entity_id = $1 ORDER BY a.id",
    [entityId],
  );
  const book = await loadContracts(
    db,
    accounts.rows.map((a) => a.id),
  );
  const contracts = new Map<string, OwnerContract & { readonly versions: ContractVersion[] }>();
  for (const { accountId, contractId, version, fromMs, toMs, agreement } of book.rows) {
    if (agreement.kind !== 'revenueShare') continue;
    const contract = contracts.get(contractId) ?? { contractId, accountId, currency: accounts.rows.find((a) => a.id === accountId)?.currency ?? '', versions: [] };
    contracts.set(contractId, contract);
    contract.versions.push({ version, fromMs, toMs, agreement });
  }
  return [...contracts.values()];
}

const guarantees = (contract: OwnerContract) => contract.versions.some((v) => v.agreement.clauses.some((c) => c.kind === 'guarantee'));

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
  const payeeIds = [...new Set(rows.flatMap((r) => r.payeeAccountId ?? []))];
  const payees = await loadAccounts(db, payeeIds);
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

/** Country and cost center of each owner's sites, and of his first one under his own id. */
async function loadPlaces(db: Db, accountIds: readonly string[]): Promise<Map<string, RowPlace>> {
  const { rows } = await db.query<{ id: string; owner_account_id: string; country: string; cost_center: string }>(
    "SELECT id, owner_account_id, country, cost_center FROM site WHERE owner_account_id = ANY($1) AND kind = 'own' ORDER BY id DESC",
    [accountIds],
  );
  return new Map(rows.flatMap((r) => [r.id, r.owner_account_id].map((key): [string, RowPlace] => [key, { country: r.country.trim(), costCenter: r.cost_center }])));
}

/** Books charges of a month and claims them for the run. */
async function bookMonths(db: Db, runId: string, entityId: string, charges: readonly PeriodCharge[]): Promise<void> {
  if (charges.length === 0) return;
  const rows = charges.map((charge): ChargeToBook => ({ entityId, sourceId: null, recordId: null, revision: null, sessionKey: null, charge, reversalOf: null, hash: periodChargeHash(charge) }));
  const ids = await bookCharges(db, rows, 0);
  await db.query("INSERT INTO claim (charge_id, run_id, account_id, disposition) SELECT id, $1, account, 'document' FROM unnest($2::bigint[], $3::text[]) AS t(id, account)", [
    runId,
    ids,
    charges.map((c) => c.payeeAccountId),
  ]);
}

/** Frees what was claimed of contracts that cannot be stated, and keeps why. */
async function park(db: Db, runId: string, failed: readonly Failed[]): Promise<void> {
  if (failed.length === 0) return;
  await db.query('DELETE FROM claim k USING rated_charge c WHERE c.charge_id = k.charge_id AND k.run_id = $1 AND c.contract_id = ANY($2)', [runId, failed.map((f) => f.contractId)]);
  const found = failed.flatMap((f) => f.issues);
  await db.query('INSERT INTO finding (run_id, code, severity, subject, params) SELECT $1, c, s, j, p FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[]) AS t(c, s, j, p)', [
    runId,
    found.map((i) => i.code),
    found.map((i) => i.severity),
    found.map((i) => i.subject),
    found.map((i) => JSON.stringify(i.params)),
  ]);
  await db.query(
    "INSERT INTO run_account (run_id, account_id, state, reason) SELECT $1, a, 'parked', c FROM unnest($2::text[], $3::text[]) AS t(a, c) ON CONFLICT (run_id, account_id) DO UPDATE SET state = 'parked', reason = excluded.reason",
    [runId, failed.map((f) => f.accountId), failed.map((f) => f.issues.slice(0, 1).map(describeIssue).join(''))],
  );
}
