import { isBefore } from '../../core/cycle/run-states.ts';
import { groupBy } from '../../core/group-by.ts';
import type { Db } from '../db.ts';
import { allOf, andOneMore, inLanes, type Lanes, within } from '../lanes.ts';
import { buildChunk, type Decide } from './build-chunk.ts';
import { type AccountScope, checkPreview, type Found, judgeAccounts, judgeSums } from './check-preview.ts';
import { chunksOf, partsOf } from './chunks.ts';
import { keepGroupHashes, type Preview, readPreview, writeHashes } from './content-hashes.ts';
import { decideDispositions, hasRules } from './dispositions.ts';
import { ownersBehind } from './owner-contracts.ts';
import { followPulledIn, waitForSales } from './owner-set.ts';
import { draftStatements, type OwnerSide, ownerSide } from './owner-statements.ts';
import { changesSessions, payersElsewhere, plansMoved } from './payer-months.ts';
import { type AccountPreviews, type BuildRef, nextBuild, recordPreview } from './record-preview.ts';
import { assignGroups, inReview } from './release-groups.ts';
import { lanesOfRun, lockRun } from './run-state.ts';
import { type StatedBefore, statedBefore } from './stated-before.ts';
import { chargesOfRun, planForAccounts, planOfWholeRun, type WholeRunPlan } from './whole-run.ts';

/**
 * Builds the draft documents of a run's pending accounts (what is new, or was touched since) and the hashes of their groups and of the
 * run. Exclusions and adjustments of the run are applied; the same inputs give the same hash. A group that is approved is fixed: nothing
 * of it is built; `approved` tells when none is in review any more, also to a workflow that missed the answer.
 *
 * Many accounts are built in lanes, each chunk of them in a transaction of its own, while the caller's holds the run: until it ends they
 * are pending and no group has a hash, so that nothing can be approved, and a repeat builds them anew.
 */
export async function buildDocuments(db: Db, runId: string, lanes: Lanes = within(db)): Promise<Preview> {
  const state = await lockRun(db, runId);
  if (state !== 'cancelled' && !isBefore(state, 'approved')) return readPreview(db, runId);
  if (!inReview.includes(state)) throw new RangeError(`run ${runId} is ${state}: documents are built in preview and review only`);
  const { rows } = await db.query<{ many: boolean }>("SELECT count(*) > $2 AS many FROM run_account WHERE run_id = $1 AND state IN ('pending', 'parked')", [runId, lanes.worth.accounts]);
  const side = rows[0]?.many ? lanesOfRun(lanes, runId) : within(db);
  const pending = await side.tx((own) => pendingAccounts(own, runId));
  // Where nothing of the run is left out, what rules find of sessions, which look at what is claimed alone, stands before anything is built: meanwhile, and again should something have to wait after all.
  const isWhole = side.width > 1 && (await shapedAmong(db, runId, pending)).size === 0 && !(await anyLeftOut(db, runId));
  const spread = isWhole ? side.tx((own) => planOfWholeRun(own, chargesOfRun, [runId])) : undefined;
  // Whoever plans by it meets it.
  spread?.catch(() => undefined);
  const judge = judgeInParts(side, runId, spread);
  if (isWhole) judge.atOnce(pending, ['session']);
  const plan = await side.tx((own) => planBuild(own, runId, pending));
  const ref = await nextBuild(db, runId, side);
  const earning = new Set(plan.owners.accounts);
  const [customers, known] = [pending.filter((id) => !earning.has(id)), new Set(pending)];
  // So it is with what owners earn.
  const isEarly = isWhole && plan.shaped.size === 0;
  // What others find goes with what is built, whatever that comes to: in a lane meanwhile.
  const rest = isWhole ? (['account'] as const) : undefined;
  for (const part of partsOf(customers, side.width)) judge.whenBuilt(part, rest);
  judge.whenBuilt(
    plan.owners.accounts.filter((id) => known.has(id)),
    rest,
  );
  judge.whenBuilt(plan.owners.accounts.filter((id) => !known.has(id)));
  const [paying] = await allOf([
    buildAccounts(side, ref, customers, plan.shaped, (own, ids) => decideDispositions(own, runId, ids), judge.built),
    isEarly ? side.tx((own) => draftStatements(own, runId, plan.owners.contracts, { before: plan.before, plan: spread })) : undefined,
  ]);
  const { owners, shaped, more, isAnew } = await side.tx((own) => withMoved(own, runId, pending, plan, customers));
  judge.whenBuilt(more);
  const leavesOut = await anyLeftOut(db, runId);
  if (isWhole && leavesOut) judge.anew(pending, ['session']);
  if (!isEarly || isAnew || leavesOut) {
    // By what became of the sales.
    await inLanes(side, chunksOf(owners.accounts, side.width), (own, chunk) => settleShares(own, runId, chunk, shaped));
    // Contracts of one owner together: what is missing for one of them parks him.
    await inLanes(side, partsOf([...groupBy(owners.contracts, (c) => c.accountId).values()], side.width), (own, contracts) => draftStatements(own, runId, contracts.flat()));
  }
  const earned = await buildAccounts(side, ref, owners.accounts, shaped, async () => undefined, judge.built);
  // Beside what follows where all of it is stored by now.
  const ofSums = ref.withChunks ? judgeSums(runId, side) : undefined;
  ofSums?.catch(() => undefined);
  const preview = await writeHashes(db, runId);
  await recordPreview(db, ref, [...paying, ...earned], preview.contentHash);
  await keepGroupHashes(db, runId);
  const found = side.width === 1 ? await judge.found() : judge.found();
  await checkPreview(db, runId, [...customers, ...owners.accounts], found, ofSums);
  return preview;
}

