import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Arrival, createDispatcher } from '../../src/api/dispatcher.ts';

const arrivals = (from: number, n: number): Arrival[] => Array.from({ length: n }, (_, i) => ({ rawId: String(from + i), recordKey: `k${from + i}` }));

/** A dispatcher whose single starts end when told. */
function underTest(options: { fails?: boolean; gapMs?: number } = {}) {
  const clock = { ms: 0 };
  const singles: string[] = [];
  const pages: string[][] = [];
  const missed: number[] = [];
  const waiting: (() => void)[] = [];
  const dispatcher = createDispatcher({
    busyAt: 3,
    pageSize: 4,
    gatherMs: 1,
    gapMs: options.gapMs ?? 1,
    singlesPerSecond: 3,
    nowMs: () => clock.ms,
    workflowIdOf: (_source, { rawId }) => `cdr/${rawId}`,
    async startOne(_source, { rawId }) {
      singles.push(rawId);
      if (options.fails) throw new Error('Temporal is away');
      await new Promise<void>((resolve) => waiting.push(resolve));
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
  return { dispatcher, singles, pages, missed, release, clock };
}

describe('the dispatcher', () => {
  it('gives few arrivals a workflow each, and says which', async () => {
    const { dispatcher, pages, release } = underTest();
    expect(dispatcher.arrived('s', arrivals(1, 2))).toEqual(['cdr/1', 'cdr/2']);
    release();
    expect(pages).toEqual([]);
  });
  it('groups what comes while many starts are under way, in pages that are never larger than told', async () => {
    const { dispatcher, singles, pages, release, clock } = underTest();
    dispatcher.arrived('s', arrivals(1, 3));
    expect(dispatcher.arrived('s', arrivals(10, 1))).toEqual([undefined]);
    expect(dispatcher.arrived('s', arrivals(11, 9))).toEqual(Array(9).fill(undefined));
    const flushed = dispatcher.flush();
    release();
    await flushed;
    expect(singles).toEqual(['1', '2', '3']);
    expect(pages.map((p) => p.length)).toEqual([4, 4, 2]);
    expect(pages.flat()).toEqual(arrivals(10, 10).map((a) => a.rawId));
    // Nothing is under way, but it was much in little time; a second later it is light again.
    expect(dispatcher.arrived('s', arrivals(29, 1))).toEqual([undefined]);
    clock.ms += 1000;
    expect(dispatcher.arrived('s', arrivals(30, 1))).toEqual(['cdr/30']);
    release();
    await dispatcher.flush();
  });
  it('starts no single at all while arrivals keep coming faster than singles may', async () => {
    const { dispatcher, singles, pages, release, clock } = underTest();
    for (let n = 0; n < 40; n += 1) {
      dispatcher.arrived('s', arrivals(n, 1));
      release();
      clock.ms += 100;
    }
    await dispatcher.flush();
    expect(singles.map(Number)).toEqual([0, 1, 2]);
    expect(pages.flat()).toHaveLength(37);
  });
  it('lets the arrivals of a source after a page gather longer, unless the page is full', async () => {
    const { dispatcher, pages } = underTest({ gapMs: 60_000 });
    const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
    dispatcher.arrived('s', arrivals(0, 4));
    dispatcher.arrived('s', arrivals(4, 1));
    await pause();
    expect(pages.map((p) => p.length)).toEqual([4]);
    dispatcher.arrived('t', arrivals(100, 2));
    await pause();
    expect(pages.map((p) => p.length)).toEqual([4, 2]);
    dispatcher.arrived('s', arrivals(5, 3));
    expect(pages.map((p) => p.length)).toEqual([4, 2, 4]);
    await dispatcher.flush();
  });
  it('answers, and says what was missed, when no workflow can be started', async () => {
    const { dispatcher, missed } = underTest({ fails: true });
    dispatcher.arrived('s', arrivals(1, 2));
    await dispatcher.flush();
    dispatcher.arrived('s', arrivals(10, 9));
    dispatcher.arrived('s', arrivals(20, 25));
    await dispatcher.flush();
    expect(missed.reduce((sum, n) => sum + n, 0)).toBe(36);
  });
  it('starts each arrival exactly once, alone or in a page, in the order of its source', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ source: fc.constantFrom('a', 'b'), n: fc.integer({ min: 1, max: 9 }), pause: fc.boolean() }), { maxLength: 20 }), async (requests) => {
        const { dispatcher, singles, pages, release, clock } = underTest();
        let next = 0;
        for (const { source, n, pause } of requests) {
          dispatcher.arrived(source, arrivals(next, n));
          next += n;
          if (pause) clock.ms += 700;
          if (pause) release();
          if (pause) await new Promise((resolve) => setTimeout(resolve, 2));
        }
        const flushed = dispatcher.flush();
        release();
        await flushed;
        expect([...singles, ...pages.flat()].map(Number).sort((x, y) => x - y)).toEqual(Array.from({ length: next }, (_, i) => i));
        for (const page of pages) expect(page.length).toBeLessThanOrEqual(4);
      }),
      { numRuns: 50 },
    );
  });
});
