import { afterAll, beforeAll, expect, it } from 'vitest';
import { type OwnerDocument, stampOwnerDocuments } from '../../src/store/cycle/owner-documents.ts';
import type { Store } from '../../src/store/db.ts';
import { closeSet } from '../support/bill.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;
const document = (id: string, accountId: string, type: OwnerDocument['type']): OwnerDocument => ({ id, accountId, type, termsDays: 30 });
const stamp = (documents: readonly OwnerDocument[], issueOn: string) => store.tx((db) => stampOwnerDocuments(db, 'ent_se', documents, issueOn));
const numbers = async () => (await store.pool.query('SELECT document_id, legal_number, due_on FROM issue_stamp ORDER BY series_id, number')).rows.map((r) => `${r.document_id} ${r.legal_number}`);

beforeAll(async () => {
  ({ store, drop } = await seeded());
  const runId = await closeSet(store, '2019-12');
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
    await store.pool.query(
      `INSERT INTO document (id, run_id, group_name, account_id, entity_id, type, state, currency, net_minor, vat_minor, rounding_minor, payable_minor, energy_wh, charge_count, content_hash, strategy)
       VALUES ($1, $2, 'all', 'acc_brf_north', 'ent_se', 'selfBilling', 'draft', 'SEK', 0, 0, 0, 0, 0, 0, '\\x00', 'selfBilling')`,
      [id, runId],
    );
  }
});
afterAll(() => drop());

it('documents for site owners are numbered without gaps per owner and year, credit notes among them, settlements apart', async () => {
  await stamp(
    [
      document('a', 'acc_brf_north', 'selfBilling'),
      document('b', 'acc_brf_south', 'selfBilling'),
      document('c', 'acc_brf_north', 'selfBillingCredit'),
      document('d', 'acc_brf_north', 'settlementStatement'),
    ],
    '2020-01-06',
  );
  await stamp([document('e', 'acc_brf_north', 'selfBilling')], '2020-02-06');
  await stamp([document('f', 'acc_brf_north', 'selfBilling')], '2021-01-06');
  expect(await numbers()).toEqual([
    'a SB-brf_north-2020-000001',
    'c SB-brf_north-2020-000002',
    'e SB-brf_north-2020-000003',
    'f SB-brf_north-2021-000001',
    'b SB-brf_south-2020-000001',
    'd ST-brf_north-2020-000001',
  ]);
});

it('a batch that fails takes no number', async () => {
  await expect(stamp([document('g', 'acc_brf_south', 'selfBilling'), document('none', 'acc_brf_south', 'selfBilling')], '2020-03-06')).rejects.toThrow();
  await stamp([document('g', 'acc_brf_south', 'selfBilling')], '2020-03-06');
  expect((await numbers()).filter((n) => n.startsWith('g'))).toEqual(['g SB-brf_south-2020-000002']);
});
