import { readFileSync } from 'node:fs';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import { importFile } from '../../src/store/commands/import-file.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import type { Store } from '../../src/store/db.ts';
import { closeSet, issueRun } from './bill.ts';
import { processAll } from './intake.ts';

/** Bills December 2019 of the real sessions in a store with the set-up of every category; issued on 7 January. Answers the ids of what it issued. */
export async function issueEveryCategory(store: Store): Promise<string[]> {
  const bytes = readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url));
  await store.tx((db) => importFile(db, { sourceId: 'csms', fileName: 'sessions.csv', bytes, by: { actor: 'test' }, receivedAt: new Date() }, parserFor));
  await processAll(store);
  const runId = await closeSet(store, '2019-12');
  await store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(store, runId, '2020-01-07');
  const { rows } = await store.pool.query<{ id: string }>("SELECT id FROM document WHERE run_id = $1 AND state = 'issued' ORDER BY type, account_id", [runId]);
  return rows.map((r) => r.id);
}
