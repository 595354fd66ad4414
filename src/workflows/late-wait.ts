import { ActivityFailure, CancellationScope, condition, isCancellation, patched, sleep, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { type CycleActivities, cycleActivities, cycleAsides } from './cycle-activities.ts';
import type { RunBoard } from './run-board.ts';
import { searchAttributes } from './search-attributes.ts';

const { collectingState } = cycleActivities;
const { sumAhead } = cycleAsides;

/** How often a collecting run looks what is still missing when nobody says that something changed. */
const firstCollectingLookMs = 600_000;
const mostBetweenLooksMs = 6 * 3_600_000;
const quietLookMs = 24 * 3_600_000;
/** How long before the cut-off it looks once more, so that little has moved since what it claims was summed. */
const lastLookMs = 600_000;
const leastBetweenSumsMs = 600_000;

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
   * it is told that inputs changed, and by itself less and less often, so that a month of waiting stays at some hundred events; once the period is over it sums with a
   * look what it would claim. False when so
   * many have told it something that whoever waits has to begin anew.
   */
  async untilCutOff({ runId, lookEveryMs = firstCollectingLookMs }: { readonly runId: string; readonly lookEveryMs?: number }): Promise<boolean> {
    let waitMs = lookEveryMs;
    let closesAtMs = 0;
    let sumAtMs = 0;
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
      // Before the period ends most of it is still to come. Histories that are older than this did not.
      if (Date.now() >= Math.max(found.periodEndMs, sumAtMs) && patched('sumsAhead')) {
        await this.#sumAhead(runId);
        sumAtMs = Date.now() + leastBetweenSumsMs;
      }
      // Before the period ends no source can be complete.
      const nextLookMs = Math.max(Date.now() + waitMs, found.periodEndMs);
      const beforeCutOffMs = this.#cutOffAtMs - lastLookMs;
      const lookAtMs = Date.now() < beforeCutOffMs && patched('sumsAhead') ? Math.min(nextLookMs, beforeCutOffMs) : nextLookMs;
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

  async #sumAhead(runId: string): Promise<void> {
    try {
      await sumAhead({ runId });
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    }
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
