import { ApplicationFailure, allHandlersFinished, CancellationScope, condition, continueAsNew, isCancellation, patched, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { isBefore, type RunState } from '../core/cycle/run-states.ts';
import { cycleActivities, cycleAnswers } from './cycle-activities.ts';
import { LateWait } from './late-wait.ts';
import {
  type BillingCycleInput,
  cancelUpdate,
  cutOffSignal,
  decideUpdate,
  handedOverSignal,
  inputsChangedSignal,
  type Order,
  pauseUpdate,
  type ReviewSoFar,
  releaseUpdate,
  reopenUpdate,
  resumeUpdate,
  retrySignal,
  runStateQuery,
} from './messages.ts';
import { ReleasedGroups } from './released-groups.ts';
import { RunBoard } from './run-board.ts';
import { searchAttributes } from './search-attributes.ts';

const { moveRun, closeSet, rateAgain, buildPreview, readGroups, lookAgain, remind, openQuestions, closeRun } = cycleActivities;
const { decide, reopen, release, cancel, pause } = cycleAnswers;

/** How often one that waits for people looks by itself, ever less often: a word that was lost only comes later. */
const firstReviewLookMs = 60_000;
const mostBetweenReviewLooksMs = 3 * 3_600_000;

const day = 86_400_000;

/**
 * One monthly run: waits for late CDRs until the cut-off, closes the record set, previews, waits for approvals, issues, hands over
 * to the ERP, reconciles and closes. Each release group goes its own way from its approval on, while others are still in review. Every
 * wait and every problem shows in the current details; an exhausted retry waits for `retry`. While it waits for people it begins anew before
 * its history is longer than Temporal allows.
 */
export async function billingCycle(input: BillingCycleInput): Promise<{ state: string; issued: number }> {
  const run = new Run(input);
  run.listen();
  const work = new CancellationScope();
  run.onCancelled = () => work.cancel();
  try {
    return await work.run(() => run.steps());
  } catch (error) {
    if (!isCancellation(error) || run.board.progress.state !== 'cancelled') throw error;
    return { state: 'cancelled', issued: 0 };
  } finally {
    await condition(allHandlersFinished);
  }
}

/** What a run has been told and where it stands. */
class Run {
  readonly board: RunBoard;
  onCancelled: () => void = () => undefined;
  readonly #input: BillingCycleInput;
  readonly #lateWait: LateWait;
  #building = false;
  // How often it was told: each wait looks for what came since it began.
  #decisions = 0;
  #pauses = 0;
  /** An order to pause or resume is being stored. */
  #isPausing = false;
  /** Where the run stood when it was moved last: a pause holds no step that was made before this workflow began. */
  #was: RunState = 'planned';
  /** By the entity's release rules, as the last look found them. */
  #reminders = { afterMs: 3 * day, everyMs: day };
  readonly #released: ReleasedGroups;
  /** Groups that were reopened since the read under way began, which may have found them approved. */
  #reopened = new Set<string>();

  constructor(input: BillingCycleInput) {
    this.#input = input;
    this.board = new RunBoard(input, input.review?.board);
    this.#lateWait = new LateWait(this.board, input.cutOffAtMs);
    this.#released = new ReleasedGroups(this.board, input.runId);
    this.#released.issued = input.review?.issued ?? 0;
  }

  listen(): void {
    const { runId } = this.#input;
    setHandler(cutOffSignal, ({ at }) => {
      this.#lateWait.moveTo(at === undefined ? 0 : Date.parse(at));
    });
    setHandler(inputsChangedSignal, () => {
      this.board.changes += 1;
    });
    setHandler(retrySignal, () => {
      this.board.retries += 1;
    });
    setHandler(handedOverSignal, () => {
      this.#released.handOvers += 1;
    });
    setHandler(runStateQuery, () => this.board.progress);
    setHandler(
      decideUpdate,
      async (order) => {
        const result = await decide({ runId, ...order });
        // What is stored changed without a word.
        if (!result.ok && result.reason === 'staleHash') this.board.changes += 1;
        if (!result.ok) throw ApplicationFailure.create({ type: result.reason, message: sentence(result), nonRetryable: true, details: [result] });
        if (order.decision === 'approve') this.#decisions += 1;
        else await this.board.note(`rejected by ${order.actor}: ${order.comment}`, order.group);
        return { waitsForSecond: result.waitsForSecond ?? [] };
      },
      {
        validator: ({ contentHash, group }) => {
          if (this.#input.kind === 'dry') throw refusal('wrongState', 'a dry run is approved by nobody: nothing of it leaves');
          const { state, contentHash: current } = group === undefined ? this.board.progress : (this.board.progress.groups[group] ?? { state: 'not a group of the run', contentHash: null });
          // What is in the database may be ahead of its answer: the activity judges by that.
          if (state !== 'inReview' && state !== 'previewing') throw refusal('wrongState', notInReview(state, group));
          if (contentHash !== current && !this.#building) throw refusal('staleHash', 'the content changed since it was looked at', { ok: false, reason: 'staleHash', current: current ?? '' });
        },
      },
    );
    setHandler(
      reopenUpdate,
      async (order) => {
        const result = await reopen({ runId, ...order });
        if (!result.ok) throw refusal('wrongState', `${order.group === undefined ? 'the run' : `group ${order.group}`} is ${result.state}: only what is approved and not issued can be reopened`);
        this.#released.takeBack(result.reopened);
        for (const group of result.reopened) {
          this.board.groupStands(group, 'inReview');
          this.#reopened.add(group);
        }
        this.#decisions += 1;
        return { groups: result.reopened };
      },
      {
        validator: ({ group }) => {
          // What was just approved may not be read yet: the activity judges by what is stored.
          const approved = Object.entries(this.board.progress.groups).filter(([name, g]) => (g.state === 'approved' || g.state === 'inReview') && (group ?? name) === name);
          if (approved.length === 0) throw refusal('wrongState', `${group === undefined ? 'no group' : `group ${group}`} is approved and not issued yet: nothing can be reopened`);
        },
      },
    );
    setHandler(
      releaseUpdate,
      async ({ group, ...order }) => {
        const groups = this.#released.heldCanaries(group);
        await release({ runId, groups, ...order });
        this.#released.letGo(groups);
        return { groups };
      },
      {
        validator: ({ group }) => {
          if (this.#released.heldCanaries(group).length === 0)
            throw refusal('wrongState', `${group === undefined ? 'no group' : `group ${group}`} waits after its canary: there is nothing to release`);
        },
      },
    );
    const setPaused = (paused: boolean) => async (order: Order) => {
      // One after the other, so that it stands here as what is stored last. Histories that are older than this stored them at once.
      while (this.#isPausing && patched('pauses-in-turn')) await condition(() => !this.#isPausing);
      this.#isPausing = true;
      try {
        await pause({ runId, paused, ...order });
      } finally {
        this.#isPausing = false;
      }
      this.#pauses += 1;
      this.board.progress = { ...this.board.progress, paused };
      this.board.show();
    };
    const mayPause = (_order: Order) => {
      if (['closed', 'cancelled'].includes(this.board.progress.state)) throw refusal('wrongState', `the run is ${this.board.progress.state}`);
    };
    setHandler(pauseUpdate, setPaused(true), { validator: mayPause });
    setHandler(resumeUpdate, setPaused(false), { validator: mayPause });
    setHandler(
      cancelUpdate,
      async (order) => {
        await cancel({ runId, ...order });
        this.board.enterNow('cancelled', 'Cancelled; its charges are open again.');
        this.onCancelled();
      },
      {
        validator: (_order: Order) => {
          const begun = [this.board.progress, ...Object.values(this.board.progress.groups)].find((g) => isBefore('approved', g.state));
          if (begun !== undefined) throw refusal('wrongState', `the run is ${begun.state}: it can be cancelled only before it issues`);
        },
      },
    );
  }

  async steps(): Promise<{ state: string; issued: number }> {
    const { runId, period } = this.#input;
    upsertSearchAttributes([
      { key: searchAttributes.kind, value: 'billingCycle' },
      { key: searchAttributes.period, value: period },
    ]);
    if (this.#input.kind === 'dry') return this.#dryRun();
    if (this.#input.review === undefined) {
      await this.#enter('collecting', 'Waits for late CDRs until the cut-off.');
      if (this.#isOver()) return { state: this.#was, issued: 0 };
      if (!(await this.#lateWait.untilCutOff(this.#input))) {
        await condition(allHandlersFinished);
        return continueAsNew<typeof billingCycle>({ ...this.#input, cutOffAtMs: this.#lateWait.cutOffAtMs });
      }
      const { claimed } = await this.board.insist(() => closeSet({ runId }));
      upsertSearchAttributes([{ key: searchAttributes.cdrCount, value: claimed }]);
      this.board.counts.push(`${claimed} charges in the closed set`);
      await this.#enter('previewing', 'Builds the documents.');
      const built = this.board.changes;
      await this.#preview(() => buildPreview({ runId }));
      await this.#enter('inReview', 'Waits for finance to approve.');
      await this.#releaseGroups(built);
    } else {
      this.board.show();
      await this.#releaseGroups(0, this.#input.review);
    }
    for (let lookMs = this.#firstLookMs(); ; lookMs = Math.min(lookMs * 2, mostBetweenReviewLooksMs)) {
      const { changes } = this.board;
      const open = await this.board.insist(() => openQuestions({ runId }));
      if (open.length === 0) break;
      // What came while it asked may be the answer. Histories that are older than this waited.
      if (this.board.changes !== changes && patched('asks-again')) continue;
      if (this.#mayBeginAnew()) await this.#beginAnew({ sinceMs: Date.now(), remindAtMs: 0, lookMs });
      await this.board.hold(`waits for a signed carry decision: ${open.join('; ')}`, {
        waitsFor: 'Waits for finance: decide on these records, or sign that they are carried.',
        forMs: lookMs,
      });
    }
    await this.board.note(null);
    await this.board.insist(() => closeRun({ runId }));
    this.board.enterNow('closed', 'Done.');
    return { state: 'closed', issued: this.#released.issued };
  }

  /** The same steps up to the preview, over lines of its own: nothing is claimed, numbered, booked or handed over, and nobody is waited for. */
  async #dryRun(): Promise<{ state: string; issued: number }> {
    const { runId } = this.#input;
    await this.#enter('collecting', 'Lists what the run of the month holds.');
    if (this.#isOver()) return { state: this.#was, issued: 0 };
    const { claimed } = await this.board.insist(() => closeSet({ runId }));
    this.board.counts.push(`${claimed} charges in the set`);
    await this.#enter('previewing', 'Rates what it supposes, and builds the documents.');
    const { rated, kept } = await this.board.insist(() => rateAgain({ runId }));
    await this.#preview(() => buildPreview({ runId }));
    if (rated + kept > 0) this.board.counts.push(`${rated} sessions rated again, ${kept} as they were`);
    await this.#enter('inReview', 'Shows what would be billed.');
    await this.#enter('closed', 'Done: a dry run, nothing of it left.');
    return { state: 'closed', issued: 0 };
  }

  /** Whether it had ended before this workflow began, of an order to retry that came as it did: nothing would end this one. Histories that are older than this went on. */
  #isOver(): boolean {
    if (!['closed', 'cancelled'].includes(this.#was) || !patched('over-already')) return false;
    this.board.enterNow(this.#was, 'It was over before.');
    return true;
  }

  #firstLookMs(): number {
    return this.#input.lookEveryMs ?? firstReviewLookMs;
  }

  /** Whether its history is long, and nothing is under way that a new one would not know of. */
  #mayBeginAnew(): boolean {
    const isAtRest = Object.values(this.board.progress.groups).every(({ state }) => state === 'inReview' || state === 'reconciled');
    // Histories that are older than this went on.
    return workflowInfo().continueAsNewSuggested && allHandlersFinished() && isAtRest && this.#released.broken === undefined && patched('reviewAnew');
  }

  #beginAnew(waits: { readonly sinceMs: number; readonly remindAtMs: number; readonly lookMs: number }): Promise<never> {
    return continueAsNew<typeof billingCycle>({ ...this.#input, review: { board: this.board.soFar(), issued: this.#released.issued, ...waits } });
  }

  /**
   * Builds again what is touched while groups are in review, lets each approved group go its way, and ends when all are reconciled. `built`: the
   * changes that are built; `before`: the review so far, of a run that begins anew, whose words between may be lost.
   */
  async #releaseGroups(built: number, before?: ReviewSoFar): Promise<void> {
    const { runId } = this.#input;
    const { sinceMs, remindAtMs: firstRemindAtMs } = before ?? { sinceMs: Date.now(), remindAtMs: Date.now() + this.#reminders.afterMs };
    let remindAtMs = firstRemindAtMs;
    let lookMs = before?.lookMs ?? this.#firstLookMs();
    let lookAtMs = Date.now() + lookMs;
    let read = before === undefined || this.board.groupsIn('inReview').length === 0 ? readGroups : lookAgain;
    for (;;) {
      const decisions = this.#decisions;
      const changes = this.board.changes;
      const foundInReview = this.#released.foundInReview;
      const [step, shown] = [changes === built ? read : buildPreview, this.board.progress.contentHash];
      await this.#preview(() => step({ runId }));
      built = changes;
      const inReview = this.board.groupsIn('inReview');
      if (step === lookAgain && this.board.progress.contentHash !== shown) await this.#answered(inReview);
      read = readGroups;
      for (const group of this.board.groupsIn('approved')) if (!this.#released.has(group)) this.#released.release(group);
      const moved = () =>
        this.#decisions !== decisions ||
        this.#released.foundInReview !== foundInReview ||
        this.#released.broken !== undefined ||
        (inReview.length > 0 ? this.board.changes !== changes : this.board.groupsIn('reconciled').length === this.board.groupCount());
      if (!moved() && this.#mayBeginAnew()) await this.#beginAnew({ sinceMs, remindAtMs, lookMs });
      if (inReview.length === 0) await condition(moved);
      else if (!(await condition(moved, Math.max(Math.min(remindAtMs, lookAtMs) - Date.now(), 1)))) {
        if (Date.now() >= lookAtMs) {
          read = lookAgain;
          lookMs = Math.min(lookMs * 2, mostBetweenReviewLooksMs);
          lookAtMs = Date.now() + lookMs;
        }
        if (Date.now() < remindAtMs) continue;
        const days = Math.floor((Date.now() - sinceMs) / day);
        remindAtMs = Date.now() + this.#reminders.everyMs;
        await this.board.insist(() => remind({ runId, groups: inReview, days }));
        await this.board.note(`has waited ${days === 1 ? 'a day' : `${days} days`} for approval${this.board.groupCount() === 1 ? '' : `: ${inReview.join(', ')}`}`);
        continue;
      }
      lookMs = this.#firstLookMs();
      lookAtMs = Date.now() + lookMs;
      if (this.#released.broken !== undefined) throw this.#released.broken;
      if (this.#decisions === decisions && this.#released.foundInReview === foundInReview && inReview.length === 0) return;
      await this.#answered(inReview);
    }
  }

  /** A rejection is answered by a change, or by an approval after all; so is a reminder. */
  async #answered(groups: readonly string[]): Promise<void> {
    for (const group of ['', ...groups]) await this.board.note(null, group);
  }

  /** Takes in where the run's groups stand; an approval may be stored while its answer was lost. */
  async #preview(read: () => ReturnType<typeof buildPreview>): Promise<void> {
    this.#building = true;
    const reopened = new Set<string>();
    this.#reopened = reopened;
    const found = await this.board.insist(read);
    this.#building = false;
    if (found.reminders !== undefined) this.#reminders = found.reminders;
    // What a group on its own way has reached meanwhile is newer than what was read.
    const newer = (name: string, state: RunState) => {
      // The decision that reopened it makes another read.
      if (state === 'approved' && reopened.has(name) && patched('reopened-meanwhile')) return 'inReview';
      const known = this.#released.has(name) ? this.board.progress.groups[name]?.state : undefined;
      return known !== undefined && isBefore(state, known) ? known : state;
    };
    const groups = found.groups.map(({ name, state, contentHash }) => [name, { state: newer(name, state), contentHash }]);
    this.board.progress = { ...this.board.progress, contentHash: found.contentHash, groups: Object.fromEntries(groups) };
    this.board.counts.splice(1, 1, `${found.documents} documents`);
    this.board.follow();
  }

  async #enter(to: RunState, waitsFor: string): Promise<void> {
    await condition(() => !this.board.progress.paused || isBefore(to, this.#was) || to === this.#was);
    const pauses = this.#pauses;
    // Histories that are older than its answer have none.
    const found: Awaited<ReturnType<typeof moveRun>> | null | undefined = await this.board.insist(() => moveRun({ runId: this.#input.runId, to }));
    this.#was = found?.state ?? to;
    // What was ordered meanwhile is newer.
    if (found?.paused === true && this.#pauses === pauses) this.board.progress = { ...this.board.progress, paused: true };
    this.board.enterNow(to, waitsFor);
  }
}

function refusal(type: string, message: string, detail?: unknown): ApplicationFailure {
  return ApplicationFailure.create({ type, message, nonRetryable: true, details: detail === undefined ? [] : [detail] });
}

function notInReview(state: string, group: string | undefined): string {
  return `${group === undefined ? 'the run' : `group ${group}`} is ${state}: it can be approved while it is inReview`;
}

function sentence(result: Exclude<Awaited<ReturnType<typeof decide>>, { ok: true }>): string {
  switch (result.reason) {
    case 'staleHash':
      return 'the content changed since it was looked at';
    case 'wrongState':
      return notInReview(result.state, result.group);
    case 'ownWork':
      return `the approver is the author of ${result.what}: somebody else has to approve`;
    case 'blockingFindings':
      return `${result.findings} findings block it: mend what they name, or have each signed by somebody else`;
    case 'unsoundContent':
      return `it cannot be approved as it is stored: ${result.problems.join('; ')}`;
  }
}
