import { ActivityFailure, RetryState } from '@temporalio/common';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type RetentionClass, retentionClasses } from '../../src/contracts/retention.ts';
import { billingCycle } from '../../src/workflows/billing-cycle.ts';
import { cdrLifecycle } from '../../src/workflows/cdr-lifecycle.ts';
import { erpHandOver } from '../../src/workflows/erp-hand-over.ts';
import type { BillingCycleInput } from '../../src/workflows/messages.ts';
import { ReleasedGroups } from '../../src/workflows/released-groups.ts';
import { retentionKeeper } from '../../src/workflows/retention-keeper.ts';
import { RunBoard } from '../../src/workflows/run-board.ts';

/** A clock that only waits move, and what a workflow has ordered by its kind. */
const world = vi.hoisted(() => ({
  nowMs: 0,
  ordered: {} as Record<string, number>,
  answer: {} as Record<string, (...args: never[]) => unknown>,
  handlers: {} as Record<string, (order?: unknown) => unknown>,
  validators: {} as Record<string, (order: unknown) => void>,
  isLong: () => false as boolean,
  anew: [] as unknown[],
}));
vi.mock('@temporalio/workflow', async (original) => {
  const order = (name: string) => {
    world.ordered[name] = (world.ordered[name] ?? 0) + 1;
  };
  const orderable = () =>
    new Proxy(
      {},
      {
        get:
          (_target, name: string) =>
          async (...args: never[]) => {
            order(name);
            return world.answer[name]?.(...args);
          },
      },
    );
  return {
    ...(await original<typeof import('@temporalio/workflow')>()),
    proxyActivities: orderable,
    proxyLocalActivities: orderable,
    async condition(isMet: () => boolean, ms?: number) {
      // What is under way beside it may go on first.
      for (let turns = 0; turns < 200 && !isMet(); turns += 1) await undefined;
      if (isMet()) return true;
      if (ms === undefined) throw new Error('it would wait for ever');
      order('timer');
      world.nowMs += ms;
      return isMet();
    },
    async startChild() {
      order('child');
    },
    getExternalWorkflowHandle: () => ({ signal: async () => order('signal') }),
    setHandler({ name }: { name: string }, handler: () => unknown, { validator = () => undefined }: { validator?: (order: unknown) => void } = {}) {
      world.handlers[name] = handler;
      world.validators[name] = validator;
    },
    workflowInfo: () => ({ continueAsNewSuggested: world.isLong(), workflowId: 'workflow' }),
    allHandlersFinished: () => true,
    patched: () => true,
    async continueAsNew(input: unknown) {
      world.anew.push(input);
      throw new Error('begins anew');
    },
    CancellationScope: class {
      run = async (work: () => unknown) => work();
      cancel = () => undefined;
    },
    upsertSearchAttributes: () => order('attributes'),
    setCurrentDetails: () => undefined,
  };
});
const day = 86_400_000;

beforeEach(() => {
  Object.assign(world, { nowMs: 0, ordered: {}, answer: {}, handlers: {}, validators: {}, isLong: () => false, anew: [] });
});

describe('a group whose ERP is away for a month', () => {
  it('waits in some hundred looks, far below the events that Temporal allows, and goes on when it is there', async () => {
    const board = new RunBoard({ runId: 'run', period: '2019-12' });
    const groups = new ReleasedGroups(board, 'run');
    world.answer = {
      planCanary: () => ({ state: 'approved', documents: 0, waits: false }),
      issueGroup: () => ({ issued: 3 }),
      handOverProgress: () => ({ left: world.nowMs < 30 * day ? 3 : 0, connections: ['erp'], problem: 'doc_1: it is away' }),
      reconcileGroup: () => [],
    };
    groups.release('all');
    await expect.poll(() => board.progress.groups['all']?.state).toBe('reconciled');
    expect(world.nowMs).toBeGreaterThanOrEqual(30 * day);
    // Each look is some twenty events: an activity, a timer, a child that runs already, a signal, and the tasks between them.
    expect(world.ordered['handOverProgress']).toBeLessThan(300);
    expect(world.ordered['handOverProgress']).toBeGreaterThan(30);
  });
});

describe('the hand-over to an ERP that spends its retries', () => {
  it('tries once more by itself when it was told to while the last of them was under way', async () => {
    let batches = 0;
    world.answer = {
      handOverBatch() {
        batches += 1;
        if (batches > 1) return { verified: 3, refused: 0, left: 0, settledRuns: [] };
        world.handlers['retry']?.();
        throw new ActivityFailure('failed', 'handOverBatch', '1', RetryState.MAXIMUM_ATTEMPTS_REACHED, 'worker', new Error('it is away'));
      },
    };
    await expect(erpHandOver({ connectionId: 'erp', idleMs: 1000 })).resolves.toEqual({ verified: 3, refused: 0 });
  });
});

