import { activityInfo } from '@temporalio/activity';
import { localDateOf } from '../core/time.ts';
import { auditOnce } from '../store/commands/audit.ts';
import { type PlannedRun, planRun } from '../store/commands/plan-run.ts';
import { approveByStanding } from '../store/cycle/approve-by-standing.ts';
import { contentProblems } from '../store/cycle/approved-content.ts';
import { buildDocuments } from '../store/cycle/build-documents.ts';
import { type CanaryPlan, canaryProblems, planCanary } from '../store/cycle/canary.ts';
import { cancelRun } from '../store/cycle/cancel-run.ts';
import { checkCompleteness } from '../store/cycle/check-completeness.ts';
import { closeRun } from '../store/cycle/close-run.ts';
import { closeSets } from '../store/cycle/close-sets.ts';
import { type Preview, readPreview } from '../store/cycle/content-hashes.ts';
import { type CollectingState, lookForCutOff } from '../store/cycle/cut-off.ts';
import { type DecisionResult, decideRun, type RunDecision, reopenGroups } from '../store/cycle/decide-run.ts';
import { issueDocuments, writeOffWhenIssued } from '../store/cycle/issue-documents.ts';
import { matchExpectations } from '../store/cycle/match-expectations.ts';
import { numberByErp } from '../store/cycle/number-by-erp.ts';
import { isTouched } from '../store/cycle/release-groups.ts';
import { plannedRuns, runTimeZone, unsignedWaiting } from '../store/cycle/run-reads.ts';
import { advanceGroup, advanceRun, lockRun, noteGroupProblem, noteProblem, type RunState, readRunState, runKind, setPaused } from '../store/cycle/run-state.ts';
import { sumAhead } from '../store/cycle/sums-ahead.ts';
import type { Db, Store } from '../store/db.ts';
import { closeDrySet } from '../store/dry/dry-set.ts';
import { enterDryRun } from '../store/dry/dry-world.ts';
import { unsignedDriftOfRun } from '../store/erp-comparison.ts';
import { lanesOf } from '../store/lanes.ts';
import { runHandOver } from '../store/outbox.ts';
import { periodsToOpen } from '../store/reads/periods-to-open.ts';
import { type Reminders, remindersOf } from '../store/reads/release-rules.ts';
import { archiveDocuments } from './archive-documents.ts';
import { beating } from './beating.ts';
import type { ErpFor } from './hand-over.ts';
import { type RatedAgain, rateDryRun } from './rate-dry-run.ts';
import { reconcileGroup } from './reconcile.ts';

export type CycleDeps = { readonly store: Store; readonly now: () => Date; readonly erpFor: ErpFor };

/** Where a run stands, and when it says that it waits for approval. */
type Reviewed = Preview & { readonly reminders?: Reminders };

/** Who ordered something of a run, and why. */
type Ordered = { readonly runId: string; readonly actor: string; readonly reason: string; readonly requestId?: string };

/** The step that is carried out: the same however often it is tried. */
function thisStep(): string {
  const { workflowExecution, activityId } = activityInfo();
  return `${workflowExecution?.runId}/${activityId}`;
}

/** Who asked, by a request of its own. */
const asked = ({ actor, requestId }: Ordered) => ({ actor, requestId: requestId ?? thisStep() });

/** The date in the zone of a run's entity. */
async function todayOf(db: Db, runId: string, at: Date): Promise<string> {
  return localDateOf(at.getTime(), await runTimeZone(db, runId));
}

/** Issues and renders what waited for the number of the ERP; answers what still waits. */
async function numberAndArchive(store: Store, runId: string, group: string): Promise<readonly string[]> {
  for (;;) {
    const { issued, problems } = await store.tx((db) => numberByErp(db, runId, group));
    if (issued > 0) continue;
    await archiveDocuments(store, runId, group);
    return problems;
  }
}

