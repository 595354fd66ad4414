import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { handOverRows } from '../../src/activities/hand-over-rows.ts';
import { type ErpFault, faultPlanOf, faultyErp } from '../../src/adapters/erp/faulty.ts';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { controlTotalsOf, ErpOutcomeUnknown, ErpPeriodClosed, type ErpPort, ErpRefused, ErpUnavailable } from '../../src/adapters/erp/port.ts';
import type { ErpDocument } from '../../src/contracts/erp-document.ts';
import type { AccountingBatch } from '../../src/core/accounting/batch.ts';
import { voucherOf } from '../../src/core/accounting/voucher.ts';
import { canonicalBytes } from '../../src/core/seal/charge-record.ts';
import { documentOf, erpContract, erpFaults, settle } from '../support/erp-contract.ts';
import { readSie } from '../support/read-sie.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-erp-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const invoice = (key: string, net = 1000): ErpDocument => documentOf('invoice', key, { runId: 'run1', net: BigInt(net) });

/** Books of one entity, in SEK. */
const batchOf = async (document: ErpDocument): Promise<AccountingBatch> => ({
  batchId: document.key,
  closedOn: document.postedOn,
  entity: { name: 'Contract AB', orgNumber: '5560000001', country: 'SE', currency: 'SEK' },
  series: 'W',
  vouchers: [voucherOf(document, [], { currency: 'SEK', factor: null })],
  accountNames: new Map([['3001', 'Sales']]),
  siteNames: new Map(),
});
for (const [name, open] of [
  ['a folder', () => filesErp(folder)],
  ['a folder with SIE', () => filesErp(folder, batchOf)],
] as const) {
  erpContract(name, open);
  erpFaults(name, () => {
    let plan: ErpFault[] = [];
    let dead = false;
    const marker = (month: string) => path.join(folder, 'closed', month);
    return {
      open: () => {
        const erp = faultyErp(open(), plan);
        if (!dead) return erp;
        // The process died while it wrote: half a file lies under another name.
        const die = async ({ kind, key }: ErpDocument) => {
          mkdirSync(path.join(folder, kind), { recursive: true });
          writeFileSync(path.join(folder, kind, `${key}.json.1.partial`), '{"half');
          throw new ErpOutcomeUnknown('killed');
        };
        return { ...erp, post: die };
      },
      loseAnswerOf: () => {
        plan = ['timeoutAfterWrite'];
      },
      killBetween: () => {
        dead = true;
      },
      revive: async () => {
        dead = false;
      },
      closeMonth: (month) => {
        mkdirSync(path.join(folder, 'closed'), { recursive: true });
        writeFileSync(marker(month), '');
      },
      openMonth: (month) => rmSync(marker(month)),
    };
  });
}

