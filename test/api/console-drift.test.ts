import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepDrift, unsignedDriftUpTo } from '../../src/store/erp-comparison.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { type Person, signIn, textOf } from '../support/console.ts';

let api: ApiUnderTest;
let approver: Person;
const found = (...words: readonly string[]) =>
  api.store.tx((db) =>
    keepDrift(
      db,
      'erp_files',
      words.length,
      words.map((text, n) => ({ key: `doc_${n}`, kind: 'differs', words: text })),
    ),
  );
const unsigned = () => unsignedDriftUpTo(api.store.pool, 'ent_se', '2019-12');
const linksOf = (page: string) => [...page.matchAll(/\/erp\/drift\/\d+\/sign/g)].map(([link]) => link);

beforeAll(async () => {
  api = await startApi();
  approver = await signIn(api, 'approver');
  await found('1510|| is 90000, not 100000', 'postedOn is 2020-01-02, not 2020-01-01');
});
afterAll(() => api.stop());

describe('drift on the console', () => {
  it('is signed by whoever may, with a reason that stays, and is let through for as long as it is that', async () => {
    const page = (await approver.get('/erp')).body;
    for (const words of ['1510|| is 90000, not 100000', 'Until then its run and its month do not close']) expect(textOf(page)).toContain(words);
    expect(linksOf(page)).toHaveLength(2);
    // The newest first.
    const [, link = ''] = linksOf(page);
    const form = textOf((await approver.get(link)).body);
    for (const words of ['Let it stay so', 'doc_0', 'erp_files', '1510|| is 90000, not 100000', 'Reason']) expect(form).toContain(words);
    const bare = await approver.order(link, { reason: ' ' });
    expect([bare.status, textOf(bare.body)]).toEqual([422, expect.stringContaining('Fill in: Reason')]);
    expect((await approver.order(link, { reason: 'written down by the auditor' })).status).toBe(303);
    const after = (await approver.get('/erp')).body;
    expect(textOf(after)).toContain('signed by approver: written down by the auditor');
    expect(linksOf(after)).toHaveLength(1);
    expect(await unsigned()).toEqual(['doc_1']);
    const again = await approver.order(link, { reason: 'once more' });
    expect([again.status, textOf(again.body)]).toEqual([409, expect.stringContaining('was signed by approver already')]);
    // What changes once more has to be signed again.
    await found('1510|| is 80000, not 100000', 'postedOn is 2020-01-02, not 2020-01-01');
    expect(linksOf((await approver.get('/erp')).body)).toHaveLength(2);
    expect(await unsigned()).toEqual(['doc_0', 'doc_1']);
  });
  it('shows no form to whoever may not sign, and none of what there is not', async () => {
    const preparer = await signIn(api, 'preparer');
    const page = (await preparer.get('/erp')).body;
    expect(textOf(page)).toContain('1510|| is 80000, not 100000');
    expect(linksOf(page)).toEqual([]);
    const [link = ''] = linksOf((await approver.get('/erp')).body);
    expect((await preparer.get(link)).status).toBe(403);
    expect((await approver.get('/erp/drift/999999/sign')).status).toBe(404);
    expect((await approver.get('/erp/drift/none/sign')).status).toBe(404);
  });
  it('is shown to its end, page by page', async () => {
    await found(...Array.from({ length: 130 }, (_, n) => `1510|| is ${n}, not 100000`));
    const first = (await approver.get('/erp')).body;
    const next = /rel="next" href="(\/erp\?drifts=[^"]+)"/.exec(first)?.[1] ?? '';
    const rest = (await approver.get(next)).body;
    expect(new Set([...linksOf(first), ...linksOf(rest)]).size).toBe(130);
    expect(rest).toContain('<a href="/erp">First page</a>');
  });
});
