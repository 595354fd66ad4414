import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/db.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { sealedTables } from '../support/sealed-tables.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
let owner: pg.Client;
let superuser: pg.Client;

beforeAll(async () => {
  const { database, ...made } = await seeded();
  ({ store, drop } = made);
  owner = new pg.Client({ connectionString: database.adminUrl });
  superuser = new pg.Client({ connectionString: database.superuserUrl });
  await Promise.all([owner.connect(), superuser.connect()]);
  await storeLines(store, [session(1)]);
  await processAll(store);
  // A row for each sealed table that one session's intake leaves empty; row triggers fire only on rows.
  for (const sql of [
    "INSERT INTO import_batch (id, source_id, file_name, file_hash, line_count, author) VALUES ('b', 'csms', 'f', '\\x00', 1, 'tester')",
    "INSERT INTO record_block (height, record_count, merkle_root, previous_hash, header_hash) VALUES (1, 1, '\\x00', '\\x00', '\\x00')",
    'INSERT INTO record_block_member (record_id, revision, height, position) VALUES (1, 1, 1, 0)',
    "INSERT INTO finding (code, severity, subject, params) VALUES ('X', 'info', 'test', '{}')",
    "INSERT INTO rule_profile_version (source_id, version, body, reason, author) VALUES ('csms', 1, '{}', 'test', 'tester')",
    "INSERT INTO preview_rules_version (entity_id, version, body, reason, author) SELECT id, 1, '{}', 'test', 'tester' FROM legal_entity LIMIT 1",
    "INSERT INTO document_rules_version (entity_id, version, body, reason, author) SELECT id, 1, '{}', 'test', 'tester' FROM legal_entity LIMIT 1",
    "INSERT INTO release_rules_version (entity_id, version, body, reason, author) SELECT id, 1, '{}', 'test', 'tester' FROM legal_entity LIMIT 1",
    "INSERT INTO vat_table (entity_id, version, valid_from, rows, reason, author) SELECT id, 99, '2018-01-01', '[]', 'test', 'tester' FROM legal_entity LIMIT 1",
    "INSERT INTO fx_rate (source, rate_on, currency, into_currency, rate, author) VALUES ('ECB', '2019-12-02', 'EUR', 'SEK', 10.5, 'tester')",
    "INSERT INTO set_up_version (kind, id, version, body, changed, author, reason) VALUES ('site', 'site_x', 1, '{}', '{}', 'tester', 'test')",
    "INSERT INTO price_series (id, zone, currency, unit, author) VALUES ('se3', 'SE3', 'SEK', 'MWh', 'tester')",
    "INSERT INTO price_load (series_id, format, body, author) VALUES ('se3', 'csv', 'start,price', 'tester')",
    "INSERT INTO price_point (series_id, start_at, version, seconds, price, load_id) SELECT 'se3', '2019-12-02T10:00Z', 1, 3600, 400, id FROM price_load",
    "INSERT INTO decision (subject_kind, subject_id, action, reason, actor) VALUES ('record', '1', 'accept', 'looked at it', 'tester')",
    `INSERT INTO billing_run (id, entity_id, calendar_id, label, first_month, period, full_month, kind, state, workflow_id, period_start, period_end, cut_off_at, author)
     SELECT 'run', e.id, c.id, '2019-12', '2019-12', '2019-12', '2019-12', 'live', 'planned', 'run', now(), now(), now(), 'tester' FROM legal_entity e JOIN billing_calendar c ON c.entity_id = e.id LIMIT 1`,
    "INSERT INTO approval (id, run_id, group_name, content_hash, decision, actor, comment) VALUES ('a', 'run', 'all', '\\x00', 'approve', 'tester', '')",
    "INSERT INTO number_series (id, entity_id, document_type, year, prefix) SELECT 'series', id, 'test', 2019, 'T' FROM legal_entity LIMIT 1",
    "INSERT INTO audit_event (actor, action, subject) VALUES ('tester', 'test', 'test')",
    "INSERT INTO source_watermark (source_id, complete_until, origin, author) VALUES ('csms', now(), 'ops', 'tester')",
    "INSERT INTO control_total (source_id, on_date, origin, stated_count, stated_wh, author) VALUES ('csms', '2019-12-01', 'partner', 1, 1, 'tester')",
    "INSERT INTO control_total_acceptance (source_id, on_date, origin, version, received_count, received_wh, reason, author) VALUES ('csms', '2019-12-01', 'partner', 1, 0, 0, 'test', 'tester')",
    "INSERT INTO run_closing (run_id, source_id, service_month, unit, figures) VALUES ('run', 'csms', '2019-12', 'Wh', '{}')",
    "INSERT INTO retention_run (run_id, class, dry_run, keep, due, removed, actor, started_at) VALUES ('r', 'rawBody', true, 26, 0, 0, 'tester', now())",
    "INSERT INTO ocpi_peer (id, entity_id, name, kind, our_country, our_party, country_code, party_id, correction_channel) SELECT 'p', id, 'Peer', 'peer', 'SE', 'WLT', 'NO', 'NRD', 'inBand' FROM legal_entity LIMIT 1",
    "INSERT INTO ocpi_sale (peer_id, account_id, record_id, revision, kind, cdr_id, body, made_at) SELECT 'p', id, 1, 1, 'cdr', 'c', '{}', now() FROM account LIMIT 1",
    "INSERT INTO ocpi_tariff (peer_id, country_code, party_id, tariff_id, version, body, last_updated) VALUES ('p', 'NO', 'NRD', 't', 1, '{}', now())",
  ])
    await store.pool.query(sql);
  for (const state of ['draft', 'frozen', 'issued']) await insertDocument(state);
  await store.pool.query("INSERT INTO rebill_order (id, document_id, kind, record_ids, outcome, reason, author) VALUES ('o', 'issued', 'credit', '{1}', 'bill', 'test', 'tester')");
  await store.pool.query("INSERT INTO rebilled_record (record_id, revision, order_id) VALUES (1, 2, 'o')");
  await store.pool.query(
    "INSERT INTO adjustment (id, run_id, account_id, amount_minor, currency, vat_code, gl_account, cost_center, description, reason, author) SELECT 'left', 'run', id, 1, 'SEK', 'SE25', '3001', 'c', 'test', 'test', 'tester' FROM account LIMIT 1",
  );
  await store.pool.query(
    "INSERT INTO credit_order (id, document_id, line_no, account_id, amount_minor, net_minor, currency, vat_code, gl_account, cost_center, description, reason, author, run_id) SELECT 'left', 'issued', 1, id, -1, -1, 'SEK', 'SE25', '3001', 'c', 'test', 'test', 'tester', 'run' FROM account LIMIT 1",
  );
  await store.pool.query("UPDATE billing_run SET state = 'cancelled' WHERE id = 'run'");
  await store.pool.query("INSERT INTO adjustment_wait (adjustment_id, run_id, why) VALUES ('left', 'run', 'its run was cancelled')");
  await store.pool.query("INSERT INTO credit_order_wait (credit_id, run_id, why) VALUES ('left', 'run', 'its run was cancelled')");
  await store.pool.query("INSERT INTO issue_stamp (document_id, series_id, number, legal_number, issued_on, due_on) VALUES ('issued', 'series', 1, 'T1', '2020-01-01', '2020-01-31')");
  await fillFinance();
});
afterAll(async () => {
  await Promise.all([owner.end(), superuser.end()]);
  await drop();
});