/** Asks the rules on charges of parts of the accounts: in lanes while others are built, without lanes when what was found is wanted. */
function judgeInParts(side: Lanes, runId: string, plan: Promise<WholeRunPlan> | undefined) {
  type Part = { readonly accounts: readonly string[]; readonly scopes: readonly AccountScope[] | undefined; readonly left: Set<string>; found?: Promise<Found[]> };
  let parts: Part[] = [];
  const judge = (part: Part) => {
    part.found ??= judgeAccounts(side, runId, part.accounts, part.scopes, plan);
    part.found.catch(() => undefined);
    return part.found;
  };
  const add = (accounts: readonly string[], scopes: Part['scopes'], left: Iterable<string>): Part => {
    const part = { accounts, scopes, left: new Set(left) };
    parts.push(part);
    return part;
  };
  return {
    /** Of accounts whatever is built of them. */
    atOnce(accounts: readonly string[], scopes: readonly AccountScope[]): void {
      judge(add(accounts, scopes, []));
    },
    /** The same once more, in its place. */
    anew(accounts: readonly string[], scopes: readonly AccountScope[]): void {
      parts = parts.filter((p) => p.accounts !== accounts);
      judge(add(accounts, scopes, []));
    },
    /** Of accounts as soon as all of them are built. */
    whenBuilt(accounts: readonly string[], scopes?: readonly AccountScope[]): void {
      if (accounts.length > 0) add(accounts, scopes, accounts);
    },
    built(accounts: readonly string[]): void {
      for (const part of parts) {
        if (part.left.size === 0) continue;
        for (const id of accounts) part.left.delete(id);
        if (part.left.size === 0 && side.width > 1) judge(part);
      }
    },
    async found(): Promise<Found[]> {
      const all: Found[] = [];
      for (const part of parts) all.push(...(await judge(part)));
      return all;
    },
  };
}

/** Whether a charge that the run claims is not billed by it, for now or for good. Counted: to look for the first one would be planned as reading all claims of a set that was just closed. */
async function anyLeftOut(db: Db, runId: string): Promise<boolean> {
  const left = (disposition: string) => `(SELECT count(*) FROM claim WHERE run_id = $1 AND disposition = '${disposition}')`;
  const { rows } = await db.query<{ any: boolean }>(`SELECT ${left('carried')} + ${left('excluded')} > 0 AS any`, [runId]);
  return rows[0]?.any ?? false;
}

/** Accounts to be built, each in its group. */
async function pendingAccounts(db: Db, runId: string): Promise<readonly string[]> {
  await assignGroups(db, runId);
  const pending = await db.query<{ account_id: string }>(
    `SELECT x.account_id FROM run_account x JOIN release_group g ON g.run_id = x.run_id AND g.name = x.group_name AND g.state = ANY($2)
     WHERE x.run_id = $1 AND x.state IN ('pending', 'parked') ORDER BY x.account_id`,
    [runId, inReview],
  );
  return pending.rows.map((r) => r.account_id);
}

type BuildPlan = { readonly owners: OwnerSide; readonly before: readonly StatedBefore[] | undefined; readonly shaped: ReadonlySet<string> };

/** What is to be built beside accounts that are pending, or otherwise; takes the hashes of all their groups away. */
async function planBuild(db: Db, runId: string, accounts: readonly string[]): Promise<BuildPlan> {
  await planForAccounts(db);
  const { before, ...owners } = await pendingOwners(db, runId, accounts);
  const built = [...new Set([...accounts, ...owners.accounts])];
  const shaped = await shapedAmong(db, runId, built);
  await takeHashes(db, runId, built);
  return { owners, before, shaped };
}

/** Takes the hashes of the groups of these accounts away. */
async function takeHashes(db: Db, runId: string, accounts: readonly string[]): Promise<void> {
  await db.query(
    'UPDATE release_group SET content_hash = NULL WHERE run_id = $1 AND state = ANY($3) AND name IN (SELECT x.group_name FROM run_account x WHERE x.run_id = $1 AND x.account_id = ANY($2))',
    [runId, accounts, inReview],
  );
}

