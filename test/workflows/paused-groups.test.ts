import { setImmediate } from 'node:timers/promises';
import { ActivityFailure, RetryState } from '@temporalio/common';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ReleasedGroups } from '../../src/workflows/released-groups.ts';
import { RunBoard } from '../../src/workflows/run-board.ts';

/** What a workflow has ordered, in order, and what it is answered. */
const world = vi.hoisted(() => ({ ordered: [] as string[], answer: {} as Record<string, () => unknown> }));
vi.mock('@temporalio/workflow', async (original) => ({
  ...(await original<typeof import('@temporalio/workflow')>()),
  proxyActivities: () =>
    new Proxy(
      {},
      {
        get: (_target, name: string) => async () => {
          if (name !== 'noteRun') world.ordered.push(name);
          return world.answer[name]?.();
        },
      },
    ),
  async condition(isMet: () => boolean) {
    while (!isMet()) await setImmediate();
    return true;
  },
  patched: () => true,
  startChild: async () => undefined,
  upsertSearchAttributes: () => undefined,
  setCurrentDetails: () => undefined,
}));
const fails = (name: string): never => {
  throw new ActivityFailure('failed', name, '1', RetryState.MAXIMUM_ATTEMPTS_REACHED, 'worker', new Error('it is away'));
};
/** Long enough for whatever would come next. */
const aWhile = async () => {
  for (let i = 0; i < 50; i += 1) await setImmediate();
};
const pause = (board: RunBoard, paused: boolean) => {
  board.progress = { ...board.progress, paused };
};

beforeEach(() => {
  let away = true;
  world.ordered = [];
  world.answer = {
    planCanary: () => (away ? fails('planCanary') : { state: 'canary', documents: 2, waits: false }),
    issueGroup: () => ({ issued: 2 }),
    handOverProgress: () => ({ left: 0, connections: [], problem: null }),
    checkCanary: () => [],
    reconcileGroup: () => [],
    mend: () => {
      away = false;
    },
  };
});

describe('a run that is paused', () => {
  it('issues nothing when a step that failed is tried again, until it is resumed', async () => {
    const board = new RunBoard({ runId: 'run', period: '2019-12' });
    const groups = new ReleasedGroups(board, 'run');
    groups.release('all');
    await expect.poll(() => board.progress.problem).toBe('it is away');
    pause(board, true);
    world.answer['mend']?.();
    board.retries += 1;
    await aWhile();
    expect(world.ordered).toEqual(['planCanary']);
    pause(board, false);
    await expect.poll(() => board.progress.groups['all']?.state).toBe('reconciled');
    expect(world.ordered.filter((step) => step === 'issueGroup')).toHaveLength(2);
  });

  it('issues no canary that was chosen as somebody paused it', async () => {
    const board = new RunBoard({ runId: 'run', period: '2019-12' });
    const groups = new ReleasedGroups(board, 'run');
    world.answer['planCanary'] = () => {
      pause(board, true);
      return { state: 'canary', documents: 2, waits: false };
    };
    groups.release('all');
    await aWhile();
    expect(world.ordered).toEqual(['planCanary']);
    pause(board, false);
    await expect.poll(() => board.progress.groups['all']?.state).toBe('reconciled');
  });

  it('lets a group go once that was reopened, and approved again, while its canary could not be chosen', async () => {
    const board = new RunBoard({ runId: 'run', period: '2019-12' });
    const groups = new ReleasedGroups(board, 'run');
    groups.release('all');
    await expect.poll(() => board.progress.problem).toBe('it is away');
    groups.takeBack(['all']);
    world.answer['mend']?.();
    groups.release('all');
    board.retries += 1;
    await expect.poll(() => board.progress.groups['all']?.state).toBe('reconciled');
    await aWhile();
    expect(world.ordered.filter((step) => step === 'issueGroup')).toHaveLength(2);
    expect(groups.issued).toBe(4);
  });
});