/** Rows of what finance keeps of issued documents, files, months and ERPs. */
async function fillFinance(): Promise<void> {
  for (const sql of [
    "INSERT INTO partner_rules_version (account_id, version, body, reason, author) SELECT id, 1, '{}', 'test', 'tester' FROM account LIMIT 1",
    "INSERT INTO archived_file (subject_kind, subject_id, form, file_name, content_type, sha256, body) VALUES ('document', 'issued', 'pdf', 'T1.pdf', 'application/pdf', '\\x00', '\\x00')",
    "INSERT INTO payee_bank_account (account_id, version, scheme, number, last_four, author, second_person) SELECT id, 99, 'bankgiro', '50501055', '1055', 'tester', 'another' FROM account LIMIT 1",
    "INSERT INTO payment (id, entity_id, currency, format, execute_on, due_until, content_hash, amount_minor, reason, author) SELECT 'pay', id, 'SEK', 'pain.001.001.09', '2020-01-31', '2020-01-31', '\\x00', 1, 'test', 'tester' FROM legal_entity LIMIT 1",
    "INSERT INTO payment_item (payment_id, no, account_id, amount_minor, end_to_end_id, bank_account_version, remittance) SELECT 'pay', 1, account_id, 1, 'e2e', version, 'T1' FROM payee_bank_account WHERE version = 99",
    "UPDATE payment SET state = 'approved', decided_by = 'another' WHERE id = 'pay'",
    "INSERT INTO payment_return (payment_id, no, return_id, amount_minor, returned_on, reason, author) VALUES ('pay', 1, 'ret', 1, '2020-02-03', 'AC04', 'tester')",
    'INSERT INTO erp_comparison (connection_id, compared, drifts) SELECT id, 0, 0 FROM erp_connection LIMIT 1',
    "INSERT INTO erp_mapping (connection_id, version, body, author, reason) SELECT id, 1, '{}', 'tester', 'test' FROM erp_connection LIMIT 1",
    "INSERT INTO erp_receipt_line (document_id, site_id, charged_on, line_no, posting_key, part, gl_account, amount_minor) VALUES ('issued', '', '2019-12-05', 1, 'rcp', 'party', '1510', 125)",
    "INSERT INTO document_payment (document_id, connection_id, state, open_minor) SELECT 'issued', id, 'unpaid', 125 FROM erp_connection LIMIT 1",
    "INSERT INTO accounting_period_event (entity_id, month, action, actor, reason) SELECT id, '2018-01', 'softClose', 'tester', 'test' FROM legal_entity LIMIT 1",
    "INSERT INTO accrual (id, entity_id, month, n, author) SELECT 'acc', id, '2019-12', 1, 'tester' FROM legal_entity LIMIT 1",
    "INSERT INTO accrual_line (accrual_id, line_no, kind, currency, gl_account, amount_minor) VALUES ('acc', 1, 'sale', 'SEK', '1790', 100)",
    "INSERT INTO accrual_expectation (accrual_id, source_id, key, cost_center, currency, amount_minor) VALUES ('acc', 'csms', 'k', 'c', 'SEK', 100)",
    "INSERT INTO payment_fact (document_id, reference, paid_on, amount_minor, origin, author) VALUES ('issued', 'r', '2020-01-15', 125, 'person', 'tester')",
    `INSERT INTO partner_invoice (id, entity_id, account_id, number, issued_on, posted_on, currency, net_minor, vat_code, vat_minor, self_assessed_minor, accrued_minor, accepted_minor, disputed_minor, author)
     SELECT 'pi', entity_id, id, '1', '2020-01-05', '2020-01-05', 'SEK', 0, 'SE25', 0, 0, 0, 0, 0, 'tester' FROM account LIMIT 1`,
    "INSERT INTO partner_invoice_line (invoice_id, line_no, cdr_id, net_minor, accrued_minor, outcome) VALUES ('pi', 1, 'c', 0, 0, 'unknown')",
    "INSERT INTO partner_invoice_charge (charge_id, invoice_id) VALUES (1, 'pi')",
  ])
    await store.pool.query(sql);
}

