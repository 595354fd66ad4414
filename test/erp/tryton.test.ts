import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controlTotalsOf, type ErpPort } from '../../src/adapters/erp/port.ts';
import { trytonErp } from '../../src/adapters/erp/tryton/tryton.ts';
import { driftOf } from '../../src/core/hand-over/drift.ts';
import { makeBooks, serve } from '../../tools/erp-tryton/tryton.mjs';
import { contractBooks, documentOf, erpContract, erpFaults, settle } from '../support/erp-contract.ts';
import { trytonCall } from '../support/tryton-call.ts';
import { trytonPlace } from '../support/tryton-place.ts';

type Server = Awaited<ReturnType<typeof serve>>;

let place: Awaited<ReturnType<typeof trytonPlace>>;
let server: Server;
let proxy: Awaited<ReturnType<typeof cuttingProxy>>;
const database = 'erp_contract';

beforeAll(async () => {
  place = await trytonPlace();
  await makeBooks({ ...place, database, books: contractBooks });
  server = await serve({ ...place, database });
  proxy = await cuttingProxy((method) => breaks?.(method) ?? false);
}, 600_000);
afterAll(async () => {
  proxy?.close();
  await server?.stop();
});

const parties = async (accountIds: readonly string[]) => accountIds.map((accountId) => ({ accountId, name: `Party of ${accountId}`, country: 'SE', vatNumber: 'SE556036079301' }));
function erpAt(url: string, timeoutMs = 60_000, settleMs = 500): ErpPort {
  return trytonErp({ url, database, user: 'admin', password: readFileSync(place.passwordFile, 'utf8').trim(), timeoutMs, settleMs }, parties);
}

erpContract('Tryton', () => erpAt(server.url));

const call = async (method: string, ...params: unknown[]) => (await trytonCall({ url: server.url, database, password: readFileSync(place.passwordFile, 'utf8').trim() }))(method, ...params);

