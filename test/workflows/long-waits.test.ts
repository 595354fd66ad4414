import { ActivityFailure, RetryState } from '@temporalio/common';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { cdrLifecycle } from '../../src/workflows/cdr-lifecycle.ts';
import { erpHandOver } from '../../src/workflows/erp-hand-over.ts';
import { ReleasedGroups } from '../../src/workflows/released-groups.ts';
import { RunBoard } from '../../src/workflows/run-board.ts';

/** A clock that only waits move, and what a workflow has ordered by its kind. */
const world = vi.hoisted(() => ({
  nowMs: 0,
  ordered: {} as Record<string, number>,
  answer: {} as Record<string, () => unknown>,
  handlers: {} as Record<string, () => void>,
}));
vi.mock('@temporalio/workflow', async (original) => {
  const order = (name: string) => {
    world.ordered[name] = (world.ordered[name] ?? 0) + 1;
  };
  const orderable = () =>
    new Proxy(
      {},
      {
        get: (_target, name: string) => async () => {
          order(name);
          return world.answer[name]?.();
        },
      },
    );
  return {
    ...(await original<typeof import('@temporalio/workflow')>()),
    proxyActivities: orderable,
    proxyLocalActivities: orderable,
    async condition(isMet: () => boolean, ms?: number) {
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
    setHandler({ name }: { name: string }, handler: () => void) {
      world.handlers[name] = handler;
    },
    workflowInfo: () => ({ continueAsNewSuggested: false }),
    upsertSearchAttributes: () => order('attributes'),
    setCurrentDetails: () => undefined,
  };
});
const day = 86_400_000;

beforeEach(() => {
  Object.assign(world, { nowMs: 0, ordered: {}, answer: {}, handlers: {} });
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