describe('a record whose database is away for longer than its tries', () => {
  it('is tried again by its workflow when it is there, and at once when it is told something', async () => {
    const away = () => new ActivityFailure('failed', 'processCdr', '1', RetryState.MAXIMUM_ATTEMPTS_REACHED, 'worker', new Error('it is away'));
    world.answer = {
      processCdr() {
        if (world.nowMs < day) throw away();
        return { state: 'booked', waitingFor: null, problem: null };
      },
    };
    await expect(cdrLifecycle({ sourceId: 'csms', recordKey: 'se*wlt*1' })).resolves.toEqual({ state: 'booked' });
    expect(world.ordered['processCdr']).toBeLessThan(60);
    let tries = 0;
    Object.assign(world, { nowMs: 0, ordered: {} });
    world.answer = {
      processCdr() {
        tries += 1;
        if (tries > 1) return { state: 'booked', waitingFor: null, problem: null };
        world.handlers['arrived']?.();
        throw away();
      },
    };
    await expect(cdrLifecycle({ sourceId: 'csms', recordKey: 'se*wlt*1' })).resolves.toEqual({ state: 'booked' });
    expect(world.nowMs).toBe(0);
  });
});

describe('a class of retention that keeps failing', () => {
  it('keeps no other one from its turn, and is named at the end', async () => {
    const removed: string[] = [];
    world.answer = {
      retain({ class: name }: { class: RetentionClass }) {
        if (name === 'sessionTrail') throw new ActivityFailure('failed', 'retain', '1', RetryState.MAXIMUM_ATTEMPTS_REACHED, 'worker', new Error('its table is held'));
        removed.push(name);
        return { due: 2, removed: 2 };
      },
    };
    await expect(retentionKeeper({ actor: 'retention-keeper' })).rejects.toThrow('not removed: sessionTrail: its table is held');
    expect(removed).toEqual(retentionClasses.filter((name) => name !== 'sessionTrail'));
    await expect(retentionKeeper({ actor: 'ops', class: 'tokenUid' })).resolves.toEqual({ tokenUid: 2 });
  });
});

describe('a run whose review outlasts its history', () => {
  it('begins anew where it stands, with what it shows and when it reminds, and goes on to its close', async () => {
    vi.spyOn(Date, 'now').mockImplementation(() => world.nowMs);
    let state = 'inReview';
    const found = () => ({ contentHash: 'h', documents: 3, reminders: { afterMs: 3 * day, everyMs: 7 * day }, groups: [{ name: 'all', state, contentHash: 'h' }] });
    world.answer = {
      moveRun: () => ({ state: 'inReview', paused: false }),
      closeSet: () => ({ claimed: 5 }),
      buildPreview: found,
      readGroups: found,
      lookAgain: found,
      planCanary: () => ({ state: 'approved', documents: 0, waits: false }),
      issueGroup: () => ({ issued: 3 }),
      handOverProgress: () => ({ left: 0, connections: [], problem: null }),
      reconcileGroup: () => [],
      openQuestions: () => [],
    };
    const input: BillingCycleInput = { runId: 'run', period: '2019-12', cutOffAtMs: 0 };
    world.isLong = () => world.nowMs > 100 * day;
    await expect(billingCycle(input)).rejects.toThrow('begins anew');
    const [anew] = world.anew as [BillingCycleInput];
    expect(JSON.parse(JSON.stringify(anew))).toEqual(anew);
    expect(anew).toMatchObject({ ...input, review: { issued: 0, sinceMs: 0, lookMs: 3 * 3_600_000, board: { counts: ['5 charges in the closed set', '3 documents'] } } });
    expect(anew.review?.board.progress).toMatchObject({
      state: 'inReview',
      paused: false,
      contentHash: 'h',
      groups: { all: { state: 'inReview' } },
      problem: expect.stringMatching(/^has waited \d+ days/),
    });
    expect(anew.review?.remindAtMs).toBeGreaterThan(world.nowMs);
    const reminded = world.ordered['remind'];
    Object.assign(world, { ordered: {}, isLong: () => false });
    state = 'approved';
    await expect(billingCycle(anew)).resolves.toEqual({ state: 'closed', issued: 3 });
    expect(reminded).toBeGreaterThan(10);
    expect(world.ordered).toMatchObject({ lookAgain: 1, closeRun: 1 });
    for (const step of ['moveRun', 'closeSet', 'buildPreview', 'remind']) expect(world.ordered, step).not.toHaveProperty(step);
    vi.restoreAllMocks();
  });

  it('does not while a group is on its way', async () => {
    const groups = [
      { name: 'drivers', state: 'issuing', contentHash: 'd' },
      { name: 'fleets', state: 'inReview', contentHash: 'f' },
    ];
    const found = () => ({ contentHash: 'h', documents: 3, groups });
    let looks = 0;
    world.answer = {
      closeSet: () => ({ claimed: 5 }),
      buildPreview: found,
      readGroups: found,
      lookAgain() {
        looks += 1;
        if (looks > 5) throw new Error('looked often enough');
        return found();
      },
    };
    vi.spyOn(Date, 'now').mockImplementation(() => world.nowMs);
    world.isLong = () => true;
    await expect(billingCycle({ runId: 'run', period: '2019-12', cutOffAtMs: 0 })).rejects.toThrow('looked often enough');
    expect(world.anew).toEqual([]);
    vi.restoreAllMocks();
  });
});

