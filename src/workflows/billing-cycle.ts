import {
  ActivityFailure,
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { createCycleActivities } from '../activities/cycle.ts';
import { isBefore, leastAdvanced, type RunState } from '../core/cycle/run-states.ts';
import { retryErp, wakeErp } from './erp-hand-over.ts';
import {
  type BillingCycleInput,
  cancelUpdate,
  cutOffSignal,
  decideUpdate,
  handedOverSignal,
  inputsChangedSignal,
  type Order,
  pauseUpdate,
  type RunProgress,
  releaseUpdate,
  reopenUpdate,
  resumeUpdate,
  retrySignal,
  runStateQuery,
} from './messages.ts';
import { searchAttributes } from './search-attributes.ts';

type Activities = ReturnType<typeof createCycleActivities>;
const { moveRun, moveGroup, collectingState, closeSet, buildPreview, readGroups, planCanary, issueGroup, checkCanary, handOverProgress, reconcileGroup, remind, openQuestions, noteRun, closeRun } =
  proxyActivities<Activities>({
    startToCloseTimeout: '1 hour',
    heartbeatTimeout: '12 seconds',
    retry: { initialInterval: '1 second', maximumInterval: '5 minutes', maximumAttempts: 8, nonRetryableErrorTypes: ['RangeError'] },
  });
/** Behind updates: somebody waits for the answer. */
const { decide, reopen, release, cancel, pause } = proxyActivities<Activities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '5 seconds', maximumAttempts: 5, nonRetryableErrorTypes: ['RangeError'] },
});

/** How often a run looks after its hand-over when the writer says nothing: to show what the ERP stumbles over. */
const firstLookMs = 2000;
const lastLookMs = 300_000;

/** How often a collecting run looks what is still missing when nobody says that something changed. */
const firstCollectingLookMs = 600_000;
const mostBetweenLooksMs = 6 * 3_600_000;
const quietLookMs = 24 * 3_600_000;
const day = 86_400_000;

const waits: Partial<Record<RunState, string>> = {
  inReview: 'Waits for finance to approve.',
  approved: 'Is about to issue the approved documents.',
  canary: 'Issues a few documents first and looks at them.',
  issuing: 'Issues the approved documents.',
  handingOver: 'Hands over to the ERP.',
  reconciled: 'Looks for what is still open.',
};

/**
 * One monthly run: waits for late CDRs until the cut-off, closes the record set, previews, waits for approvals, issues, hands over
 * to the ERP, reconciles and closes. Each release group goes its own way from its approval on, while others are still in review. Every
 * wait and every problem shows in the current details; an exhausted retry waits for `retry`.
 */
export async function billingCycle(input: BillingCycleInput): Promise<{ state: string; issued: number }> {
  const run = new Run(input);
  run.listen();
  const work = new CancellationScope();
  run.onCancelled = () => work.cancel();
  try {
    return await work.run(() => run.steps());
  } catch (error) {
    if (!isCancellation(error) || run.progress.state !== 'cancelled') throw error;
    return { state: 'cancelled', issued: 0 };
  } finally {
    await condition(allHandlersFinished);
  }
}

/** What a run has been told and where it stands. */
class Run {
  progress: RunProgress = { state: 'planned', paused: false, problem: null, contentHash: null, groups: {} };
  onCancelled: () => void = () => undefined;
  readonly #input: BillingCycleInput;
  #cutOffAtMs: number;
  #waitsFor = '';
  #missing: readonly string[] = [];
  readonly #counts: string[] = [];
  #moved = false;
  #building = false;
  // How often it was told: each wait looks for what came since it began.
  #changes = 0;
  #decisions = 0;
  #retries = 0;
  #handOvers = 0;
  /** What is wrong, by group; under '' with the run as a whole. */
  readonly #problems = new Map<string, string>();
  /** Groups on their own way, each with its own ticket: one that is reopened loses it. */
  readonly #released = new Map<string, object>();
  /** Groups whose canary waits for somebody, and those that somebody let go on. */
  readonly #heldCanaries = new Set<string>();
  readonly #letGo = new Set<string>();
  #issued = 0;
  #broken: unknown;

