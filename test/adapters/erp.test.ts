import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { handOverRow } from '../../src/activities/hand-over.ts';
import { faultPlanOf, faultyErp } from '../../src/adapters/erp/faulty.ts';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { controlTotalsOf, type ErpDocument, type ErpPort, ErpRefused, ErpUnavailable } from '../../src/adapters/erp/port.ts';
import { canonicalBytes, sha256 } from '../../src/core/seal/charge-record.ts';
import type { Answer } from '../../src/store/outbox.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-erp-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const invoice = (key: string, net = 1000): ErpDocument => ({
  key,
  kind: 'invoice',
  runId: 'run1',
  legalNumber: '2020-000001',
  accountId: 'a1',
  currency: 'SEK',
  postedOn: '2020-01-06',
  lines: [
    { glAccount: '1510', costCenter: null, vatCode: null, amountMinor: String(net * 1.25) },
    { glAccount: '3001', costCenter: 'cc1', vatCode: 'SE25', amountMinor: String(-net) },
    { glAccount: '2611', costCenter: null, vatCode: 'SE25', amountMinor: String(-net / 4) },
  ],
});

/** An outbox row that comes back until it is settled, as the database keeps it. */
async function settle(erp: ErpPort, document: ErpDocument) {
  const payload = canonicalBytes(document);
  const states: Answer['state'][] = [];
  const failures: string[] = [];
  let externalId: string | null = null;
  for (let attempt = 1; attempt <= 9; attempt++) {
    try {
      await handOverRow(erp, { key: document.key, payload, payloadHash: sha256(payload), attempt, externalId }, async (answer) => {
        states.push(answer.state);
        externalId = answer.externalId ?? externalId;
      });
      break;
    } catch (error) {
      failures.push((error as Error & { type: string }).type);
    }
  }
  return { states, failures };
}

describe('the ERP that is a folder', () => {
  it('answers a second post of a key with the first receipt, and refuses other content under it', async () => {
    const erp = filesErp(folder);
    const receipt = await erp.post(invoice('d1'));
    expect(receipt.externalId).toMatch(/^FILE-[0-9a-f]{12}$/);
    expect(await erp.post(invoice('d1'))).toEqual(receipt);
    expect(await erp.findByKey('d1', 'invoice')).toEqual(receipt);
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
  it('refuses lines that do not sum to zero', async () => {
    const document = invoice('d1');
    await expect(filesErp(folder).post({ ...document, lines: document.lines.slice(1) })).rejects.toBeInstanceOf(ErpRefused);
    expect(await filesErp(folder).findByKey('d1', 'invoice')).toBeUndefined();
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
    expect((await erp.controlTotals('run1')).sums.get('invoice|3001|cc1|SE25|SEK')).toBe(-6000n);
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
      async findByKey(key, kind) {
        lookUps += 1;
        if (lookUps > 1) return erp.findByKey(key, kind);
        rmSync(path.join(folder, 'invoice'), { recursive: true });
        throw new ErpUnavailable('gone');
      },
    };
    expect(await settle(forgetful, invoice('d1'))).toEqual({ states: ['posted', 'refused'], failures: ['ErpUnavailable'] });
    expect(readdirSync(folder)).toEqual([]);
  });
  it('counts a failure of unknown kind as an unknown outcome, and a refusal as final', async () => {
    const erp = filesErp(folder);
    const failing = (error: Error): ErpPort => ({ ...erp, post: () => Promise.reject(error) });
    expect((await settle(failing(new Error('socket hang up')), invoice('d1'))).states[0]).toBe('unknown');
    expect((await settle(failing(new ErpRefused('period closed')), invoice('d1'))).states).toEqual(['refused']);
  });
  it('comes back when the ERP says so', async () => {
    const erp: ErpPort = { ...filesErp(folder), post: () => Promise.reject(new ErpUnavailable('429', 7000)) };
    const payload = canonicalBytes(invoice('d1'));
    await expect(handOverRow(erp, { key: 'd1', payload, payloadHash: sha256(payload), attempt: 1, externalId: null }, async () => undefined)).rejects.toMatchObject({
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
