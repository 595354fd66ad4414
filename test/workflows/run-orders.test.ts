import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { billingCycle } from '../../src/workflows/billing-cycle.ts';
import type { RunProgress } from '../../src/workflows/messages.ts';

/** What a workflow has ordered, in order, what it is answered, and what it can be told. */
const world = vi.hoisted(() => ({ ordered: [] as string[], answer: {} as Record<string, (input: never) => unknown>, told: {} as Record<string, (input?: unknown) => unknown> }));
vi.mock('@temporalio/workflow', async (original) => ({
  ...(await original<typeof import('@temporalio/workflow')>()),
  proxyActivities: () =>
    new Proxy(
      {},
      {
        get: (_target, name: string) => async (input: never) => {
          world.ordered.push(name);
          return world.answer[name]?.(input);
        },
      },
    ),
  async condition(isMet: () => boolean) {
    while (!isMet()) await setImmediate();
    return true;
  },
  CancellationScope: class {
    run = (work: () => unknown) => work();
    cancel = () => undefined;
  },
  setHandler(to: { name: string }, handler: () => unknown) {
    world.told[to.name] = handler;
  },
  allHandlersFinished: () => true,
  workflowInfo: () => ({ continueAsNewSuggested: false }),
  sleep: () => new Promise(() => undefined),
  patched: () => true,
  upsertSearchAttributes: () => undefined,
  setCurrentDetails: () => undefined,
}));

const tomorrow = () => Date.now() + 86_400_000;
const start = () => billingCycle({ runId: 'run', period: '2019-12', cutOffAtMs: tomorrow() });
const progress = () => world.told['state']?.() as RunProgress;
/** Long enough for whatever would come next. */
const aWhile = async () => {
  for (let i = 0; i < 200; i += 1) await setImmediate();
  return 'waits';
};
const order = { actor: 'ops', reason: 'a source is wrong' };

beforeEach(() => {
  world.ordered = [];
  world.answer = {
    moveRun: ({ to }: { to: string }) => ({ state: to, paused: false }),
    collectingState: () => ({ automatic: false, closed: false, periodEndMs: tomorrow(), cutOffAtMs: tomorrow(), lines: [] }),
  };
});

describe('a run that is paused and resumed at once', () => {
  it('stands as it is stored, whichever answer comes last', async () => {
    let stored = false;
    world.answer['pause'] = async ({ paused }: { paused: boolean }) => {
      stored = paused;
      // The answer to the first is late.
      for (let i = 0; paused && i < 10; i += 1) await setImmediate();
    };
    void start();
    await expect.poll(() => progress().state).toBe('collecting');
    await Promise.all([world.told['pause']?.(order), world.told['resume']?.(order)]);
    expect([stored, progress().paused]).toEqual([false, false]);
    await Promise.all([world.told['resume']?.(order), world.told['pause']?.(order), world.told['resume']?.(order), world.told['pause']?.(order)]);
    expect([stored, progress().paused]).toEqual([true, true]);
  });
});

describe('a run that is told to retry as it ends, which has a workflow begin', () => {
  it.each(['closed', 'cancelled'])('ends as it is %s', async (state) => {
    world.answer['moveRun'] = () => ({ state, paused: false });
    expect(await Promise.race([start(), aWhile()])).toEqual({ state, issued: 0 });
    expect([world.ordered, progress().state]).toEqual([['moveRun'], state]);
  });
});
