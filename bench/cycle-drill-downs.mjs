// What finance looks at in a run, by HTTP: the 95th percentile of each look, each time at another record, document or account.
import { startApiServer } from '../dist/stack/api-server.js';
import { putApiKeys } from '../dist/store/commands/api-keys.js';
import { cursorAt } from '../dist/store/reads/page.js';

const goalMs = 50;

/** Prints a line for each look; answers those that are over their goal. */
export async function drillDowns({ store, databaseUrl, runId, looks }) {
  await store.tx((db) => putApiKeys(db, [{ id: 'bench', actor: 'bench', token: 'bench', roles: ['admin'], sourceId: null, sample: true }]));
  const api = await startApiServer({ store, databaseUrl, temporalAddress: '127.0.0.1:1', temporalNamespace: 'default', port: 0, host: '127.0.0.1', logLevel: 'silent' });
  const pick = async (sql) => (await store.pool.query(sql, [runId, looks])).rows.map((r) => r.id);
  const documents = await pick('SELECT id FROM document WHERE run_id = $1 ORDER BY md5(id) LIMIT $2');
  const largest = await pick('SELECT id FROM document WHERE run_id = $1 ORDER BY charge_count DESC LIMIT least($2, 5)');
  const accounts = await pick('SELECT account_id AS id FROM document WHERE run_id = $1 ORDER BY md5(account_id) LIMIT $2');
  const records = await pick('SELECT DISTINCT c.record_id AS id FROM (SELECT charge_id FROM claim WHERE run_id = $1 ORDER BY md5(charge_id::text) LIMIT $2) k JOIN rated_charge c ON c.charge_id = k.charge_id');
  const places = await pick("SELECT account_id || '|' || id AS id FROM document WHERE run_id = $1 ORDER BY md5(id) LIMIT $2");
  const runs = Array.from({ length: looks }, () => '');
  const kinds = [
    ['a run', runs, () => `/v1/runs/${runId}`],
    ['runs', runs, () => '/v1/runs'],
    ['documents of a run, a page from anywhere', places, (place) => `/v1/runs/${runId}/documents?limit=50&cursor=${cursorAt(['documents', runId, undefined, undefined], place)}`],
    ['a document with its lines', documents, (id) => `/v1/documents/${id}`],
    ['the largest documents', largest, (id) => `/v1/documents/${id}`],
    ['a record', records, (id) => `/v1/records/${id}`],
    ['its timeline', records, (id) => `/v1/records/${id}/timeline`],
    ['its charges', records, (id) => `/v1/records/${id}/charges`],
    ['records, a page from anywhere', records, (id) => `/v1/records?limit=50&cursor=${cursorAt(['records', undefined, undefined, undefined, undefined, undefined], String(id))}`],
    ['trace of a record', records, (id) => `/v1/trace?record=${id}`],
    ['trace of a document', documents, (id) => `/v1/trace?document=${id}`],
    ['trace of an account', accounts, (id) => `/v1/trace?account=${id}`],
    ['findings of a run', runs, () => `/v1/runs/${runId}/findings`],
    ['what shapes a run', runs, () => `/v1/runs/${runId}/shapes`],
    ['quarantine', runs, () => '/v1/quarantine'],
    ['a page of ledger entries', runs, () => '/v1/ledger/entries?entityId=ent_se&limit=50'],
  ];
  try {
    const slow = [];
    for (const [title, subjects, pathOf] of kinds) {
      const times = [];
      // Warm, as servers are.
      for (const subject of [subjects[0], ...subjects]) {
        const started = performance.now();
        const response = await fetch(`${api.url}${pathOf(subject)}`, { headers: { authorization: 'Bearer bench' } });
        await response.text();
        if (response.status !== 200) throw new Error(`${pathOf(subject)} answered ${response.status}`);
        times.push(performance.now() - started);
      }
      times.shift();
      times.sort((a, b) => a - b);
      const p95 = times[Math.min(times.length - 1, Math.floor(times.length * 0.95))];
      console.log(`  ${title}: p50 ${times[Math.floor(times.length / 2)].toFixed(0)} ms, p95 ${p95.toFixed(0)} ms${p95 > goalMs ? ` (goal: ${goalMs} ms)` : ''}`);
      if (p95 > goalMs) slow.push(title);
    }
    return slow;
  } finally {
    await api.close();
  }
}