/** A document named after its state, with one line and one claim. */
async function insertDocument(state: string): Promise<void> {
  await store.tx(async (db) => {
    await db.query(
      `INSERT INTO document (id, run_id, group_name, account_id, entity_id, type, state, currency, net_minor, vat_minor, rounding_minor, payable_minor, energy_wh, charge_count, content_hash, strategy)
       SELECT $1, 'run', 'all', id, entity_id, 'invoice', 'draft', currency, 100, 25, 0, 125, 1000, 1, '\\x00', strategy FROM account LIMIT 1`,
      [state],
    );
    await db.query(
      `INSERT INTO document_line (document_id, line_no, kind, description, quantity, quantity_unit, net_minor, gross_minor, vat_code, gl_account, cost_center, service_month, energy_wh, charge_count, mapping_version)
       VALUES ($1, 1, 'energy', 'test', 1000, 'Wh', 100, 125, 'SE25', '3001', 'c', '2019-12', 1000, 1, 1)`,
      [state],
    );
    await db.query(
      "INSERT INTO claim (charge_id, run_id, account_id, document_id, line_no, disposition) SELECT nextval('charge_id_seq'), 'run', account_id, id, 1, 'document' FROM document WHERE id = $1",
      [state],
    );
    await db.query('UPDATE document SET state = $1 WHERE id = $1', [state]);
  });
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'accepted',
    (error: { code?: string }) => error.code,
  );
const changes = async (table: string): Promise<string[]> => {
  const { rows } = await owner.query("SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 AND is_identity = 'NO' LIMIT 1", [table]);
  const column = rows[0].column_name;
  return [`UPDATE ${table} SET ${column} = ${column}`, `DELETE FROM ${table}`, `TRUNCATE ${table} CASCADE`];
};