describe('the ERP that is a folder', () => {
  it('answers a second post of a key as the first, and refuses other content under it', async () => {
    const erp = filesErp(folder);
    const posted = await erp.post(invoice('d1'));
    expect(posted.externalId).toMatch(/^FILE-[0-9a-f]{12}$/);
    expect(await erp.post(invoice('d1'))).toEqual(posted);
    expect(await erp.find(invoice('d1'))).toMatchObject(posted);
    await expect(erp.post(invoice('d1', 2000))).rejects.toBeInstanceOf(ErpRefused);
    expect(readdirSync(path.join(folder, 'invoice'))).toEqual(['d1.json']);
  });
  it('lets one of many writers at once win and leaves no partial file', async () => {
    const receipts = await Promise.all(Array.from({ length: 20 }, () => filesErp(folder).post(invoice('d1'))));
    expect(new Set(receipts.map((r) => r.externalId)).size).toBe(1);
    expect(readdirSync(path.join(folder, 'invoice'))).toEqual(['d1.json']);
  });
  it('keeps keys apart that differ only in signs a file name cannot hold, and stays inside its folder', async () => {
    const erp = filesErp(folder);
    for (const key of ['a/b', 'a-b', 'a:b', '../../out']) await erp.post(invoice(key));
    expect(readdirSync(folder)).toEqual(['invoice']);
    expect(readdirSync(path.join(folder, 'invoice'))).toHaveLength(4);
  });
  it('lays each document out to be imported, once, with a manifest of what is in it', async () => {
    const erp = filesErp(folder, batchOf);
    await erp.post(invoice('a/b'));
    const sie = path.join(folder, 'sie', 'invoice', 'a%2Fb.si');
    const bytes = readFileSync(sie);
    const manifest = JSON.parse(readFileSync(path.join(folder, 'sie', 'invoice', 'a%2Fb.manifest.json'), 'utf8'));
    expect(manifest.files).toEqual([{ form: 'sie', fileName: 'a%2Fb.si', bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }]);
    const read = readSie(bytes);
    const summed = (lines: readonly { glAccount: string; amountMinor: bigint | string }[]) =>
      [...lines.reduce((all, l) => all.set(l.glAccount, (all.get(l.glAccount) ?? 0n) + BigInt(l.amountMinor)), new Map<string, bigint>())].sort();
    expect(summed(read.vouchers.flatMap((v) => v.lines))).toEqual(summed(invoice('a/b').lines));
    expect(manifest.totals).toMatchObject({ vouchers: 1, debit: manifest.totals.credit });
    // Taken in and moved away: a second post lays nothing out again.
    rmSync(sie);
    await erp.post(invoice('a/b'));
    expect(existsSync(sie)).toBe(false);
  });
  it('lays a journal in another currency out by what it says it comes to in the books', async () => {
    const whole = documentOf('journal', 'euro');
    // 0.51 EUR at 10.45 are 5.33 SEK.
    const lines = whole.lines.map((l) => ({ ...l, bookMinor: l.amountMinor.startsWith('-') ? '-533' : '533' }));
    const erp = filesErp(folder, batchOf);
    await erp.post({ ...whole, currency: 'EUR', books: { currency: 'SEK', rate: 'ecb 2020-01-06 EUR/SEK 10.45 v1' }, lines });
    const [voucher] = readSie(readFileSync(path.join(folder, 'sie', 'journal', 'euro.si'))).vouchers;
    expect(voucher?.lines.map((l) => [l.glAccount, String(l.amountMinor)])).toEqual([
      ['1790', '533'],
      ['3001', '-533'],
    ]);
    expect(await erp.find({ ...whole, currency: 'EUR' })).toMatchObject({ currency: 'EUR', lines: [{ amountMinor: '51', bookMinor: '533' }, { amountMinor: '-51' }] });
    const elsewhere = { ...whole, key: 'pound', currency: 'EUR', books: { currency: 'GBP', rate: 'a rate' }, lines };
    await expect(erp.post(elsewhere)).rejects.toThrow('converted into GBP');
  });
  it('refuses what SIE cannot say, and holds nothing of it', async () => {
    const document = documentOf('invoice', 'worded', { glAccount: 'sales' });
    await expect(filesErp(folder, batchOf).post(document)).rejects.toThrow(/sales/);
    expect(readdirSync(folder)).toEqual([]);
  });
  it('refuses lines that do not sum to zero', async () => {
    const document = invoice('d1');
    await expect(filesErp(folder).post({ ...document, lines: document.lines.slice(1) })).rejects.toBeInstanceOf(ErpRefused);
    expect(await filesErp(folder).find(document)).toBeUndefined();
  });
});

