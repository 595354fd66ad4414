import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Arrival, createDispatcher } from '../../src/api/dispatcher.ts';

const arrivals = (from: number, n: number): Arrival[] => Array.from({ length: n }, (_, i) => ({ rawId: String(from + i), recordKey: `k${from + i}` }));

/** A dispatcher whose single starts end when told. */
function underTest(options: { busyAt?: number; pageSize?: number; fails?: boolean } = {}) {
  const singles: string[] = [];
  const pages: string[][] = [];
  const missed: number[] = [];
  const waiting: (() => void)[] = [];
  const dispatcher = createDispatcher({
    busyAt: 3,
    pageSize: 4,
    gatherMs: 1,
    ...options,
    async startOne(_source, { rawId }) {
      singles.push(rawId);
      if (options.fails) throw new Error('Temporal is away');
      await new Promise<void>((resolve) => waiting.push(resolve));
      return `cdr/${rawId}`;
    },
    async startPage(_source, rawIds) {
      if (options.fails) throw new Error('Temporal is away');
      pages.push([...rawIds]);
    },
    onMissed: (_error, _source, n) => missed.push(n),
  });
  const release = () => {
    for (const done of waiting.splice(0)) done();
  };
  return { dispatcher, singles, pages, missed, release };
}

describe('the dispatcher', () => {
  it('gives few arrivals a workflow each, and says which', async () => {
    const { dispatcher, pages, release } = underTest();
    const started = dispatcher.arrived('s', arrivals(1, 2));
    release();
    expect(await started).toEqual(['cdr/1', 'cdr/2']);
    expect(pages).toEqual([]);
  });
  it('groups what comes while many starts are under way, in pages that are never larger than told', async () => {
    const { dispatcher, singles, pages, release } = underTest();
    const light = dispatcher.arrived('s', arrivals(1, 3));
    expect(await dispatcher.arrived('s', arrivals(10, 1))).toEqual([undefined]);
    expect(await dispatcher.arrived('s', arrivals(11, 9))).toEqual(Array(9).fill(undefined));
    await dispatcher.flush();
    expect(singles).toEqual(['1', '2', '3']);
    expect(pages.map((p) => p.length)).toEqual([4, 4, 2]);
    expect(pages.flat()).toEqual(arrivals(10, 10).map((a) => a.rawId));
    release();
    await light;
    const again = dispatcher.arrived('s', arrivals(30, 1));
    release();
    expect(await again).toEqual(['cdr/30']);
  });
  it('answers, and says what was missed, when no workflow can be started', async () => {
    const { dispatcher, missed } = underTest({ fails: true });
    expect(await dispatcher.arrived('s', arrivals(1, 2))).toEqual([undefined, undefined]);
    await dispatcher.arrived('s', arrivals(10, 9));
    await dispatcher.flush();
    expect(missed.sort()).toEqual([1, 1, 1, 4, 4]);
  });
  it('starts each arrival exactly once, alone or in a page, in the order of its source', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ source: fc.constantFrom('a', 'b'), n: fc.integer({ min: 1, max: 9 }), pause: fc.boolean() }), { maxLength: 20 }), async (requests) => {
        const { dispatcher, singles, pages, release } = underTest();
        const answers: Promise<unknown>[] = [];
        let next = 0;
        for (const { source, n, pause } of requests) {
          answers.push(dispatcher.arrived(source, arrivals(next, n)));
          next += n;
          if (pause) release();
          if (pause) await new Promise((resolve) => setTimeout(resolve, 2));
        }
        await dispatcher.flush();
        release();
        await Promise.all(answers);
        expect([...singles, ...pages.flat()].map(Number).sort((x, y) => x - y)).toEqual(Array.from({ length: next }, (_, i) => i));
        for (const page of pages) expect(page.length).toBeLessThanOrEqual(4);
      }),
      { numRuns: 50 },
    );
  });
});