describe('a sealed table', () => {
  it.each(sealedTables)('%s refuses UPDATE, DELETE and TRUNCATE from the application, the owner and even a superuser', async (table) => {
    expect((await owner.query(`SELECT 1 FROM ${table} LIMIT 1`)).rowCount, 'a row to try on').toBe(1);
    for (const sql of await changes(table)) {
      expect(await codeOf(store.pool.query(sql)), sql).toBe('42501');
      expect(await codeOf(owner.query(sql)), sql).toBe('WL001');
      expect(await codeOf(superuser.query(sql)), sql).toBe('WL001');
    }
  });

  it.each(['raw_body', 'charge_record', 'rated_charge', 'ledger_entry'])('%s refuses the same on the partition itself, past its parent', async (table) => {
    const { rows } = await owner.query(`SELECT tableoid::regclass::text AS partition FROM ${table} LIMIT 1`);
    expect(rows[0].partition).not.toBe(table);
    for (const sql of await changes(rows[0].partition)) {
      expect(await codeOf(store.pool.query(sql)), sql).toBe('42501');
      expect(await codeOf(owner.query(sql)), sql).toBe('WL001');
    }
  });
});

describe('the ledger', () => {
  const open = (db: pg.PoolClient, key: string) =>
    db.query("INSERT INTO ledger_transaction (key, entity_id, kind, effective_on, period, source_ref) SELECT $1, id, 'test', '2019-12-01', '2019-12', 'test' FROM legal_entity LIMIT 1", [key]);
  /** Of one statement: amount, unit, and the amount in the books, where none is given the amount itself, or 0 for energy. */
  type Entered = readonly [number, string, number?];
  const enter = (db: Pick<pg.ClientBase, 'query'> | pg.Pool, key: string, entries: readonly Entered[], table = 'ledger_entry') =>
    (db as pg.ClientBase).query(
      `INSERT INTO ${table} (transaction_key, ledger_account, unit, amount, book_minor) SELECT $1, 'rounding', u, a, b FROM unnest($2::bigint[], $3::text[], $4::bigint[]) AS t(a, u, b)`,
      [key, entries.map(([amount]) => amount), entries.map(([, unit]) => unit), entries.map(([amount, unit, book]) => book ?? (unit === 'Wh' ? 0 : amount))],
    );
  const post = (key: string, ...statements: (readonly Entered[])[]) =>
    store.tx(async (db) => {
      await open(db, key);
      for (const entries of statements) await enter(db, key, entries);
    });

  it.each([
    ['money', 'SEK'],
    ['energy', 'Wh'],
  ])('refuses entries whose %s does not sum to zero, and keeps nothing of their transaction', async (what, unit) => {
    expect(
      await codeOf(
        post(`off-${what}`, [
          [5, unit],
          [-4, unit],
        ]),
      ),
    ).toBe('WL002');
    expect((await store.pool.query('SELECT 1 FROM ledger_transaction WHERE key = $1', [`off-${what}`])).rowCount).toBe(0);
  });

  it('refuses entries that are even in their currency and not in the books, and energy that is money there', async () => {
    // 5.00 EUR at 11.00 against 5.00 EUR at 11.20: the difference of 1.00 SEK has to be booked too.
    expect(
      await codeOf(
        post('off-books', [
          [500, 'EUR', 5500],
          [-500, 'EUR', -5600],
        ]),
      ),
    ).toBe('WL002');
    expect(
      await codeOf(
        post('with-difference', [
          [500, 'EUR', 5500],
          [-500, 'EUR', -5600],
          [0, 'EUR', 100],
        ]),
      ),
    ).toBe('accepted');
    expect(
      await codeOf(
        post('energy-as-money', [
          [500, 'Wh', 5],
          [-500, 'Wh', -5],
        ]),
      ),
    ).toBe('23514');
  });

  it('does not let one unit pay for another, nor one statement for the next', async () => {
    expect(
      await codeOf(
        post('mixed', [
          [5, 'SEK'],
          [-5, 'EUR'],
        ]),
      ),
    ).toBe('WL002');
    expect(await codeOf(post('halves', [[5, 'SEK']], [[-5, 'SEK']]))).toBe('WL002');
  });

  it('cannot be talked out of its balance by making constraints immediate', async () => {
    const early = store.tx(async (db) => {
      await db.query('SET CONSTRAINTS ALL IMMEDIATE');
      await open(db, 'early');
      await enter(db, 'early', [[5, 'SEK']]);
    });
    expect(await codeOf(early)).toBe('WL002');
  });

  it('accepts a balanced transaction, and no entry that would join it later, not even a balanced pair', async () => {
    expect(
      await codeOf(
        post('even', [
          [5, 'SEK'],
          [-5, 'SEK'],
        ]),
      ),
    ).toBe('accepted');
    expect(
      await codeOf(
        enter(store.pool, 'even', [
          [1, 'SEK'],
          [-1, 'SEK'],
        ]),
      ),
    ).toBe('WL002');
  });

  it('is closed to the application past the parent: a partition takes no insert of its own', async () => {
    expect(
      await codeOf(
        enter(
          store.pool,
          'even',
          [
            [1, 'SEK'],
            [-1, 'SEK'],
          ],
          'ledger_entry_p0000',
        ),
      ),
    ).toBe('42501');
  });
});

