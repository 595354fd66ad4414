import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inGroups } from '../../src/api/in-groups.ts';

const bad = new Error('bad item');
const away = new Error('database away');

/** Groups whose work ends when told; items named `bad…` fail the group they are in. */
function underTest({ maxItems = 100, maxBytes = 1000 }: { maxItems?: number; maxBytes?: number } = {}) {
  const groups: string[][] = [];
  const waiting: (() => void)[] = [];
  const state = { away: false, held: true };
  const submit = inGroups(
    async (items: readonly string[]) => {
      groups.push([...items]);
      if (state.held) await new Promise<void>((resolve) => waiting.push(resolve));
      if (state.away) throw away;
      if (items.some((i) => i.startsWith('bad'))) throw bad;
      return items.map((i) => `done ${i}`);
    },
    { maxItems, maxBytes, bytesOf: (item) => item.length, isOfOneItem: (error) => error === bad },
  );
  const release = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    for (const done of waiting.splice(0)) done();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { submit, groups, release, state };
}

describe('groups', () => {
  it('start at once, and hold what came while the one before was under way', async () => {
    const { submit, groups, release } = underTest();
    const first = submit('a');
    await new Promise((resolve) => setImmediate(resolve));
    const later = ['b', 'c', 'd'].map(submit);
    expect(groups).toEqual([['a']]);
    await release();
    expect(await first).toBe('done a');
    await release();
    expect(await Promise.all(later)).toEqual(['done b', 'done c', 'done d']);
    expect(groups).toEqual([['a'], ['b', 'c', 'd']]);
  });
  it('hold what comes at the same time, up to a number and a size; what is larger goes alone', async () => {
    const { submit, groups, state } = underTest({ maxItems: 3, maxBytes: 6 });
    state.held = false;
    await Promise.all(['a', 'b', 'c', 'd', 'fivef', 'two', 'larger than all', 'e'].map(submit));
    expect(groups).toEqual([['a', 'b', 'c'], ['d', 'fivef'], ['two'], ['larger than all'], ['e']]);
  });
  it('fail a bad item for its own caller only', async () => {
    const { submit, groups, state } = underTest();
    state.held = false;
    const settled = await Promise.allSettled(['a', 'b', 'bad', 'c', 'd'].map(submit));
    expect(settled.map((s) => (s.status === 'fulfilled' ? s.value : s.reason))).toEqual(['done a', 'done b', bad, 'done c', 'done d']);
    expect(groups.at(0)).toEqual(['a', 'b', 'bad', 'c', 'd']);
  });
  it('fail all callers, and try nothing again, where no item is to blame; the next group is carried out', async () => {
    const { submit, groups, state } = underTest();
    Object.assign(state, { held: false, away: true });
    const settled = await Promise.allSettled(['a', 'b'].map(submit));
    expect(settled.map((s) => s.status === 'rejected' && s.reason)).toEqual([away, away]);
    expect(groups).toEqual([['a', 'b']]);
    state.away = false;
    expect(await submit('c')).toBe('done c');
  });
  it('give each caller its own result, and carry items out in the order they came, each good one once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ good: fc.boolean(), pause: fc.boolean() }), { maxLength: 30 }), fc.integer({ min: 1, max: 5 }), async (items, maxItems) => {
        const carriedOut: number[] = [];
        const submit = inGroups(
          async (group: readonly { n: number; good: boolean }[]) => {
            await new Promise((resolve) => setImmediate(resolve));
            if (group.some((i) => !i.good)) throw bad;
            carriedOut.push(...group.map((i) => i.n));
            return group.map((i) => i.n);
          },
          { maxItems, maxBytes: 1000, bytesOf: () => 1, isOfOneItem: (error) => error === bad },
        );
        const results: Promise<unknown>[] = [];
        for (const [n, { good, pause }] of items.entries()) {
          results.push(submit({ n, good }).catch((error: unknown) => error));
          if (pause) await new Promise((resolve) => setImmediate(resolve));
        }
        expect(await Promise.all(results)).toEqual(items.map(({ good }, n) => (good ? n : bad)));
        expect(carriedOut).toEqual(items.flatMap(({ good }, n) => (good ? [n] : [])));
      }),
      { numRuns: 100 },
    );
  });
});
