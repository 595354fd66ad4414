import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { closeRecordSet } from '../../src/store/cycle/record-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
let ids: string[];
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
/** A line like the first of a document, on another one, that credits a third. */
const addLine = (like: string, documentId: string, credits: string | null) =>
  store.pool.query(
    `INSERT INTO document_line (document_id, line_no, kind, description, quantity, quantity_unit, net_minor, gross_minor, vat_code, gl_account, cost_center, service_month, energy_wh, charge_count, mapping_version, credits_document_id, credits_line_no)
     SELECT $2, 99, kind, description, quantity, quantity_unit, net_minor, gross_minor, vat_code, gl_account, cost_center, service_month, energy_wh, charge_count, mapping_version, $3, CASE WHEN $3::text IS NOT NULL THEN 1 END
     FROM document_line WHERE document_id = $1 AND line_no = 1`,
    [like, documentId, credits],
  );
const linesOf = async (id: string) => (await rows('SELECT line_no FROM document_line WHERE document_id = $1 ORDER BY 1', [id])).map((r) => r.line_no);

beforeAll(async () => {
  ({ store, drop } = await seeded());
  await storeLines(
    store,
    ['AdO3-2', 'Bl2-1', 'NR1-3'].map((user, i) => session(i, { user, kWh: '9,13' })),
  );
  await processAll(store);
  const { runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-12', by: { actor: 'preparer' } }));
  await store.tx((db) => advanceRun(db, runId, 'collecting'));
  await store.tx((db) => closeRecordSet(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await store.tx((db) => buildDocuments(db, runId));
  ids = (await rows('SELECT DISTINCT d.id FROM document d JOIN document_line l ON l.document_id = d.id WHERE d.run_id = $1 ORDER BY 1', [runId])).map((r) => r.id);
});
afterAll(() => drop());

describe('a line', () => {
  it('stands on a document that is there, and credits one that is', async () => {
    const [first = ''] = ids;
    await expect(addLine(first, 'doc_none', null)).rejects.toThrow('there is no document doc_none for a line');
    await expect(addLine(first, first, 'doc_none')).rejects.toThrow('there is no document doc_none for a line');
    expect(await rows("SELECT FROM document_line WHERE line_no = 99 OR document_id = 'doc_none'")).toEqual([]);
  });

  it('holds the document that it credits, and goes with its own', async () => {
    const [credited = '', crediting = ''] = ids;
    expect(credited).not.toBe(crediting);
    await addLine(credited, crediting, credited);
    await expect(store.pool.query('DELETE FROM document WHERE id = $1', [credited])).rejects.toThrow(`document ${credited} is credited by a line`);
    expect(await linesOf(credited)).toContain(1);
    expect(await linesOf(crediting)).toContain(99);
    await store.pool.query('DELETE FROM document WHERE id = $1', [crediting]);
    expect(await linesOf(crediting)).toEqual([]);
    await store.pool.query('DELETE FROM document WHERE id = $1', [credited]);
    expect(await linesOf(credited)).toEqual([]);
  });
});