describe('a document', () => {
  const both = (sql: string) => Promise.all([codeOf(store.pool.query(sql)), codeOf(owner.query(sql))]);

  it('changes no more once it is issued, nor do its lines and claims', async () => {
    for (const sql of ["UPDATE document SET state = 'draft' WHERE id = 'issued'", "UPDATE document SET payable_minor = 0 WHERE id = 'issued'", "DELETE FROM document WHERE id = 'issued'"])
      expect(await both(sql), sql).toEqual(['WL001', 'WL001']);
    for (const sql of ["DELETE FROM document_line WHERE document_id = 'issued'", "DELETE FROM claim WHERE document_id = 'issued'", "UPDATE claim SET document_id = NULL WHERE document_id = 'issued'"])
      expect(await both(sql), sql).toEqual(['WL001', 'WL001']);
    expect(await both("UPDATE document_line SET net_minor = 0 WHERE document_id = 'issued'")).toEqual(['42501', 'WL001']);
    for (const table of ['document', 'document_line', 'claim']) expect(await both(`TRUNCATE ${table} CASCADE`), table).toEqual(['42501', 'WL001']);
  });

  it.each(['issued', 'frozen'])('takes no further line or claim once it is %s, not even one that moves over', async (state) => {
    const line = `INSERT INTO document_line SELECT (jsonb_populate_record(l, '{"line_no": 99}')).* FROM document_line l WHERE document_id = '${state}' LIMIT 1`;
    const claim = `INSERT INTO claim (charge_id, run_id, account_id, document_id, line_no, disposition) SELECT nextval('charge_id_seq'), run_id, account_id, id, 1, 'document' FROM document WHERE id = '${state}'`;
    const move = `UPDATE claim SET document_id = '${state}' WHERE document_id = 'draft'`;
    for (const sql of [line, claim, move]) expect(await both(sql), sql).toEqual(['WL001', 'WL001']);
  });

  it('keeps its content while it is frozen, and can be reopened', async () => {
    for (const change of ['rounding_minor = 1', "currency = 'EUR'"]) expect(await both(`UPDATE document SET ${change} WHERE id = 'frozen'`), change).toEqual(['WL001', 'WL001']);
    expect(await both("UPDATE document SET payable_minor = 0 WHERE id = 'frozen'")).toEqual(['WL001', 'WL001']);
    expect(await both("DELETE FROM document WHERE id = 'frozen'")).toEqual(['WL001', 'WL001']);
    expect(await both("DELETE FROM claim WHERE document_id = 'frozen'")).toEqual(['WL001', 'WL001']);
    expect(await codeOf(store.pool.query("UPDATE document SET state = 'draft' WHERE id = 'frozen'"))).toBe('accepted');
    expect(await codeOf(store.pool.query("UPDATE document SET payable_minor = 0 WHERE id = 'frozen'"))).toBe('accepted');
  });

  it('can be thrown away as a draft, once its claims are given back', async () => {
    expect(await codeOf(store.pool.query("DELETE FROM claim WHERE document_id = 'draft'"))).toBe('accepted');
    expect(await codeOf(store.pool.query("DELETE FROM document WHERE id = 'draft'"))).toBe('accepted');
  });
});

describe('a posting to the ERP', () => {
  it('moves its state, but never its key, payload or amount', async () => {
    await owner.query("INSERT INTO erp_connection (id, entity_id, adapter, valid_from) SELECT 'erp', id, 'files', '2019-01-01' FROM legal_entity LIMIT 1");
    await store.pool.query("INSERT INTO erp_posting (key, connection_id, kind, payload, payload_hash, control_minor, currency) VALUES ('p', 'erp', 'invoice', '\\x00', '\\x00', 125, 'SEK')");
    expect(await codeOf(store.pool.query("UPDATE erp_posting SET state = 'sending' WHERE key = 'p'"))).toBe('accepted');
    for (const change of ["key = 'q'", "payload = '\\x01'", 'control_minor = 0']) expect(await codeOf(owner.query(`UPDATE erp_posting SET ${change} WHERE key = 'p'`)), change).toBe('WL001');
    expect(await codeOf(owner.query("DELETE FROM erp_posting WHERE key = 'p'"))).toBe('WL001');
  });
});