  constructor(input: BillingCycleInput) {
    this.#input = input;
    this.#cutOffAtMs = input.cutOffAtMs;
  }

  listen(): void {
    const { runId } = this.#input;
    setHandler(cutOffSignal, ({ at }) => {
      this.#cutOffAtMs = at === undefined ? 0 : Date.parse(at);
      this.#moved = true;
    });
    setHandler(inputsChangedSignal, () => {
      this.#changes += 1;
    });
    setHandler(retrySignal, () => {
      this.#retries += 1;
    });
    setHandler(handedOverSignal, () => {
      this.#handOvers += 1;
    });
    setHandler(runStateQuery, () => this.progress);
    setHandler(
      decideUpdate,
      async (order) => {
        const result = await decide({ runId, ...order });
        if (!result.ok) throw ApplicationFailure.create({ type: result.reason, message: sentence(result), nonRetryable: true, details: [result] });
        if (order.decision === 'approve') this.#decisions += 1;
        else await this.#note(`rejected by ${order.actor}: ${order.comment}`, order.group);
        return { waitsForSecond: result.waitsForSecond ?? [] };
      },
      {
        validator: ({ contentHash, group }) => {
          const { state, contentHash: current } = group === undefined ? this.progress : (this.progress.groups[group] ?? { state: 'not a group of the run', contentHash: null });
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
        for (const name of result.reopened) this.#released.delete(name);
        this.#decisions += 1;
        return { groups: result.reopened };
      },
      {
        validator: ({ group }) => {
          const approved = Object.entries(this.progress.groups).filter(([name, g]) => g.state === 'approved' && (group ?? name) === name);
          if (approved.length === 0) throw refusal('wrongState', `${group === undefined ? 'no group' : `group ${group}`} is approved and not issued yet: nothing can be reopened`);
        },
      },
    );
    setHandler(
      releaseUpdate,
      async ({ group, ...order }) => {
        const groups = [...this.#heldCanaries].filter((name) => (group ?? name) === name);
        await release({ runId, groups, ...order });
        for (const name of groups) this.#letGo.add(name);
        return { groups };
      },
      {
        validator: ({ group }) => {
          if (![...this.#heldCanaries].some((name) => (group ?? name) === name))
            throw refusal('wrongState', `${group === undefined ? 'no group' : `group ${group}`} waits after its canary: there is nothing to release`);
        },
      },
    );
    const setPaused = (paused: boolean) => async (order: Order) => {
      await pause({ runId, paused, ...order });
      this.progress = { ...this.progress, paused };
      this.#show();
    };
    const mayPause = (_order: Order) => {
      if (['closed', 'cancelled'].includes(this.progress.state)) throw refusal('wrongState', `the run is ${this.progress.state}`);
    };
    setHandler(pauseUpdate, setPaused(true), { validator: mayPause });
    setHandler(resumeUpdate, setPaused(false), { validator: mayPause });
    setHandler(
      cancelUpdate,
      async (order) => {
        await cancel({ runId, ...order });
        this.#enterNow('cancelled', 'Cancelled; its charges are open again.');
        this.onCancelled();
      },
      {
        validator: (_order: Order) => {
          const begun = [this.progress, ...Object.values(this.progress.groups)].find((g) => isBefore('approved', g.state));
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
    await this.#enter('collecting', 'Waits for late CDRs until the cut-off.');
    await this.#collect();
    const { claimed } = await this.#insist(() => closeSet({ runId }));
    upsertSearchAttributes([{ key: searchAttributes.cdrCount, value: claimed }]);
    this.#counts.push(`${claimed} charges in the closed set`);
    await this.#enter('previewing', 'Builds the documents.');
    const built = this.#changes;
    await this.#preview(() => buildPreview({ runId }));
    await this.#enter('inReview', 'Waits for finance to approve.');
    await this.#releaseGroups(built);
    for (;;) {
      const open = await this.#insist(() => openQuestions({ runId }));
      if (open.length === 0) break;
      await this.#hold(`waits for a signed carry decision: ${open.join('; ')}`, { waitsFor: 'Waits for finance: decide on these records, or sign that they are carried.' });
    }
    await this.#insist(() => closeRun({ runId }));
    this.#enterNow('closed', 'Done.');
    return { state: 'closed', issued: this.#issued };
  }

  /** Builds again what is touched while groups are in review, lets each approved group go its way, and ends when all are reconciled. `built`: the changes that are built. */
  async #releaseGroups(built: number): Promise<void> {
    const { runId } = this.#input;
    const { afterMs, everyMs } = this.#input.reminders ?? { afterMs: 3 * day, everyMs: day };
    const sinceMs = Date.now();
    let remindAtMs = sinceMs + afterMs;
    for (;;) {
      const decisions = this.#decisions;
      const changes = this.#changes;
      await this.#preview(changes === built ? () => readGroups({ runId }) : () => buildPreview({ runId }));
      built = changes;
      const inReview = this.#groupsIn('inReview');
      for (const group of this.#groupsIn('approved')) if (!this.#released.has(group)) this.#release(group);
      const moved = () => this.#decisions !== decisions || this.#broken !== undefined || (inReview.length > 0 ? this.#changes !== changes : this.#groupsIn('reconciled').length === this.#groupCount());
      if (inReview.length === 0) await condition(moved);
      else if (!(await condition(moved, Math.max(remindAtMs - Date.now(), 1)))) {
        const days = Math.floor((Date.now() - sinceMs) / day);
        remindAtMs = Date.now() + everyMs;
        await this.#insist(() => remind({ runId, groups: inReview, days }));
        await this.#note(`has waited ${days === 1 ? 'a day' : `${days} days`} for approval${this.#groupCount() === 1 ? '' : `: ${inReview.join(', ')}`}`);
        continue;
      }
      if (this.#broken !== undefined) throw this.#broken;
      if (this.#decisions === decisions && inReview.length === 0) return;
      // A rejection is answered by a change, or by an approval after all; so is a reminder.
      for (const group of ['', ...inReview]) await this.#note(null, group);
    }
  }

  /** Lets a group go its own way, beside the others. */
  #release(group: string): void {
    const ticket = {};
    this.#released.set(group, ticket);
    this.#issue(group, ticket).catch((error: unknown) => {
      this.#broken ??= error;
    });
  }

  /** From its approval to where the ERP agrees: its canary first, where it has one. */
  async #issue(group: string, ticket: object): Promise<void> {
    const of = { runId: this.#input.runId, group };
    await condition(() => !this.progress.paused);
    // Reopened while it was held.
    if (this.#released.get(group) !== ticket) return;
    const canary = await this.#insist(() => planCanary(of), group);
    if (canary.state === 'inReview') return;
    if (canary.documents > 0) await this.#canary(group, canary);
    await this.#enterGroup(group, 'issuing');
    this.#issued += (await this.#insist(() => issueGroup(of), group)).issued;
    await this.#enterGroup(group, 'handingOver');
    for (;;) {
      await this.#handOver(group);
      const differences = await this.#insist(() => reconcileGroup(of), group);
      if (differences.length === 0) break;
      await this.#hold(differences.join('; '), { group });
    }
    await this.#enterGroup(group, 'reconciled');
  }

  /** Issues the canary and hands it over; goes on when everything about it holds, by itself or when somebody lets it. */
  async #canary(group: string, { documents, waits: waitsForRelease }: { readonly documents: number; readonly waits: boolean }): Promise<void> {
    const of = { runId: this.#input.runId, group };
    this.#groupStands(group, 'canary');
    this.#issued += (await this.#insist(() => issueGroup({ ...of, canary: true }), group)).issued;
    for (;;) {
      await this.#handOver(group);
      const problems = await this.#insist(() => checkCanary(of), group);
      if (problems.length === 0 && !waitsForRelease) return;
      this.#heldCanaries.add(group);
      await this.#hold(problems.length === 0 ? `the canary of ${documents} documents holds: waits for release` : `canary: ${problems.join('; ')}`, {
        group,
        waitsFor: problems.length === 0 ? 'Waits for ops to release it.' : 'Waits for ops: mend the cause, then retry; or release it as it is.',
        until: () => this.#letGo.has(group),
      });
      this.#heldCanaries.delete(group);
      if (this.#letGo.has(group)) return;
    }
  }

  #groupsIn(state: RunState): string[] {
    return Object.entries(this.progress.groups)
      .filter(([, g]) => g.state === state)
      .map(([name]) => name);
  }

  #groupCount(): number {
    return Object.keys(this.progress.groups).length;
  }

  /**
   * Waits for late CDRs until the cut-off, which may move meanwhile; an automatic one is now as soon as every source is complete. Looks when
   * it is told that inputs changed, and by itself less and less often, so that a month of waiting stays at some hundred events.
   */
  async #collect(): Promise<void> {
    const { lookEveryMs = firstCollectingLookMs } = this.#input;
    let waitMs = lookEveryMs;
    let closesAtMs = 0;
    while (this.#cutOffAtMs > Date.now()) {
      this.#moved = false;
      const seen = this.#changes;
      if (closesAtMs !== this.#cutOffAtMs) {
        closesAtMs = this.#cutOffAtMs;
        upsertSearchAttributes([{ key: searchAttributes.closesAt, value: new Date(closesAtMs) }]);
      }
      const found = await this.#lookWhatIsMissing();
      if (found.closed) return;
      this.#missing = found.lines;
      this.#show();
      // Before the period ends no source can be complete.
      const lookAtMs = Math.max(Date.now() + waitMs, found.periodEndMs);
      waitMs = Math.min(waitMs * 2, found.automatic ? mostBetweenLooksMs : quietLookMs);
      const untilMs = Math.min(lookAtMs, this.#cutOffAtMs) - Date.now();
      if (untilMs > 0) await this.#sleepUntil(untilMs, () => this.#moved || this.#changes > seen);
    }
  }

  async #sleepUntil(ms: number, woken: () => boolean): Promise<void> {
    const timer = new CancellationScope();
    const slept = timer
      .run(() => sleep(ms, { summary: 'wait for late CDRs' }))
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
    await Promise.race([slept, condition(woken)]);
    timer.cancel();
  }

  /** The cut-off does not wait for a look that fails: closing the set then meets what is wrong. */
  async #lookWhatIsMissing(): Promise<Awaited<ReturnType<Activities['collectingState']>>> {
    try {
      return await collectingState({ runId: this.#input.runId });
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      return { automatic: false, closed: false, periodEndMs: 0, lines: [`What is missing cannot be told: ${error.cause?.message ?? error.message}`] };
    }
  }

  /** Takes in where the run's groups stand; an approval may be stored while its answer was lost. */
  async #preview(read: () => ReturnType<typeof buildPreview>): Promise<void> {
    this.#building = true;
    const found = await this.#insist(read);
    this.#building = false;
    // What a group on its own way has reached meanwhile is newer than what was read.
    const newer = (name: string, state: RunState) => {
      const known = this.#released.has(name) ? this.progress.groups[name]?.state : undefined;
      return known !== undefined && isBefore(state, known) ? known : state;
    };
    const groups = found.groups.map(({ name, state, contentHash }) => [name, { state: newer(name, state), contentHash }]);
    this.progress = { ...this.progress, contentHash: found.contentHash, groups: Object.fromEntries(groups) };
    this.#counts.splice(1, 1, `${found.documents} documents`);
    this.#follow();
  }

  /** Wakes the one writer of the connection and waits until it has settled the group's rows. */
  async #handOver(group: string): Promise<void> {
    let retries = this.#retries;
    for (let lookAgainMs = firstLookMs; ; lookAgainMs = Math.min(lookAgainMs * 2, lastLookMs)) {
      const handOvers = this.#handOvers;
      const before = await this.#insist(() => handOverProgress({ runId: this.#input.runId, group }), group);
      await this.#note(before.problem, group);
      if (before.left === 0) return;
      if (this.#retries !== retries) await retryErp(before.connectionId);
      retries = this.#retries;
      await wakeErp(before.connectionId);
      await condition(() => this.#handOvers !== handOvers || this.#retries !== retries, lookAgainMs);
    }
  }

  async #enter(to: RunState, waitsFor: string): Promise<void> {
    await condition(() => !this.progress.paused);
    await this.#insist(() => moveRun({ runId: this.#input.runId, to }));
    this.#enterNow(to, waitsFor);
  }

  async #enterGroup(group: string, to: RunState): Promise<void> {
    await condition(() => !this.progress.paused);
    await this.#insist(() => moveGroup({ runId: this.#input.runId, group, to }), group);
    this.#groupStands(group, to);
  }

  #groupStands(group: string, state: RunState): void {
    this.progress = { ...this.progress, groups: { ...this.progress.groups, [group]: { contentHash: null, ...this.progress.groups[group], state } } };
    this.#follow();
  }

  /** The run stands where the least advanced of its groups stands. */
  #follow(): void {
    const state = leastAdvanced(Object.values(this.progress.groups).map((g) => g.state));
    if (state === this.progress.state) this.#show();
    else this.#stand(state, waits[state] ?? this.#waitsFor);
  }

  #enterNow(state: RunState, waitsFor: string): void {
    this.progress = { ...this.progress, groups: Object.fromEntries(Object.entries(this.progress.groups).map(([name, g]) => [name, { ...g, state }])) };
    this.#stand(state, waitsFor);
  }