/** Forwards requests; `cut` decides by method whether the answer is thrown away after Tryton has given it. */
async function cuttingProxy(cut: (method: string) => boolean): Promise<{ url: string; close: () => void }> {
  const proxy = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const body = Buffer.concat(chunks);
      const answer = await fetch(`${server.url}${request.url}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(request.headers.authorization === undefined ? {} : { authorization: request.headers.authorization }) },
        body,
      });
      const text = await answer.text();
      if (cut((JSON.parse(body.toString('utf8')) as { method: string }).method)) return request.socket.destroy();
      return response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
    });
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, close: () => proxy.close() };
}

const context = { company: 1, companies: [1] };
/** What the next connection meets. */
let breaks: ((method: string) => boolean) | undefined;
const setPeriod = async (month: string, verb: 'close' | 'reopen') => {
  const [year, number] = month.split('-').map(Number);
  const [period] = (await call('model.account.period.search', [['start_date', '=', { __class__: 'date', year, month: number, day: 1 }]], 0, null, null, { company: 1, companies: [1] })) as number[];
  await call(`model.account.period.${verb}`, [period], { company: 1, companies: [1] });
};

erpFaults('Tryton', () => {
  const { port } = server;
  breaks = undefined;
  return {
    open: () => erpAt(proxy.url),
    loseAnswerOf: (step) => {
      let left = 1;
      breaks = (method) => method.endsWith(`.${step}`) && method.includes('invoice') && left-- > 0;
    },
    killBetween: () => {
      breaks = (method) => {
        if (!method.endsWith('account.move.create')) return false;
        void server.stop('SIGKILL');
        return true;
      };
    },
    revive: async () => {
      breaks = undefined;
      await expect(erpAt(server.url).find(documentOf('journal', 'killed'))).rejects.toMatchObject({ name: 'ErpUnavailable' });
      server = await serve({ ...place, database, port });
    },
    closeMonth: (month) => setPeriod(month, 'close'),
    openMonth: (month) => setPeriod(month, 'reopen'),
  };
});

describe('Tryton', () => {
  it('holds what falls into no fiscal year', async () => {
    expect((await settle(erpAt(server.url), documentOf('journal', 'no_year', { on: '1999-01-01' }))).states).toEqual(['held']);
  });
  it('tells its accounts, cost centers and tax codes, and refuses a journal in another currency with what to do', async () => {
    const erp = erpAt(server.url);
    expect(await erp.masterData?.()).toMatchObject({ accounts: expect.arrayContaining([{ code: '1510', name: 'Receivables' }]), vatCodes: [{ code: 'SE25', name: 'SE25' }] });
    const foreign = { ...documentOf('journal', 'foreign', { runId: 'run_foreign' }), currency: 'EUR' };
    await expect(erp.post(foreign)).rejects.toThrow("Tryton keeps journals in the company's SEK. Book it there by hand in SEK, then skip it");
    expect((await settle(erp, foreign)).states).toEqual(['refused']);
  });
  it('keeps a journal in another currency with what it comes to in the books, where it says so, and sees it changed in either', async () => {
    const erp = erpAt(server.url);
    const whole = documentOf('journal', 'in_euro', { runId: 'run_euro' });
    // 0.51 EUR at 10.45 are 5.33 SEK.
    const lines = whole.lines.map((l) => ({ ...l, bookMinor: l.amountMinor.startsWith('-') ? '-533' : '533' }));
    const document = { ...whole, currency: 'EUR', books: { currency: 'SEK', rate: 'ecb 2020-01-06 EUR/SEK 10.45 v1' }, lines };
    expect((await settle(erp, document)).states).toEqual(['posted', 'verified']);
    expect(await erp.controlTotals('run_euro')).toEqual(controlTotalsOf([document]));
    const [held] = await erp.holdings('run_euro', [document]);
    expect(held).toMatchObject({ currency: 'EUR' });
    expect(held?.lines.map((l) => [l.glAccount, l.amountMinor, l.bookMinor]).sort()).toEqual([
      ['1790', '51', '533'],
      ['3001', '-51', '-533'],
    ]);
    const dearer = { ...document, lines: lines.map((l) => ({ ...l, bookMinor: l.bookMinor.replace('533', '534') })) };
    expect(driftOf([dearer], new Set([document.key]), held === undefined ? [] : [held])).toMatchObject([{ kind: 'differs', words: expect.stringContaining('in SEK is') }]);
    const uneven = { ...document, key: 'uneven_euro', lines: lines.map((l, i) => ({ ...l, bookMinor: i === 0 ? '534' : l.bookMinor })) };
    expect((await settle(erp, uneven)).states).toEqual(['refused']);
  });
  it('refuses one bad document among good ones, which go on, and says what it lacks', async () => {
    const erp = erpAt(server.url);
    const documents = [
      documentOf('invoice', 'good_1', { runId: 'run_bad' }),
      documentOf('invoice', 'bad', { runId: 'run_bad', glAccount: '9999' }),
      documentOf('invoice', 'good_2', { runId: 'run_bad' }),
    ];
    const settled = [];
    for (const document of documents) settled.push((await settle(erp, document)).states.at(-1));
    expect(settled).toEqual(['verified', 'refused', 'verified']);
    await expect(erp.post(documents[1] ?? documentOf('invoice', 'bad'))).rejects.toThrow('Tryton has no account 9999');
    expect(await erp.controlTotals('run_bad')).toEqual(controlTotalsOf(documents.filter((d) => d.key !== 'bad')));
  });
  it('books what is collected for another on a balance account, which Tryton allows on no line of an invoice', async () => {
    const erp = erpAt(server.url);
    const document = documentOf('invoice', 'agency', { runId: 'run_agency', glAccount: '2890' });
    expect((await settle(erp, document)).states).toEqual(['posted', 'verified']);
  });
  it('shows what somebody took back there as drift, and leaves it as it is', async () => {
    const erp = erpAt(server.url);
    const [kept, cancelled] = [documentOf('invoice', 'drift_kept', { runId: 'run_drift' }), documentOf('invoice', 'drift_cancelled', { runId: 'run_drift' })];
    for (const document of [kept, cancelled]) await erp.post(document);
    const known = new Set([kept.key, cancelled.key]);
    expect(driftOf([kept, cancelled], known, await erp.holdings('run_drift', []))).toEqual([]);
    await call('model.company.company.write', [1], { cancel_invoice_out: true }, context);
    const [id] = (await call('model.account.invoice.search', [['reference', '=', cancelled.key]], 0, null, null, context)) as number[];
    await call('model.account.invoice.cancel', [id], context);
    expect(driftOf([kept, cancelled], known, await erp.holdings('run_drift', []))).toMatchObject([{ key: cancelled.key, kind: 'reversed' }]);
    expect(driftOf([kept], new Set([kept.key]), await erp.holdings('run_drift', []))).toMatchObject([{ key: cancelled.key, kind: 'unknownThere' }]);
  });
  it('tells what customers have paid: nothing, a part, all of it', async () => {
    const erp = erpAt(server.url);
    const documents = ['unpaid', 'part', 'paid'].map((key) => documentOf('invoice', `pay_${key}`, { runId: 'run_paid' }));
    for (const document of documents) await erp.post(document);
    const decimal = (text: string) => ({ __class__: 'Decimal', decimal: text });
    const search = async (model: string, domain: unknown[]) => ((await call(`model.${model}.search`, domain, 0, null, null, context)) as number[])[0];
    const [receivable, other] = [await search('account.account', [['code', '=', '1510']]), await search('account.account', [['code', '=', '1790']])];
    const journal = await search('account.journal', [['type', '=', 'general']]);
    // 1.63 each: a payment of one krona, and one of all of it, closed against the invoice as a cashier would.
    for (const [key, amount] of [
      ['pay_part', '1.00'],
      ['pay_paid', '1.63'],
    ] as const) {
      const [invoice] = (await call('model.account.invoice.search_read', [['reference', '=', key]], 0, null, null, ['party', 'lines_to_pay'], context)) as {
        id: number;
        party: number;
        lines_to_pay: number[];
      }[];
      const period = await search('account.period', [['start_date', '=', { __class__: 'date', year: 2020, month: 1, day: 1 }]]);
      const line = (account: number | undefined, debit: string, credit: string, party: number | null) => ({
        account,
        debit: decimal(debit),
        credit: decimal(credit),
        ...(party === null ? {} : { party }),
      });
      const [move] = (await call(
        'model.account.move.create',
        [
          {
            company: 1,
            journal,
            period,
            date: { __class__: 'date', year: 2020, month: 1, day: 10 },
            lines: [['create', [line(other, amount, '0', null), line(receivable, '0', amount, invoice?.party ?? null)]]],
          },
        ],
        context,
      )) as number[];
      await call('model.account.move.post', [move], context);
      const paying = await search('account.move.line', [
        ['move', '=', move],
        ['account', '=', receivable],
      ]);
      if (key === 'pay_paid')
        await call(
          'model.account.move.reconciliation.create',
          [{ company: 1, date: { __class__: 'date', year: 2020, month: 1, day: 10 }, lines: [['add', [...(invoice?.lines_to_pay ?? []), paying]]] }],
          context,
        );
      else await call('model.account.invoice.write', [invoice?.id], { payment_lines: [['add', [paying]]] }, context);
    }
    expect(await erp.payments?.(documents)).toEqual([
      { key: 'pay_unpaid', state: 'unpaid', openMinor: '163' },
      { key: 'pay_part', state: 'part', openMinor: '63' },
      { key: 'pay_paid', state: 'paid', openMinor: '0' },
    ]);
  });
  it('takes a customer with a VAT number of no member state, which it knows as none of the Union', async () => {
    const norwegian = async (accountIds: readonly string[]) => accountIds.map((accountId) => ({ accountId, name: 'Polar Mobility', country: 'NO', vatNumber: 'NO777777777MVA' }));
    const erp = trytonErp({ url: server.url, database, user: 'admin', password: readFileSync(place.passwordFile, 'utf8').trim(), timeoutMs: 60_000, settleMs: 500 }, norwegian);
    await erp.post({ ...documentOf('invoice', 'norwegian', { runId: 'run_norway' }), accountId: 'acc_polar' });
    await erpAt(server.url).post(documentOf('invoice', 'swedish', { runId: 'run_norway' }));
    const identifiers = async (code: string) => call('model.party.identifier.search_read', [['party.code', '=', code]], 0, null, null, ['type', 'code'], context);
    expect(await identifiers('acc_polar')).toMatchObject([{ type: null, code: 'NO777777777MVA' }]);
    expect(await identifiers('acc_fleet')).toMatchObject([{ type: 'eu_vat', code: 'SE556036079301' }]);
  });
  it('is told apart from one whose password is wrong', async () => {
    const erp = trytonErp({ url: server.url, database, user: 'admin', password: 'wrong', timeoutMs: 20_000, settleMs: 0 }, parties);
    await expect(erp.post(documentOf('invoice', 'nobody'))).rejects.toMatchObject({ name: 'ErpUnavailable', message: expect.stringContaining('password') });
  });
});
