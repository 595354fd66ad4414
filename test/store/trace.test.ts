import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handOver } from '../../src/activities/hand-over.ts';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import type { TraceRow } from '../../src/contracts/trace.ts';
import { importFile } from '../../src/store/commands/import-file.ts';
import type { Store } from '../../src/store/db.ts';
import { traceFrom } from '../../src/store/reads/trace.ts';
import { traceRun } from '../../src/store/reads/trace-run.ts';
import { traceTree } from '../../src/store/reads/trace-tree.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
let runId: string;
const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-trace-'));
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;

beforeAll(async () => {
  ({ store, drop } = await seeded('every-category'));
  const bytes = readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url));
  await store.tx((db) => importFile(db, { sourceId: 'csms', fileName: 'sessions.csv', bytes, by: { actor: 'test' }, receivedAt: new Date() }, parserFor));
  await processAll(store);
  await rows("UPDATE account SET strategy = 'cardReceipt' WHERE strategy = 'driverInvoice' AND id LIKE '%1'");
  runId = await closeSet(store, '2019-12');
  await issueRun(store, runId, '2020-01-07', true);
}, 240_000);
afterAll(async () => {
  await drop();
  rmSync(folder, { recursive: true });
});

describe('a month of real sessions, of every kind of customer, traced at once', () => {
  it('reaches no ERP before it is handed over, and says how much that is', async () => {
    const found = await traceRun(store.pool, runId);
    expect(found.length).toBeGreaterThan(0);
    for (const c of found) {
      expect(c.orphans.chargesWithoutLine).toEqual({ count: 0, net: '0.00', energyWh: '0', examples: [] });
      expect(c.orphans.linesWithoutErp).toMatchObject({ net: c.net.lines, energyWh: c.energyWh.lines });
      expect(c.energyWh.reachingErp).toBe('0');
    }
  });
  it('has every Wh reach an ERP line and every ERP line come back to its sessions, with nothing left over either way', async () => {
    expect((await handOver(store, filesErp(folder), 'erp_files')).refused).toBe(0);
    const none = { count: 0, net: '0.00', energyWh: '0', examples: [] };
    const found = await traceRun(store.pool, runId);
    for (const c of found) {
      expect(c.orphans).toEqual({ chargesWithoutLine: none, linesWithoutErp: none, erpWithoutLine: none });
      expect(c.energyWh).toEqual({ charges: c.energyWh.charges, lines: c.energyWh.charges, reachingErp: c.energyWh.charges });
      expect(c.net.erp).toBe(c.net.lines);
      expect(c.net.journals).toBe(c.net.lines);
    }
    // All the energy that the run issued, counted another way: on the records themselves.
    const [{ wh }] = await rows(
      "SELECT sum(c.energy_wh)::text AS wh FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN document d ON d.id = k.document_id WHERE k.run_id = $1 AND d.state = 'issued'",
      [runId],
    );
    expect(found.reduce((sum, c) => sum + BigInt(c.energyWh.reachingErp), 0n).toString()).toBe(wh);
  });
  it('shows each of a hundred charges all the way, and back from the balance in the ERP that it is part of', async () => {
    const { items } = await traceFrom(store.pool, { run: runId }, { limit: 100 });
    expect(items).toHaveLength(100);
    for (const r of items) {
      expect(r).toMatchObject({ runId, erpState: 'verified', issueJournal: `issue/${r.documentId}` });
      expect(r.erpId).toMatch(/^FILE-/);
    }
    const [one] = items as [TraceRow];
    const behind: TraceRow[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await traceFrom(store.pool, { run: runId, glAccount: one.glAccount, costCenter: one.costCenter }, { limit: 200, cursor });
      behind.push(...page.items);
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    expect(behind.map((r) => r.chargeId)).toContain(one.chargeId);
    const erp = filesErp(folder);
    const held = [...(await erp.controlTotals(runId)).sums].filter(([key]) => {
      const [kind, glAccount, costCenter] = key.split('|');
      return (kind === 'invoice' || kind === 'creditNote') && glAccount === one.glAccount && costCenter === one.costCenter;
    });
    const cents = (r: TraceRow) => BigInt(r.net.replace('.', ''));
    expect(behind.reduce((sum, r) => sum + cents(r), 0n)).toBe(-held.reduce((sum, [, minor]) => sum + minor, 0n));
  });
  it('leads from a journal of card receipts to the sessions of its site and day, and from each of them to it', async () => {
    const [journal] = await rows(
      "SELECT key, external_id, control_minor FROM erp_posting WHERE run_id = $1 AND key LIKE 'rcp\\_%' ORDER BY jsonb_array_length(convert_from(payload, 'UTF8')::jsonb -> 'receipts' -> 'documentIds') DESC, key LIMIT 1",
      [runId],
    );
    const { items } = await traceFrom(store.pool, { erp: journal.external_id }, { limit: 200 });
    const [places] = await rows(
      'SELECT count(DISTINCT (site_id, charged_on))::integer AS n, count(DISTINCT document_id)::integer AS documents, min(site_id) AS site FROM erp_receipt_line WHERE posting_key = $1',
      [journal.key],
    );
    expect(places.n).toBe(1);
    expect(places.documents).toBeGreaterThan(1);
    expect(new Set(items.map((r) => r.documentId)).size).toBe(places.documents);
    expect(items.every((r) => r.erpId === journal.external_id && r.erpState === 'verified')).toBe(true);
    // What its cards were charged is the gross of exactly these charges.
    const [{ gross }] = await rows('SELECT sum(gross_minor)::bigint AS gross FROM rated_charge WHERE charge_id = ANY($1)', [items.map((r) => r.chargeId)]);
    expect(gross).toBe(journal.control_minor);
    const [one] = items as [TraceRow];
    const tree = await traceTree(store.pool, { document: one.documentId ?? '' });
    expect(tree).toMatchObject({ equal: true });
    expect(tree?.documents[0]?.erp?.externalId).toContain(journal.external_id);
  });
  it('is a tree from any end, whose sums are equal at each step', async () => {
    const { items } = await traceFrom(store.pool, { run: runId }, { limit: 100 });
    const one = items.find((r) => r.recordId !== null) as TraceRow;
    for (const start of [{ record: one.recordId ?? '' }, { document: one.legalNumber ?? '' }, { erp: one.erpId ?? '' }]) {
      const tree = await traceTree(store.pool, start);
      expect(tree).toMatchObject({ equal: true });
      const document = tree?.documents.find((d) => d.documentId === one.documentId);
      expect(document?.journal).toEqual({ key: one.issueJournal, net: document?.net, equal: true });
      expect(document?.erp).toMatchObject({ externalId: one.erpId, state: 'verified', equal: true });
      const line = document?.lines.find((l) => l.lineNo === one.lineNo);
      expect(line).toMatchObject({ equal: true, glAccount: one.glAccount, costCenter: one.costCenter });
      expect(line?.charges.map((c) => c.chargeId)).toContain(one.chargeId);
    }
  });
});
