import { expect, it } from 'vitest';
import { changedFields } from '../../src/core/changed-fields.ts';

it('names what differs by its path, also what is said no more, and takes a list as one value', () => {
  const before = { a: { x: 1, y: 2, list: [{ t: 1 }] }, gone: { deep: 'z' }, same: [1], leaf: 5 };
  const after = { a: { x: 1, y: 3, list: [{ t: 1 }, { t: 2 }] }, same: [1], fresh: { deep: 0 }, leaf: { of: 1 } };
  expect(changedFields(before, after)).toEqual([
    { field: 'a.list', before: [{ t: 1 }], after: [{ t: 1 }, { t: 2 }] },
    { field: 'a.y', before: 2, after: 3 },
    { field: 'fresh.deep', before: null, after: 0 },
    { field: 'gone.deep', before: 'z', after: null },
    { field: 'leaf', before: 5, after: { of: 1 } },
  ]);
  expect(changedFields(before, before)).toEqual([]);
});
