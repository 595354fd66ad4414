import { condition, patched } from '@temporalio/workflow';
import type { RunState } from '../core/cycle/run-states.ts';
import { cycleActivities } from './cycle-activities.ts';
import { retryErp, wakeErp } from './erp-hand-over.ts';
import type { RunBoard } from './run-board.ts';

const { moveGroup, planCanary, issueGroup, archiveGroup, checkCanary, handOverProgress, reconcileGroup } = cycleActivities;

/** How often a group looks after its hand-over when the writer says nothing, ever less often: to show what the ERP stumbles over. An ERP may be away for weeks, and each look is some twenty events. */
const firstLookMs = 2000;
const mostBetweenLooksMs = 3 * 3_600_000;

/** The release groups of a run that are approved, each on its own way: canary, issuing, handing over, reconciled. */
export class ReleasedGroups {
  /** How many documents they issued. */
  issued = 0;
  /** How often writers said that they settled rows: each wait looks for what came since it began. */
  handOvers = 0;
  /** How often one turned out to be in review again without a word. */
  foundInReview = 0;
  /** What ended the way of one of them. */
  broken: unknown;
  readonly #board: RunBoard;
  readonly #runId: string;
  /** Each with its own ticket: one that is reopened loses it. */
  readonly #tickets = new Map<string, object>();
  /** Groups whose canary waits for somebody, and those that somebody let go on. */
  readonly #heldCanaries = new Set<string>();
  readonly #letGo = new Set<string>();

  constructor(board: RunBoard, runId: string) {
    this.#board = board;
    this.#runId = runId;
  }

  has(group: string): boolean {
    return this.#tickets.has(group);
  }

  /** Of groups that were reopened. */
  takeBack(groups: readonly string[]): void {
    for (const group of groups) this.#tickets.delete(group);
  }

  /** Groups whose canary waits for somebody; of one, whether that does. */
  heldCanaries(group?: string): string[] {
    return [...this.#heldCanaries].filter((name) => (group ?? name) === name);
  }

  /** Lets groups go on after their canary. */
  letGo(groups: readonly string[]): void {
    for (const group of groups) this.#letGo.add(group);
  }

  /** Lets a group go its own way, beside the others. */
  release(group: string): void {
    const ticket = {};
    this.#tickets.set(group, ticket);
    this.#issue(group, ticket).catch((error: unknown) => {
      this.broken ??= error;
    });
  }

  /** From its approval to where the ERP agrees: its canary first, where it has one. */
  async #issue(group: string, ticket: object): Promise<void> {
    const of = { runId: this.#runId, group };
    await condition(() => !this.#board.progress.paused);
    // Reopened while it was held.
    if (this.#tickets.get(group) !== ticket) return;
    const canary = await this.#board.insist(() => planCanary(of), group);
    // Reopened meanwhile: whoever approved it since has let it go anew.
    if (this.#tickets.get(group) !== ticket && patched('goes-once')) return;
    if (canary.state === 'inReview') {
      this.#tickets.delete(group);
      this.foundInReview += 1;
      return;
    }
    if (canary.documents > 0) await this.#canary(group, canary);
    await this.#enterGroup(group, 'issuing');
    await this.#board.whilePaused();
    this.issued += (await this.#board.insist(() => issueGroup(of), group)).issued;
    await this.#board.insist(() => archiveGroup(of), group);
    await this.#enterGroup(group, 'handingOver');
    for (;;) {
      await this.#handOver(group);
      const differences = await this.#board.insist(() => reconcileGroup(of), group);
      if (differences.length === 0) break;
      await this.#board.hold(differences.join('; '), { group });
    }
    await this.#enterGroup(group, 'reconciled');
  }

  /** Issues the canary and hands it over; goes on when everything about it holds, by itself or when somebody lets it. */
  async #canary(group: string, { documents, waits: waitsForRelease }: { readonly documents: number; readonly waits: boolean }): Promise<void> {
    const of = { runId: this.#runId, group };
    this.#board.groupStands(group, 'canary');
    await this.#board.whilePaused();
    this.issued += (await this.#board.insist(() => issueGroup({ ...of, canary: true }), group)).issued;
    await this.#board.insist(() => archiveGroup(of), group);
    for (;;) {
      await this.#handOver(group);
      const problems = await this.#board.insist(() => checkCanary(of), group);
      if (problems.length === 0 && !waitsForRelease) return;
      this.#heldCanaries.add(group);
      await this.#board.hold(problems.length === 0 ? `the canary of ${documents} documents holds: waits for release` : `canary: ${problems.join('; ')}`, {
        group,
        waitsFor: problems.length === 0 ? 'Waits for ops to release it.' : 'Waits for ops: mend the cause, then retry; or release it as it is.',
        until: () => this.#letGo.has(group),
      });
      this.#heldCanaries.delete(group);
      if (this.#letGo.has(group)) return;
    }
  }

  /** Wakes the one writer of each connection and waits until they have settled the group's rows. */
  async #handOver(group: string): Promise<void> {
    let retries = this.#board.retries;
    for (let lookAgainMs = firstLookMs; ; ) {
      const handOvers = this.handOvers;
      const before = await this.#board.insist(() => handOverProgress({ runId: this.#runId, group }), group);
      await this.#board.note(before.problem, group);
      if (before.left === 0) return;
      const retried = this.#board.retries !== retries;
      retries = this.#board.retries;
      for (const connectionId of before.connections) {
        if (retried) await retryErp(connectionId);
        await wakeErp(connectionId);
      }
      const isTold = await condition(() => this.handOvers !== handOvers || this.#board.retries !== retries, lookAgainMs);
      lookAgainMs = isTold ? firstLookMs : Math.min(lookAgainMs * 2, mostBetweenLooksMs);
    }
  }

  async #enterGroup(group: string, to: RunState): Promise<void> {
    await condition(() => !this.#board.progress.paused);
    await this.#board.insist(() => moveGroup({ runId: this.#runId, group, to }), group);
    this.#board.groupStands(group, to);
  }
}
