import { ActivityFailure, CancellationScope, condition, isCancellation, patched, sleep, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { type CycleActivities, cycleActivities } from './cycle-activities.ts';
import type { RunBoard } from './run-board.ts';
import { searchAttributes } from './search-attributes.ts';

const { collectingState } = cycleActivities;

/** How often a collecting run looks what is still missing when nobody says that something changed. */
const firstCollectingLookMs = 600_000;
const mostBetweenLooksMs = 6 * 3_600_000;
const quietLookMs = 24 * 3_600_000;

/** A collecting run's wait for late CDRs. */
export class LateWait {
  readonly #board: RunBoard;
  #cutOffAtMs: number;
  #moved = false;

  constructor(board: RunBoard, cutOffAtMs: number) {
    this.#board = board;
    this.#cutOffAtMs = cutOffAtMs;
  }

  /** The cut-off, as it was moved last. */
  get cutOffAtMs(): number {
    return this.#cutOffAtMs;
  }

  /** Moves the cut-off. */
  moveTo(ms: number): void {
    this.#cutOffAtMs = ms;
    this.#moved = true;
  }

  /**
   * Waits for late CDRs until the cut-off, which may move meanwhile; an automatic one is now as soon as every source is complete. Looks when
   * it is told that inputs changed, and by itself less and less often, so that a month of waiting stays at some hundred events. False when so
   * many have told it something that whoever waits has to begin anew.
   */
  async untilCutOff({ runId, lookEveryMs = firstCollectingLookMs }: { readonly runId: string; readonly lookEveryMs?: number }): Promise<boolean> {
    let waitMs = lookEveryMs;
    let closesAtMs = 0;
    while (this.#cutOffAtMs > Date.now()) {
      // Histories that are older than this went on.
      if (workflowInfo().continueAsNewSuggested && patched('collectAnew')) return false;
      this.#moved = false;
      const seen = this.#board.changes;
      if (closesAtMs !== this.#cutOffAtMs) {
        closesAtMs = this.#cutOffAtMs;
        upsertSearchAttributes([{ key: searchAttributes.closesAt, value: new Date(closesAtMs) }]);
      }
      const found = await this.#lookWhatIsMissing(runId);
      if (found.closed) return true;
      // The word that it was moved may be lost; one that came meanwhile is newer.
      if (!this.#moved) this.#cutOffAtMs = found.cutOffAtMs ?? this.#cutOffAtMs;
      this.#board.missing = found.lines;
      this.#board.show();
      // Before the period ends no source can be complete.
      const lookAtMs = Math.max(Date.now() + waitMs, found.periodEndMs);
      waitMs = Math.min(waitMs * 2, found.automatic ? mostBetweenLooksMs : quietLookMs);
      const untilMs = Math.min(lookAtMs, this.#cutOffAtMs) - Date.now();
      if (untilMs > 0) await this.#sleepUntil(untilMs, () => this.#moved || this.#board.changes > seen);
    }
    return true;
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
  async #lookWhatIsMissing(runId: string): Promise<Awaited<ReturnType<CycleActivities['collectingState']>>> {
    try {
      return await collectingState({ runId });
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      return { automatic: false, closed: false, periodEndMs: 0, cutOffAtMs: this.#cutOffAtMs, lines: [`What is missing cannot be told: ${error.cause?.message ?? error.message}`] };
    }
  }
}
