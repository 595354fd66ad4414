import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { businessCentralErp } from '../../src/adapters/erp/business-central/business-central.ts';
import { journalLinesOf } from '../../src/adapters/erp/business-central/entries.ts';
import { businessCentralOData } from '../../src/adapters/erp/business-central/odata.ts';
import type { ErpPort, PartiesOf } from '../../src/adapters/erp/port.ts';
import { driftOf } from '../../src/core/hand-over/drift.ts';
import { BusinessCentral } from '../support/business-central.ts';
import { contractBooks, documentOf, erpContract, erpFaults, settle } from '../support/erp-contract.ts';

let server: BusinessCentral;
beforeEach(async () => {
  server = new BusinessCentral(contractBooks);
  await server.start();
});
afterEach(() => server.stop());

const parties: PartiesOf = async (ids) => ids.map((accountId) => ({ accountId, name: `Party of ${accountId}`, country: 'SE', vatNumber: null }));
const open = (): ErpPort => businessCentralErp(server.settings, parties);
const once = (what: (method: string, path: string) => boolean) => {
  let left = 1;
  return (method: string, path: string) => what(method, path) && left-- > 0;
};
const isPost = (_method: string, path: string) => path.endsWith('Microsoft.NAV.post');

erpContract('Business Central', open);
erpFaults('Business Central', () => ({
  open,
  loseAnswerOf: (step) => {
    server.loses = once(step === 'post' ? isPost : (_method, path) => path === '$batch');
  },
  killBetween: () => {
    server.diesOf = once(isPost);
  },
  revive: () => server.start(),
  closeMonth: (month) => void server.closedMonths.add(month),
  openMonth: (month) => void server.closedMonths.delete(month),
}));