describe('a run that is told something while it looks', () => {
  const found = (state: string) => ({ contentHash: 'h', documents: 3, groups: [{ name: 'all', state, contentHash: 'h' }] });

  it('asks again at once what is open, before its close', async () => {
    vi.spyOn(Date, 'now').mockImplementation(() => world.nowMs);
    let asked = 0;
    world.answer = {
      closeSet: () => ({ claimed: 5 }),
      buildPreview: () => found('reconciled'),
      readGroups: () => found('reconciled'),
      openQuestions() {
        asked += 1;
        if (asked > 1) return [];
        // It was signed after it was read, and the word is there before the answer.
        world.handlers['inputsChanged']?.();
        return ['record 7 waits'];
      },
    };
    await expect(billingCycle({ runId: 'run', period: '2019-12', cutOffAtMs: 0 })).resolves.toEqual({ state: 'closed', issued: 0 });
    expect([asked, world.nowMs]).toEqual([2, 0]);
    vi.restoreAllMocks();
  });

  it('takes an approval back that it has not read yet, and issues nothing of it', async () => {
    vi.spyOn(Date, 'now').mockImplementation(() => world.nowMs);
    const order = { actor: 'approver', reason: 'looked once more' };
    const log: string[] = [];
    world.answer = {
      closeSet: () => ({ claimed: 5 }),
      buildPreview: () => found('inReview'),
      decide: () => ({ ok: true }),
      reopen: () => ({ ok: true, reopened: ['all'] }),
      planCanary: () => ({ state: 'inReview', documents: 0, waits: false }),
      async lookAgain() {
        if (log.length > 0) throw new Error('looked long enough');
        log.push('approved');
        await world.handlers['decide']?.({ approvalId: 'a', decision: 'approve', contentHash: 'h', actor: 'approver', comment: 'looks well' });
        return found('inReview');
      },
      async readGroups() {
        if (log.length !== 1) return found('inReview');
        world.validators['reopen']?.(order);
        log.push('reopened');
        await world.handlers['reopen']?.(order);
        // As it was read before.
        return found('approved');
      },
    };
    await expect(billingCycle({ runId: 'run', period: '2019-12', cutOffAtMs: 0 })).rejects.toThrow('looked long enough');
    expect(log).toEqual(['approved', 'reopened']);
    expect(world.ordered).not.toHaveProperty('issueGroup');
    vi.restoreAllMocks();
  });

  it('approves anew while it is paused what was reopened as its approval was being read', async () => {
    vi.spyOn(Date, 'now').mockImplementation(() => world.nowMs);
    const order = { actor: 'approver', reason: 'looked once more' };
    const approval = { approvalId: 'a', decision: 'approve', contentHash: 'h', actor: 'approver', comment: 'looks well' };
    const log: string[] = [];
    world.answer = {
      closeSet: () => ({ claimed: 5 }),
      buildPreview: () => found('inReview'),
      decide: () => ({ ok: true }),
      reopen: () => ({ ok: true, reopened: ['all'] }),
      async lookAgain() {
        if (log.includes('reopened')) {
          world.validators['decide']?.(approval);
          log.push('may be approved');
          throw new Error('looked long enough');
        }
        await world.handlers['pause']?.(order);
        await world.handlers['decide']?.(approval);
        log.push('approved');
        return found('inReview');
      },
      async readGroups() {
        if (log.at(-1) !== 'approved') return found('inReview');
        await world.handlers['reopen']?.(order);
        log.push('reopened');
        // As it was read before.
        return found('approved');
      },
    };
    await expect(billingCycle({ runId: 'run', period: '2019-12', cutOffAtMs: 0 })).rejects.toThrow('looked long enough');
    expect(log).toEqual(['approved', 'reopened', 'may be approved']);
    vi.restoreAllMocks();
  });
});
