import { DefaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { handOverRows } from '../../src/activities/hand-over-rows.ts';
import { httpErp, signatureOf } from '../../src/adapters/erp/http/http.ts';
import type { ErpPort, PartiesOf } from '../../src/adapters/erp/port.ts';
import { heldDifferences } from '../../src/core/hand-over/compare-held.ts';
import { canonicalBytes } from '../../src/core/seal/charge-record.ts';
import { documentOf, erpContract, erpFaults, settle } from '../support/erp-contract.ts';
import { ErpMiddleware } from '../support/erp-middleware.ts';

let middleware: ErpMiddleware;
beforeEach(async () => {
  middleware = new ErpMiddleware();
  await middleware.start();
});
afterEach(() => middleware.stop());

const parties: PartiesOf = async (ids) => ids.map((accountId) => ({ accountId, name: `Party of ${accountId}`, country: 'SE', vatNumber: null }));
const open = (): ErpPort => httpErp(middleware.settings, parties);
const once = (what: (method: string) => boolean) => {
  let left = 1;
  return (method: string) => what(method) && left-- > 0;
};

erpContract('middleware by HTTP', open);
erpFaults('middleware by HTTP', () => ({
  open,
  loseAnswerOf: () => {
    middleware.loses = once((method) => method === 'POST');
  },
  killBetween: () => {
    middleware.diesOf = once((method) => method === 'POST');
  },
  revive: () => middleware.start(),
  closeMonth: (month) => void middleware.closedMonths.add(month),
  openMonth: (month) => void middleware.closedMonths.delete(month),
}));

describe('the HTTP adapter', () => {
  it('signs method, path and body, so that the other side takes neither another body nor another path', () => {
    // By another tool: printf '%s' "1600000000.POST./in/documents?x=1.$(printf '%s' '{"a":1}' | sha256sum | cut -d' ' -f1)" | openssl dgst -sha256 -hmac shared
    const url = new URL('https://erp.example.com/in/documents?x=1');
    const signature = signatureOf('shared', 1_600_000_000, 'POST', url, '{"a":1}');
    expect(signature).toBe('t=1600000000,v1=bcb3b9244007333995c54e6b27371906ab0e20b22b4009912355c8d29dcbb983');
    expect(signatureOf('shared', 1_600_000_000, 'POST', url, '{"a":2}')).not.toBe(signature);
    expect(signatureOf('shared', 1_600_000_000, 'GET', url, '{"a":1}')).not.toBe(signature);
    expect(signatureOf('shared', 1_600_000_000, 'POST', new URL('https://erp.example.com/in/documents?x=2'), '{"a":1}')).not.toBe(signature);
    expect(signatureOf('other', 1_600_000_000, 'POST', url, '{"a":1}')).not.toBe(signature);
  });
  it('sends the words of the party beside the document', async () => {
    await open().post(documentOf('invoice', 'd1'));
    expect(middleware.parties).toEqual([{ accountId: 'acc_fleet', name: 'Party of acc_fleet', country: 'SE', vatNumber: null }]);
  });
  it('compares what each line comes to in the books, where both sides say it', async () => {
    const whole = documentOf('journal', 'accrued');
    const inBooks = (factor: bigint) => ({
      ...whole,
      currency: 'EUR',
      books: { currency: 'SEK', rate: 'ecb 2020-01-06 EUR/SEK 10 v1' },
      lines: whole.lines.map((l) => ({ ...l, bookMinor: (BigInt(l.amountMinor) * factor).toString() })),
    });
    // Who took it in reckoned with 11 in place of 10.
    await open().post(inBooks(11n));
    const held = await open().find(inBooks(10n));
    if (held === undefined) throw new Error('it was posted');
    expect(heldDifferences(inBooks(11n), held)).toEqual([]);
    const [line] = whole.lines;
    expect(heldDifferences(inBooks(10n), held)).toContain(
      `${line?.glAccount}|${line?.costCenter ?? ''}|${line?.vatCode ?? ''} in SEK is ${BigInt(line?.amountMinor ?? '') * 11n}, not ${BigInt(line?.amountMinor ?? '') * 10n}`,
    );
  });
  it('refuses other content under a known key, and comes back when the other side says so', async () => {
    const erp = open();
    await erp.post(documentOf('invoice', 'd1'));
    await expect(erp.post(documentOf('invoice', 'd1', { net: 70n }))).rejects.toMatchObject({ name: 'ErpRefused', message: expect.stringContaining('other content') });
    middleware.busy = true;
    await expect(erp.post(documentOf('invoice', 'd2'))).rejects.toMatchObject({ name: 'ErpUnavailable', retryAfterMs: 7000 });
  });
  it('keeps what the ERP said as it broke with the posting, and leaves it out of the failure, which histories of Temporal keep', async () => {
    middleware.breaksWith = 'cannot book Anna Svensson by sql://erp:pa55word@db';
    const kept: unknown[] = [];
    const row = { key: 'd1', mappingVersion: null, payload: canonicalBytes(documentOf('invoice', 'd1')), attempt: 1, externalId: null, isUnknown: false };
    const failed = (await handOverRows(open(), [row], async (answers) => void kept.push(...answers)).catch((error: Error) => error)) as Error;
    expect(kept).toMatchObject([{ key: 'd1', state: 'unknown', words: expect.stringMatching(/answers 500: .*Anna Svensson/) }]);
    expect(failed).toMatchObject({ type: 'ErpOutcomeUnknown', message: `the ERP at ${middleware.settings.url} answers 500` });
    const recorded = JSON.stringify(new DefaultFailureConverter().errorToFailure(failed, defaultPayloadConverter));
    expect([recorded.includes('answers 500'), /Svensson|pa55word/.test(recorded)]).toEqual([true, false]);
  });
  it('tells nothing of periods where the middleware does not, and comes back when that is busy', async () => {
    middleware.closedMonths.add('2019-03');
    middleware.tellsPeriods = false;
    expect(await open().periodsOn(['2019-03-05'])).toEqual(new Map());
    middleware.busy = true;
    await expect(open().periodsOn(['2019-03-05'])).rejects.toMatchObject({ name: 'ErpUnavailable', retryAfterMs: 7000 });
  });
  it.each(['INV\u00001', 'INV\n1', '\t'])('takes no number that no database or e-invoice takes: %j', async (number) => {
    const document = { ...documentOf('invoice', 'n1'), legalNumber: null };
    middleware.numberOf = () => number;
    expect((await settle(open(), document)).states).not.toContain('verified');
    middleware.numberOf = () => 'INV 1';
    expect((await open().find(document))?.number).toBe('INV 1');
  });
  it('tells what is paid of the documents it knows', async () => {
    const erp = open();
    const documents = ['p1', 'p2', 'p3'].map((key) => documentOf('invoice', key));
    for (const document of documents) await erp.post(document);
    // 0.50 and 1.03 net, 0.13 VAT: 1.63 each.
    middleware.paid.set('p2', 100n).set('p3', 163n);
    expect(await erp.payments?.([...documents, documentOf('invoice', 'none')])).toEqual([
      { key: 'p1', state: 'unpaid', openMinor: '163' },
      { key: 'p2', state: 'part', openMinor: '63' },
      { key: 'p3', state: 'paid', openMinor: '0' },
    ]);
  });
  it('waits for the connection to be mended when the secret is another', async () => {
    const erp = httpErp({ ...middleware.settings, secret: 'old' }, parties);
    const { states, failures } = await settle(erp, documentOf('invoice', 'd1'));
    expect(new Set(states)).toEqual(new Set(['queued']));
    expect(new Set(failures)).toEqual(new Set(['ErpUnavailable']));
  });
});
