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
  resumeUpdate,
  retrySignal,
  runStateQuery,
} from './messages.ts';
import { searchAttributes } from './search-attributes.ts';

type Activities = ReturnType<typeof createCycleActivities>;
const { moveRun, collectingState, closeSet, buildPreview, issueAll, handOverProgress, reconcileRun, openQuestions, noteRun, closeRun } = proxyActivities<Activities>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '5 minutes', maximumAttempts: 8, nonRetryableErrorTypes: ['RangeError'] },
});
/** Behind updates: somebody waits for the answer. */
const { decide, cancel, pause } = proxyActivities<Activities>({
  startToCloseTimeout: '30 seconds',
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

const cancellable = ['planned', 'collecting', 'previewing', 'inReview'];

/**
 * One monthly run: waits for late CDRs until the cut-off, closes the record set, previews, waits for an approval, issues, hands over
 * to the ERP, reconciles and closes. Every wait and every problem shows in the current details; an exhausted retry waits for `retry`.
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
  progress: RunProgress = { state: 'planned', paused: false, problem: null, contentHash: null };
  onCancelled: () => void = () => undefined;
  readonly #input: BillingCycleInput;
  #cutOffAtMs: number;
  #waitsFor = '';
  #missing: readonly string[] = [];
  readonly #counts: string[] = [];
  #moved = false;
  #changed = false;
  #building = false;
  #approved = false;
  #retry = false;
  #handedOver = false;

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
      this.#changed = true;
    });
    setHandler(retrySignal, () => {
      this.#retry = true;
    });
    setHandler(handedOverSignal, () => {
      this.#handedOver = true;
    });
    setHandler(runStateQuery, () => this.progress);
    setHandler(
      decideUpdate,
      async (order) => {
        const result = await decide({ runId, ...order });
        if (!result.ok) throw ApplicationFailure.create({ type: result.reason, message: sentence(result), nonRetryable: true, details: [result] });
        if (order.decision === 'approve') this.#approved = true;
        else await this.#note(`rejected by ${order.actor}: ${order.comment}`);
      },
      {
        validator: ({ contentHash }) => {
          const { state, contentHash: current } = this.progress;
          // What is in the database may be ahead of its answer: the activity judges by that.
          if (state !== 'inReview' && state !== 'previewing') throw refusal('wrongState', `the run is ${state}: it can be approved while it is inReview`);
          if (contentHash !== current && !this.#building) throw refusal('staleHash', 'the content changed since it was looked at', { ok: false, reason: 'staleHash', current: current ?? '' });
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
          if (!cancellable.includes(this.progress.state)) throw refusal('wrongState', `the run is ${this.progress.state}: it can be cancelled only before it issues`);
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
    await this.#preview();
    await this.#enter('inReview', 'Waits for finance to approve.');
    while (!this.#approved) {
      this.#changed = false;
      await this.#preview();
      await condition(() => this.#approved || this.#changed);
      // A rejection is answered by a change, or by an approval after all.
      await this.#note(null);
    }
    await this.#enter('issuing', 'Issues the approved documents.');
    const { issued } = await this.#insist(() => issueAll({ runId }));
    await this.#enter('handingOver', 'Hands over to the ERP.');
    await this.#handOver();
    await this.#enter('reconciled', 'Looks for what is still open.');
    for (;;) {
      const open = await this.#insist(() => openQuestions({ runId }));
      if (open.length === 0) break;
      await this.#hold(`waits for a signed carry decision: ${open.join('; ')}`, 'Waits for finance: decide on these records, or sign that they are carried.');
    }
    await this.#insist(() => closeRun({ runId }));
    this.#enterNow('closed', 'Done.');
    return { state: 'closed', issued };
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
      this.#changed = false;
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
      if (untilMs > 0) await this.#sleepUntil(untilMs, () => this.#moved || this.#changed);
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

  /** An approval may be stored while its answer was lost: the preview tells. */
  async #preview(): Promise<void> {
    this.#building = true;
    const built = await this.#insist(() => buildPreview({ runId: this.#input.runId }));
    this.#building = false;
    this.progress = { ...this.progress, contentHash: built.contentHash };
    this.#counts.splice(1, 1, `${built.documents} documents`);
    this.#approved ||= built.approved;
    this.#show();
  }

  /** Wakes the one writer of the connection and waits until it has settled the run's rows and the ERP agrees. */
  async #handOver(): Promise<void> {
    const { runId } = this.#input;
    for (let lookAgainMs = firstLookMs; ; lookAgainMs = Math.min(lookAgainMs * 2, lastLookMs)) {
      this.#handedOver = false;
      const before = await this.#insist(() => handOverProgress({ runId }));
      if (before.left > 0) {
        if (this.#retry) await retryErp(before.connectionId);
        this.#retry = false;
        await wakeErp(before.connectionId);
        await this.#note(before.problem);
        await condition(() => this.#handedOver || this.#retry, lookAgainMs);
        continue;
      }
      await this.#note(null);
      const differences = await this.#insist(() => reconcileRun({ runId }));
      if (differences.length === 0) return;
      await this.#hold(differences.join('; '));
    }
  }

  async #enter(to: Parameters<typeof moveRun>[0]['to'], waitsFor: string): Promise<void> {
    await condition(() => !this.progress.paused);
    await this.#insist(() => moveRun({ runId: this.#input.runId, to }));
    this.#enterNow(to, waitsFor);
  }

  #enterNow(state: string, waitsFor: string): void {
    this.progress = { ...this.progress, state };
    this.#waitsFor = waitsFor;
    upsertSearchAttributes([{ key: searchAttributes.state, value: state }]);
    this.#show();
  }

  /** Runs a step whose retries are bounded; when they are spent it waits, visibly, for somebody to say `retry`. */
  async #insist<T>(step: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await step();
      } catch (error) {
        if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
        await this.#hold(error.cause?.message ?? error.message);
      }
    }
  }

  async #hold(problem: string, waitsFor = 'Waits for ops: mend the cause, then retry.'): Promise<void> {
    const before = this.#waitsFor;
    this.#waitsFor = waitsFor;
    this.#retry = false;
    this.#changed = false;
    await this.#note(problem);
    await condition(() => this.#retry || this.#changed);
    this.#waitsFor = before;
    await this.#note(null);
  }

  async #note(problem: string | null): Promise<void> {
    if (this.progress.problem === problem) return;
    this.progress = { ...this.progress, problem };
    upsertSearchAttributes([{ key: searchAttributes.exception, value: problem?.slice(0, 200) ?? null }]);
    this.#show();
    // The database being away may be the very problem: it still shows here.
    await noteRun({ runId: this.#input.runId, problem }).catch((error: unknown) => {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    });
  }

  #show(): void {
    const { state, paused, problem, contentHash } = this.progress;
    setCurrentDetails(
      [
        `**${state}**${paused ? ' (paused)' : ''} · ${this.#input.period}`,
        problem === null ? '' : `Problem: ${problem}`,
        state === 'collecting' ? this.#missing.map((line) => `- ${line}`).join('\n') : '',
        this.#counts.join(', '),
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

function sentence(result: Exclude<Awaited<ReturnType<typeof decide>>, { ok: true }>): string {
  switch (result.reason) {
    case 'staleHash':
      return 'the content changed since it was looked at';
    case 'wrongState':
      return `the run is ${result.state}: it can be approved while it is inReview`;
    case 'ownWork':
      return `the approver is the author of ${result.what}: somebody else has to approve`;
    case 'blockingFindings':
      return `${result.findings} findings block it: mend what they name, or have each signed by somebody else`;
  }
}