/** The plan with the owners of whom only the drafts of the customers tell that a month is to be stated anew (D44); `more`: accounts that come along with them; `isAnew`: what was stated meanwhile is stated once more. */
async function withMoved(
  db: Db,
  runId: string,
  pending: readonly string[],
  plan: BuildPlan,
  customers: readonly string[],
): Promise<Omit<BuildPlan, 'before'> & { readonly more: readonly string[]; readonly isAnew: boolean }> {
  if (!(await plansMoved(db, runId, customers))) return { ...plan, more: [], isAnew: false };
  const known = new Set([...pending, ...plan.owners.accounts]);
  const owners = await pendingOwners(db, runId, [...known]);
  const more = owners.accounts.filter((id) => !known.has(id));
  await takeHashes(db, runId, more);
  return { owners, shaped: new Set([...plan.shaped, ...(await shapedAmong(db, runId, more))]), more, isAnew: true };
}

/** Site owners and drivers to reimburse among the accounts of a build, behind parked ones of it, which are tried again with each, behind those whose month changes what sessions came to (D44), and, with the first, behind those of whom runs beside it billed late sessions, and those whose month an earlier run stated before it was known. */
async function pendingOwners(db: Db, runId: string, accounts: readonly string[]): Promise<OwnerSide & Pick<BuildPlan, 'before'>> {
  const { rows } = await db.query<{ account_id: string }>(
    `SELECT x.account_id FROM run_account x WHERE x.run_id = $1 AND x.account_id = ANY($2)
       AND (x.state = 'parked' OR EXISTS (SELECT FROM contract k JOIN contract_version v ON v.contract_id = k.id WHERE k.account_id = x.account_id AND ${changesSessions}))
     UNION SELECT account_id FROM (${payersElsewhere}) p WHERE NOT EXISTS (SELECT FROM preview_build WHERE run_id = $1)`,
    [runId, accounts],
  );
  const behind = await ownersBehind(
    db,
    runId,
    rows.map((r) => r.account_id),
  );
  const isFirst = (await db.query('SELECT FROM preview_build WHERE run_id = $1 LIMIT 1', [runId])).rowCount === 0;
  const before = isFirst ? await statedBefore(db, runId) : undefined;
  const side = await ownerSide(db, runId, [...accounts, ...behind, ...(before ?? []).map((s) => s.payeeId)]);
  const drivers = await db.query<{ id: string }>("SELECT id FROM account WHERE id = ANY($1) AND strategy = 'reimbursement'", [[...accounts, ...behind]]);
  const payees = [...new Set([...side.accounts, ...drivers.rows.map((r) => r.id)])].sort();
  await db.query("INSERT INTO run_account (run_id, account_id, state) SELECT $1, unnest($2::text[]), 'pending' ON CONFLICT DO NOTHING", [runId, payees]);
  await assignGroups(db, runId);
  return { contracts: side.contracts, accounts: payees, before };
}

/** Accounts of which something may be left out, corrected or held: by a rule, whichever it is, or by what they hold. */
async function shapedAmong(db: Db, runId: string, accounts: readonly string[]): Promise<ReadonlySet<string>> {
  if (await hasRules(db, runId)) return new Set(accounts);
  const { rows } = await db.query<{ account_id: string }>('SELECT account_id FROM run_account WHERE run_id = $1 AND account_id = ANY($2) AND NOT plain', [runId, accounts]);
  return new Set(rows.map((r) => r.account_id));
}

/** What of owners' shares goes with the sales as they now stand. */
async function settleShares(db: Db, runId: string, accounts: readonly string[], shaped: ReadonlySet<string>): Promise<void> {
  const own = accounts.filter((id) => shaped.has(id));
  if (own.length > 0) {
    await followPulledIn(db, runId, own);
    await decideDispositions(db, runId, own);
  }
  const waiting = await db.query("SELECT FROM claim WHERE disposition = 'carried' ORDER BY run_id LIMIT 1");
  if (waiting.rowCount !== 0) await waitForSales(db, runId, accounts);
}

/** Builds the drafts of accounts, chunk by chunk. What is left out or corrected is settled of those that are `shaped`; it begins with `decide`. */
function buildAccounts(
  side: Lanes,
  ref: BuildRef,
  accounts: readonly string[],
  shaped: ReadonlySet<string>,
  decide: Decide,
  onBuilt: (accounts: readonly string[]) => void,
): Promise<AccountPreviews[]> {
  const lanes = andOneMore(side);
  return inLanes(
    lanes,
    chunksOf(accounts, lanes.width),
    (db, chunk) =>
      buildChunk(
        db,
        ref,
        chunk,
        chunk.filter((id) => shaped.has(id)),
        decide,
      ),
    onBuilt,
  );
}