describe('the Business Central adapter', () => {
  it('keeps within the limits of its fields, by hashes where a key or an account is longer', async () => {
    const document = documentOf('invoice', 'doc_01J9Z6V7Q8R9S0T1U2V3W4X5Y6', { runId: 'run_a_company_of_a_long_name_2019-12_live' });
    const long = { ...document, accountId: 'acc_of_a_customer_with_a_long_name', legalNumber: '2020-000123' };
    expect((await settle(open(), long)).states).toEqual(['posted', 'verified']);
    const tooLong = { ...document, key: 'd2', legalNumber: '2020-0000000000000000000000000123' };
    expect((await settle(open(), tooLong)).states).toEqual(['refused']);
  });
  it('writes the lines of many documents in batches of at most a hundred, and posts them at once', async () => {
    const erp = open();
    const documents = Array.from({ length: 20 }, (_, i) => documentOf('invoice', `many_${i}`, { runId: 'run_many', net: BigInt(50 + i) }));
    await erp.together?.post(documents);
    // 20 documents of 5 lines: one batch of 100; the journal is looked at before, and what was posted read back.
    expect(server.calls.filter((call) => call.endsWith('$batch'))).toHaveLength(1);
    expect(server.calls.filter((call) => call.endsWith('post'))).toHaveLength(1);
    expect(server.calls.length).toBeLessThan(10);
  });
  it('leaves nothing in the journal of a document whose later lines are refused', async () => {
    const document = documentOf('journal', 'long');
    const [first] = document.lines;
    if (first === undefined) throw new Error('a document has lines');
    const line = (amountMinor: bigint, glAccount = first.glAccount) => ({ ...first, glAccount, amountMinor: amountMinor.toString() });
    // The first batch takes a hundred, which come to nothing: somebody could post them.
    const lines = [...Array.from({ length: 100 }, (_, i) => line(i % 2 === 0 ? 5n : -5n)), line(7n), line(-7n, '9999')];
    await expect(open().post({ ...document, lines })).rejects.toMatchObject({ name: 'ErpRefused', message: expect.stringContaining('9999 does not exist') });
    expect(server.journalLines).toBe(0);
  });
  it('tells its accounts, the values of the dimension and its tax groups', async () => {
    expect(await open().masterData?.()).toMatchObject({
      accounts: expect.arrayContaining([{ code: '1510', name: 'Receivables' }]),
      costCenters: [
        { code: 'cc 1', name: 'cc 1' },
        { code: 'cc2', name: 'cc2' },
      ],
      vatCodes: [{ code: 'SE25', name: 'SE25' }],
    });
  });
  it('refuses what is in another currency with what to do', async () => {
    const settled = await settle(open(), { ...documentOf('journal', 'foreign'), currency: 'EUR' });
    expect(settled.states).toEqual(['refused']);
    expect(settled.words).toContain("takes journals in the company's SEK only. Book it in Business Central by hand in EUR, then skip it");
  });
  it.each(['ISK', 'KWD'])('keeps the books of a company in %s, whose minor unit is not a hundredth', async (currency) => {
    const erp = businessCentralErp({ ...server.settings, currency }, parties);
    // 51 ISK, or 0.051 KWD.
    const document = { ...documentOf('journal', 'whole'), currency };
    expect((await settle(erp, document)).states).toEqual(['posted', 'verified']);
    expect((await erp.find(document))?.lines.map((l) => l.amountMinor)).toEqual(['51', '-51']);
  });
  it('tells what comes to nothing from what was taken back there, and that was taken back too', async () => {
    const erp = open();
    const [whole, journal] = [documentOf('journal', 'whole'), documentOf('journal', 'nothing')];
    // 7.00 of one session and -7.00 of another, on one account.
    const nothing = { ...journal, lines: ['700', '-700'].flatMap((amountMinor) => journal.lines.slice(0, 1).map((l) => ({ ...l, amountMinor }))) };
    const drift = async () => driftOf([whole, nothing], new Set(['whole', 'nothing']), await erp.holdings('run_1', [whole, nothing])).map(({ key, kind }) => [key, kind]);
    for (const document of [whole, nothing]) expect((await settle(erp, document)).states).toEqual(['posted', 'verified']);
    expect(await drift()).toEqual([]);
    const odata = businessCentralOData(server.settings);
    const [{ id } = { id: '' }] = await odata.all<{ id: string }>('journals');
    const reverse = async ({ lines, ...document }: typeof whole) => {
      const back = journalLinesOf({ ...document, lines: lines.map((l) => ({ ...l, amountMinor: `${-BigInt(l.amountMinor)}` })) }, 'COSTCENTER');
      for (const [i, line] of back.entries()) await odata.post(`journals(${id})/journalLines`, { ...line, lineNumber: i + 1 });
      await odata.post(`journals(${id})/Microsoft.NAV.post`);
    };
    await reverse(whole);
    expect(await drift()).toEqual([['whole', 'reversed']]);
    await reverse(nothing);
    expect(await drift()).toEqual([
      ['nothing', 'reversed'],
      ['whole', 'reversed'],
    ]);
  });
  it('reads all pages of an answer', async () => {
    server.pageSize = 3;
    expect((await settle(open(), documentOf('invoice', 'paged'))).states).toEqual(['posted', 'verified']);
  });
  it('comes back when it is told that it asks too much, and asks for a new token when the old one is over', async () => {
    const erp = open();
    await erp.find(documentOf('invoice', 'none'));
    server.forgetTokens();
    expect(await erp.find(documentOf('invoice', 'none'))).toBeUndefined();
    server.rate = { requests: 1, windowMs: 60_000 };
    await expect(erp.find(documentOf('invoice', 'none'))).rejects.toMatchObject({ name: 'ErpUnavailable', retryAfterMs: 60_000 });
    const locked = businessCentralErp({ ...server.settings, clientSecret: 'old' }, parties);
    await expect(locked.post(documentOf('invoice', 'd1'))).rejects.toMatchObject({ name: 'ErpUnavailable', message: expect.stringContaining('check the client') });
  });
  it('refuses what its journals cannot say: another currency, an account or a dimension value it has not', async () => {
    const document = documentOf('invoice', 'eur');
    await expect(open().post({ ...document, currency: 'EUR' })).rejects.toMatchObject({ name: 'ErpRefused', message: expect.stringContaining("the company's SEK only") });
    await expect(open().post(documentOf('journal', 'none', { glAccount: '9999' }))).rejects.toMatchObject({ name: 'ErpRefused', message: 'Business Central: The G/L Account 9999 does not exist.' });
  });
});