describe('the hand-over of a row', () => {
  it('fails twice, times out after the ERP had written, and still posts once with equal control totals', async () => {
    const posted: string[] = [];
    const real = filesErp(folder);
    const counted: ErpPort = {
      ...real,
      async post(document) {
        posted.push(document.key);
        return real.post(document);
      },
    };
    const erp = faultyErp(counted, ['unavailable', 'unavailable', 'timeoutAfterWrite']);
    const documents = ['d1', 'd2', 'd3'].map((key, i) => invoice(key, 1000 * (i + 1)));
    expect(await settle(erp, documents[0] as ErpDocument)).toEqual({
      states: ['queued', 'queued', 'unknown', 'posted', 'verified'],
      failures: ['ErpUnavailable', 'ErpUnavailable', 'ErpOutcomeUnknown'],
    });
    for (const document of documents.slice(1)) expect((await settle(erp, document)).states).toEqual(['posted', 'verified']);
    expect(posted).toEqual(['d1', 'd2', 'd3']);
    expect(await erp.controlTotals('run1')).toEqual(controlTotalsOf(documents));
    expect((await erp.controlTotals('run1')).sums.get('invoice|3001|cc 1|SE25|SEK')).toBe(-6000n);
    expect((await erp.controlTotals('run2')).count).toBe(0);
  });
  it('refuses a row whose document reads back differently, also when it is only found by look-up', async () => {
    const erp = filesErp(folder);
    const tampering: ErpPort = {
      ...erp,
      async post(document) {
        const receipt = await erp.post(document);
        writeFileSync(path.join(folder, 'invoice', `${document.key}.json`), canonicalBytes(invoice(document.key, 4000)));
        return receipt;
      },
    };
    expect((await settle(tampering, invoice('d1'))).states).toEqual(['posted', 'refused']);
    await erp.post(invoice('d2', 2000));
    expect((await settle(faultyErp(erp, ['unavailable']), invoice('d2'))).states).toEqual(['queued', 'posted', 'refused']);
  });
  it('does not post again what the ERP acknowledged and no longer finds', async () => {
    const erp = filesErp(folder);
    let lookUps = 0;
    const forgetful: ErpPort = {
      ...erp,
      async find(document) {
        lookUps += 1;
        if (lookUps > 1) return erp.find(document);
        rmSync(path.join(folder, 'invoice'), { recursive: true });
        throw new ErpUnavailable('gone');
      },
    };
    expect(await settle(forgetful, invoice('d1'))).toMatchObject({ states: ['posted', 'refused'], failures: ['ErpUnavailable'] });
    expect(readdirSync(folder)).toEqual([]);
  });
  it('counts a failure of unknown kind as an unknown outcome, and a refusal as final', async () => {
    const erp = filesErp(folder);
    const failing = (error: Error): ErpPort => ({ ...erp, post: () => Promise.reject(error) });
    expect((await settle(failing(new Error('socket hang up')), invoice('d1'))).states[0]).toBe('unknown');
    expect((await settle(failing(new ErpRefused('no such account')), invoice('d1'))).states).toEqual(['refused']);
  });
  it('counts the outcome as unknown when the ERP is away after something was written there', async () => {
    const erp = filesErp(folder);
    let attempts = 0;
    const away: ErpPort = {
      ...erp,
      async post(document, onDrafted) {
        await onDrafted?.([document]);
        attempts += 1;
        const posted = await erp.post(document);
        if (attempts === 1) throw new ErpUnavailable('it was posted, and cannot be read back');
        return posted;
      },
    };
    expect(await settle(away, invoice('d1'))).toMatchObject({ states: ['unknown', 'posted', 'verified'], failures: ['ErpUnavailable'] });
    expect(attempts).toBe(1);
  });
  it('holds a row whose period is closed, until somebody has it tried again', async () => {
    const closed: ErpPort = { ...filesErp(folder), post: () => Promise.reject(new ErpPeriodClosed('the period is closed')) };
    expect(await settle(closed, invoice('d1'))).toMatchObject({ states: ['held'], failures: [] });
  });
  it('leaves rows queued when the ERP does not tell its periods, and sends nothing', async () => {
    let asked = 0;
    const erp = filesErp(folder);
    const away: ErpPort = { ...erp, periodsOn: (dates) => (asked++ === 0 ? Promise.reject(new ErpUnavailable('away')) : erp.periodsOn(dates)) };
    expect(await settle(away, invoice('d1'))).toMatchObject({ states: ['queued', 'posted', 'verified'], failures: ['ErpUnavailable'] });
  });
  it('comes back when the ERP says so', async () => {
    const erp: ErpPort = { ...filesErp(folder), post: () => Promise.reject(new ErpUnavailable('429', 7000)) };
    const payload = canonicalBytes(invoice('d1'));
    await expect(handOverRows(erp, [{ key: 'd1', mappingVersion: null, payload, attempt: 1, externalId: null, isUnknown: false }], async () => undefined)).rejects.toMatchObject({
      type: 'ErpUnavailable',
      nonRetryable: false,
      nextRetryDelay: 7000,
    });
  });
});

describe('planned faults', () => {
  it('are read from the settings of a connection, and refused in production', () => {
    const faults = ['unavailable', 'timeoutAfterWrite'];
    expect(faultPlanOf({ id: 'e', production: false, settings: { faults } })).toEqual(faults);
    expect(faultPlanOf({ id: 'e', production: true, settings: {} })).toEqual([]);
    expect(() => faultPlanOf({ id: 'e', production: true, settings: { faults } })).toThrow('production');
    expect(() => faultPlanOf({ id: 'e', production: false, settings: { faults: ['slow'] } })).toThrow('timeoutAfterWrite');
  });
});