  #stand(state: RunState, waitsFor: string): void {
    this.progress = { ...this.progress, state };
    this.#waitsFor = waitsFor;
    upsertSearchAttributes([{ key: searchAttributes.state, value: state }]);
    this.#show();
  }

  /** Runs a step whose retries are bounded; when they are spent it waits, visibly, for somebody to say `retry`. */
  async #insist<T>(step: () => Promise<T>, group?: string): Promise<T> {
    for (;;) {
      try {
        return await step();
      } catch (error) {
        if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
        await this.#hold(error.cause?.message ?? error.message, { group });
      }
    }
  }

  /** Waits for `retry`; the run as a whole for changed inputs too, and whoever names `until` for that. */
  async #hold(problem: string, how: { readonly group?: string | undefined; readonly waitsFor?: string; readonly until?: () => boolean } = {}): Promise<void> {
    const { group, waitsFor = 'Waits for ops: mend the cause, then retry.', until = () => false } = how;
    const before = this.#waitsFor;
    this.#waitsFor = waitsFor;
    const [retries, changes] = [this.#retries, this.#changes];
    await this.#note(problem, group);
    await condition(() => this.#retries !== retries || (group === undefined && this.#changes !== changes) || until());
    if (this.#waitsFor === waitsFor) this.#waitsFor = before;
    await this.#note(null, group);
  }

  /** Says what is wrong with the run, or with one of its groups. */
  async #note(problem: string | null, group = ''): Promise<void> {
    if ((this.#problems.get(group) ?? null) === problem) return;
    if (problem === null) this.#problems.delete(group);
    else this.#problems.set(group, problem);
    const named = (name: string) => (name === '' || this.#groupCount() < 2 ? '' : `${name}: `);
    const all = [...this.#problems].map(([name, words]) => `${named(name)}${words}`).join('; ') || null;
    this.progress = { ...this.progress, problem: all };
    upsertSearchAttributes([{ key: searchAttributes.exception, value: all?.slice(0, 200) ?? null }]);
    this.#show();
    // The database being away may be the very problem: it still shows here.
    await noteRun({ runId: this.#input.runId, problem: all, ...(group === '' ? {} : { group: { name: group, problem } }) }).catch((error: unknown) => {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    });
  }

  #show(): void {
    const { state, paused, problem, contentHash, groups } = this.progress;
    const apart = Object.entries(groups);
    setCurrentDetails(
      [
        `**${state}**${paused ? ' (paused)' : ''} · ${this.#input.period}`,
        problem === null ? '' : `Problem: ${problem}`,
        state === 'collecting' ? this.#missing.map((line) => `- ${line}`).join('\n') : '',
        this.#counts.join(', '),
        apart.length < 2 ? '' : apart.map(([name, g]) => `- ${name}: ${g.state}`).join('\n'),
        contentHash === null ? '' : `Content \`${contentHash}\``,
        paused ? 'Waits for somebody to resume it.' : this.#waitsFor,
      ]
        .filter(Boolean)
        .join('\n\n'),
    );
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