/** Activities of the billing run; each is one transaction, or repeatable ones in a loop. */
export function createCycleActivities({ store, now, erpFor }: CycleDeps) {
  const build = async (db: Db, runId: string): Promise<Reviewed> => {
    const isDry = await enterDryRun(db, runId);
    const built = await buildDocuments(db, runId, isDry ? undefined : lanesOf(store));
    await checkCompleteness(db, runId);
    if (isDry) return built;
    const approved = await approveByStanding(db, runId, await todayOf(db, runId, now()));
    return { ...(approved.length === 0 ? built : await readPreview(db, runId)), reminders: await remindersOf(db, runId) };
  };
  const read = async (db: Db, runId: string): Promise<Reviewed> => {
    await approveByStanding(db, runId, await todayOf(db, runId, now()));
    return { ...(await readPreview(db, runId)), reminders: await remindersOf(db, runId) };
  };
  return {
    /** Moves a run; answers where it stands then, and whether it is held. One that is cancelled stays so. */
    async moveRun(input: { runId: string; to: RunState }): Promise<Awaited<ReturnType<typeof readRunState>>> {
      return beating(() =>
        store.tx(async (db) => {
          if ((await lockRun(db, input.runId)) !== 'cancelled') await advanceRun(db, input.runId, input.to);
          return readRunState(db, input.runId);
        }),
      );
    },
    /** Moves one group; answers where the run stands then. */
    async moveGroup(input: { runId: string; group: string; to: RunState }): Promise<RunState> {
      return beating(() => store.tx((db) => advanceGroup(db, input.runId, input.group, input.to)));
    },
    /** `problem` of the whole run; `group` with its own where it is one group's. */
    async noteRun(input: { runId: string; problem: string | null; group?: { name: string; problem: string | null } }): Promise<void> {
      await beating(async () => {
        await noteProblem(store.pool, input.runId, input.problem);
        if (input.group !== undefined) await noteGroupProblem(store.pool, input.runId, input.group.name, input.group.problem);
      });
    },
    async decide(input: RunDecision): Promise<DecisionResult> {
      return beating(() => store.tx((db) => decideRun(db, input)));
    },
    async reopen(input: Ordered & { group?: string }): Promise<Awaited<ReturnType<typeof reopenGroups>>> {
      return beating(() => store.tx((db) => reopenGroups(db, input)));
    },
    /** Notes who let groups go on after their canary. */
    async release(input: Ordered & { groups: readonly string[] }): Promise<void> {
      await auditOnce(store.pool, asked(input), { action: 'run.release', subject: input.runId, reason: input.reason, after: { groups: input.groups } });
    },
    /** Tells, in the audit trail, that a run waits for an approval. */
    async remind(input: { runId: string; groups: readonly string[]; days: number }): Promise<void> {
      await auditOnce(
        store.pool,
        { actor: 'billing-cycle', requestId: thisStep() },
        { action: 'run.reminder', subject: input.runId, after: { waitsFor: 'approval', groups: input.groups, days: input.days } },
      );
    },
    async pause(input: Ordered & { paused: boolean }): Promise<void> {
      await beating(() =>
        store.tx(async (db) => {
          await setPaused(db, input.runId, input.paused);
          await auditOnce(db, asked(input), { action: input.paused ? 'run.pause' : 'run.resume', subject: input.runId, reason: input.reason }, ['run.pause', 'run.resume']);
        }),
      );
    },
    async cancel(input: Ordered): Promise<void> {
      await beating(() => store.tx((db) => cancelRun(db, { runId: input.runId, reason: input.reason, by: input })));
    },
    /** Closes the set of what is sold, then, once that can be seen from all lanes, that of what site owners earn by it. */
    async closeSet(input: { runId: string }): Promise<{ claimed: number }> {
      return beating(async () => {
        if ((await runKind(store.pool, input.runId)) === 'dry') return store.tx((db) => closeDrySet(db, input.runId));
        return closeSets(store, input.runId);
      });
    },
    async buildPreview(input: { runId: string }): Promise<Reviewed> {
      return beating(() => store.tx((db) => build(db, input.runId)));
    },
    /** Rates the sessions of a dry run again, where it supposes something. */
    async rateAgain(input: { runId: string }): Promise<RatedAgain> {
      return beating(() => rateDryRun(store, input.runId));
    },
    /** Where the run and its groups stand, without building anything; those in review that a standing approval covers are approved by it. */
    async readGroups(input: { runId: string }): Promise<Reviewed> {
      return beating(() => store.tx((db) => read(db, input.runId)));
    },
    /** The same of a run that nobody told anything for a while: builds what was touched all the same, and judges anew what sources say. */
    async lookAgain(input: { runId: string }): Promise<Reviewed> {
      return beating(() =>
        store.tx(async (db) => {
          if (await isTouched(db, input.runId)) return build(db, input.runId);
          await checkCompleteness(db, input.runId);
          return read(db, input.runId);
        }),
      );
    },
    async planCanary(input: { runId: string; group: string }): Promise<CanaryPlan> {
      return beating(() => store.tx((db) => planCanary(db, input.runId, input.group)));
    },
    /** Issues the approved documents of a group, or its canary alone, a hundred to a transaction; the date is today's in the entity's zone. Stops when they are not what was approved. */
    async issueGroup(input: { runId: string; group: string; canary?: boolean }): Promise<{ issued: number }> {
      const issueOn = await todayOf(store.pool, input.runId, now());
      return beating(async () => {
        const problems = await store.tx((db) => contentProblems(db, input.runId, [input.group]));
        if (problems.length > 0) throw new RangeError(`not what was approved: ${problems.join('; ')}`);
        for (let issued = 0; ; ) {
          const result = await store.tx((db) => issueDocuments(db, input.runId, issueOn, input));
          issued += result.issued;
          if (result.left > 0) continue;
          await store.tx((db) => writeOffWhenIssued(db, input.runId, issueOn));
          return { issued };
        }
      });
    },
    /** Keeps the files of what a group has issued (invariant 13). */
    async archiveGroup(input: { runId: string; group: string }): Promise<{ archived: number }> {
      return beating(async () => ({ archived: await archiveDocuments(store, input.runId, input.group) }));
    },
    /** What does not hold of a canary that is issued and handed over; first what the ERP numbers is issued. */
    async checkCanary(input: { runId: string; group: string }): Promise<readonly string[]> {
      return beating(async () => [...(await numberAndArchive(store, input.runId, input.group)), ...(await canaryProblems(store.pool, input.runId, input.group))]);
    },
    async handOverProgress(input: { runId: string; group: string }): Promise<Awaited<ReturnType<typeof runHandOver>>> {
      return beating(() => runHandOver(store.pool, input.runId, input.group));
    },
    /** What keeps a group from reconciling; empty when the ERP holds exactly what was handed over, and has numbered what it numbers. */
    async reconcileGroup(input: { runId: string; group: string }): Promise<readonly string[]> {
      return beating(async () => {
        const differences = await reconcileGroup(store, erpFor, input.runId, input.group);
        const unnumbered = await numberAndArchive(store, input.runId, input.group);
        return differences.length > 0 ? differences : unnumbered;
      });
    },
    /** What a collecting run still lacks; moves an automatic cut-off to now when nothing is. */
    async collectingState(input: { runId: string }): Promise<CollectingState> {
      return beating(() => store.tx((db) => lookForCutOff(db, input.runId, now())));
    },
    /** Sums what a collecting run would claim now. */
    async sumAhead(input: { runId: string }): Promise<void> {
      await beating(() => sumAhead(store.pool, input.runId, lanesOf(store)));
    },
    /** What waits or is missing without a signed decision (invariant 12), and what drifted in an ERP since it was reconciled; empty when the run may close. */
    async openQuestions(input: { runId: string }): Promise<readonly string[]> {
      return beating(() =>
        store.tx(async (db) => {
          await matchExpectations(db);
          await checkCompleteness(db, input.runId);
          return [...(await unsignedWaiting(db, input.runId)), ...(await unsignedDriftOfRun(db, input.runId))];
        }),
      );
    },
    async closeRun(input: { runId: string }): Promise<void> {
      await beating(() => store.tx((db) => closeRun(db, input.runId)));
    },
    /** Plans what the ended periods of an entity's calendars lack, and names every run that is planned and may have no workflow yet. */
    async openPeriods(input: { entityId: string }): Promise<readonly (Omit<PlannedRun, 'cutOffAt'> & { period: string; kind: 'live' | 'dry'; cutOffAtMs: number })[]> {
      return store.tx(async (db) => {
        for (const due of await periodsToOpen(db, input.entityId, now().getTime())) await planRun(db, { entityId: input.entityId, ...due, by: { actor: 'run-opener' } });
        return plannedRuns(db, input.entityId);
      });
    },
  };
}
