import { ActivityFailure, condition, isCancellation, patched, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { leastAdvanced, type RunState } from '../core/cycle/run-states.ts';
import { cycleActivities } from './cycle-activities.ts';
import type { BoardSoFar, RunProgress } from './messages.ts';
import { searchAttributes } from './search-attributes.ts';

const { noteRun } = cycleActivities;

const waits: Partial<Record<RunState, string>> = {
  inReview: 'Waits for finance to approve.',
  approved: 'Is about to issue the approved documents.',
  canary: 'Issues a few documents first and looks at them.',
  issuing: 'Issues the approved documents.',
  handingOver: 'Hands over to the ERP.',
  reconciled: 'Looks for what is still open.',
};

/** Where a run and its groups stand, what is wrong with them and what they wait for: in the details, the search attributes and the database. */
export class RunBoard {
  progress: RunProgress = { state: 'planned', paused: false, problem: null, contentHash: null, groups: {} };
  /** What is known to be missing while it collects. */
  missing: readonly string[] = [];
  readonly counts: string[] = [];
  // How often it was told: each wait looks for what came since it began.
  changes = 0;
  retries = 0;
  readonly #runId: string;
  readonly #period: string;
  #waitsFor = '';
  /** What is wrong, by group; under '' with the run as a whole. */
  readonly #problems = new Map<string, string>();

  /** `before`: of a run that begins anew. */
  constructor({ runId, period }: { readonly runId: string; readonly period: string }, before?: BoardSoFar) {
    this.#runId = runId;
    this.#period = period;
    if (before === undefined) return;
    this.progress = before.progress;
    this.counts.push(...before.counts);
    this.#waitsFor = before.waitsFor;
    for (const [group, problem] of before.problems) this.#problems.set(group, problem);
  }

  /** All of it, for a run that begins anew. */
  soFar(): BoardSoFar {
    return { progress: this.progress, problems: [...this.#problems], counts: this.counts, waitsFor: this.#waitsFor };
  }

  /** A group of the run stands there. */
  groupStands(group: string, state: RunState): void {
    this.progress = { ...this.progress, groups: { ...this.progress.groups, [group]: { contentHash: null, ...this.progress.groups[group], state } } };
    this.follow();
  }

  /** The run stands where the least advanced of its groups stands. */
  follow(): void {
    const state = leastAdvanced(Object.values(this.progress.groups).map((g) => g.state));
    if (state === this.progress.state) this.show();
    else this.#stand(state, waits[state] ?? this.#waitsFor);
  }

  /** The run and all its groups stand there. */
  enterNow(state: RunState, waitsFor: string): void {
    this.progress = { ...this.progress, groups: Object.fromEntries(Object.entries(this.progress.groups).map(([name, g]) => [name, { ...g, state }])) };
    this.#stand(state, waitsFor);
  }

  #stand(state: RunState, waitsFor: string): void {
    this.progress = { ...this.progress, state };
    this.#waitsFor = waitsFor;
    upsertSearchAttributes([{ key: searchAttributes.state, value: state }]);
    this.show();
  }

  /** Runs a step whose retries are bounded; when they are spent it waits, visibly, for somebody to say `retry`, and a group's step of a paused run for `resume` too. */
  async insist<T>(step: () => Promise<T>, group?: string): Promise<T> {
    for (;;) {
      try {
        return await step();
      } catch (error) {
        if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
        await this.hold(error.cause?.message ?? error.message, { group });
        if (group !== undefined) await this.whilePaused();
      }
    }
  }

  /** Waits until the run is not paused. Runs that went on while they were paused, before this waited, replay as they went. */
  async whilePaused(): Promise<void> {
    if (this.progress.paused && patched('waits-while-paused')) await condition(() => !this.progress.paused);
  }

  /** Waits for `retry`; the run as a whole for changed inputs too, and whoever names `until` for that. At most `forMs`: then the problem stays noted, for whoever looks whether it still is one. */
  async hold(problem: string, how: { readonly group?: string | undefined; readonly waitsFor?: string; readonly until?: () => boolean; readonly forMs?: number } = {}): Promise<void> {
    const { group, waitsFor = 'Waits for ops: mend the cause, then retry.', until = () => false } = how;
    const before = this.#waitsFor;
    this.#waitsFor = waitsFor;
    const [retries, changes] = [this.retries, this.changes];
    await this.note(problem, group);
    const isMet = () => this.retries !== retries || (group === undefined && this.changes !== changes) || until();
    if (how.forMs === undefined) await condition(isMet);
    else await condition(isMet, how.forMs);
    if (this.#waitsFor === waitsFor) this.#waitsFor = before;
    if (isMet()) await this.note(null, group);
  }

  /** Says what is wrong with the run, or with one of its groups. */
  async note(problem: string | null, group = ''): Promise<void> {
    if ((this.#problems.get(group) ?? null) === problem) return;
    if (problem === null) this.#problems.delete(group);
    else this.#problems.set(group, problem);
    const named = (name: string) => (name === '' || this.groupCount() < 2 ? '' : `${name}: `);
    const all = [...this.#problems].map(([name, words]) => `${named(name)}${words}`).join('; ') || null;
    this.progress = { ...this.progress, problem: all };
    upsertSearchAttributes([{ key: searchAttributes.exception, value: all?.slice(0, 200) ?? null }]);
    this.show();
    // The database being away may be the very problem: it still shows here.
    await noteRun({ runId: this.#runId, problem: all, ...(group === '' ? {} : { group: { name: group, problem } }) }).catch((error: unknown) => {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    });
  }

  show(): void {
    const { state, paused, problem, contentHash, groups } = this.progress;
    const apart = Object.entries(groups);
    setCurrentDetails(
      [
        `**${state}**${paused ? ' (paused)' : ''} · ${this.#period}`,
        problem === null ? '' : `Problem: ${problem}`,
        state === 'collecting' ? this.missing.map((line) => `- ${line}`).join('\n') : '',
        this.counts.join(', '),
        apart.length < 2 ? '' : apart.map(([name, g]) => `- ${name}: ${g.state}`).join('\n'),
        contentHash === null ? '' : `Content \`${contentHash}\``,
        paused ? 'Waits for somebody to resume it.' : this.#waitsFor,
      ]
        .filter(Boolean)
        .join('\n\n'),
    );
  }

  groupsIn(state: RunState): string[] {
    return Object.entries(this.progress.groups)
      .filter(([, g]) => g.state === state)
      .map(([name]) => name);
  }

  groupCount(): number {
    return Object.keys(this.progress.groups).length;
  }
}
