import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { sealedTables } from '../support/sealed-tables.ts';

/** Guarded by a trigger that looks at the row's state; sealed.test.ts tries each. */
const guarded = [
  'document',
  'document_line',
  'claim',
  'period_charge',
  'erp_posting',
  'standing_exclusion',
  'exclusion_hit',
  'left_out_fee',
  'exclusion_rule',
  'adjustment',
  'credit_order',
  'payment',
  'payment_document',
  'card_payment',
];
const mutable = [
  ...[
    'legal_entity',
    'vat_registration',
    'billing_calendar',
    'source',
    'source_connection',
    'statement_layout',
    'sweep',
    'webhook_secret',
    'tariff_proposal',
    'party',
    'account',
    'site',
    'site_holder',
    'mapping',
    'token',
    'token_secret',
    'session_span',
    'span_page',
    'contract',
    'price_assignment',
    'gl_mapping',
    'vat_rule',
    'vat_status',
    'fleet_unit',
    'fleet_assignment',
    'set_up_words',
    'set_up_proposal',
    'set_up_load',
    'payee_bank_account',
    'api_key',
  ],
  ...[
    'raw_pending',
    'record_head',
    'block_pending',
    'charge_identity',
    'expectation',
    'erp_control_total',
    'erp_drift',
    'erp_period_difference',
    'erp_master_data',
    'billing_run',
    'release_group',
    'run_account',
    'number_series',
  ],
  ...[
    'accounting_period',
    'database_environment',
    'erp_connection',
    'payout',
    'idempotency_key',
    'retention_policy',
    'retention_progress',
    'preview_build',
    'preview_group',
    'canary_document',
    'standing_approval',
    'preview_account',
    'preview_cell',
    'run_finding',
    'document_credit',
    'rebill_order',
    'open_charge',
    'claim_sum',
    'sum_ahead',
    'held_document',
    ...['ocpi_peer', 'ocpi_token', 'ocpi_partner', 'ocpi_location', 'ocpi_sale_pending', 'ocpi_delivery', 'ocpi_session', 'ocpi_tariff_push'],
    'print_batch',
    'document_delivery',
    'payer_card',
    'dry_claim',
    'dry_charge',
    '_prisma_migrations',
  ],
];
type Table = { name: string; root: string; kind: 'r' | 'p'; owner: string; privileges: string[]; columnUpdate: boolean; triggers: string[] };

let database: TestDatabase;
let owner: pg.Client;
let tables: Table[];

beforeAll(async () => {
  database = await freshDatabase();
  owner = new pg.Client({ connectionString: database.adminUrl });
  await owner.connect();
  // tgtype 27 is BEFORE UPDATE OR DELETE FOR EACH ROW, 34 is BEFORE TRUNCATE FOR EACH STATEMENT.
  const { rows } = await owner.query<Table>(
    `SELECT c.relname AS name, coalesce(pg_partition_root(c.oid)::regclass::text, c.relname) AS root, c.relkind AS kind, pg_get_userbyid(c.relowner) AS owner,
       ARRAY(SELECT p FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES']) p WHERE has_table_privilege('wattledger_app', c.oid, p)) AS privileges,
       has_any_column_privilege('wattledger_app', c.oid, 'UPDATE') AS "columnUpdate",
       ARRAY(SELECT CASE t.tgtype WHEN 27 THEN 'row' WHEN 34 THEN 'truncate' ELSE t.tgtype::text END FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
             WHERE t.tgrelid = c.oid AND f.proname = 'refuse_change' AND t.tgenabled = 'O' AND t.tgqual IS NULL ORDER BY 1) AS triggers
     FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1`,
  );
  tables = rows;
});
afterAll(async () => {
  await owner.end();
  await database.drop();
});

describe('the catalog', () => {
  it('holds no table that is not known here as sealed, guarded or mutable', () => {
    const roots = [...new Set(tables.map((t) => t.root))].sort();
    expect(roots).toEqual([...sealedTables, ...guarded, ...mutable].sort());
  });

  it('has every table and partition owned by the owner, and none that the application may truncate, reference or put a trigger on', () => {
    for (const table of tables) {
      expect(table.owner, table.name).toBe('wattledger_owner');
      for (const privilege of ['TRUNCATE', 'TRIGGER', 'REFERENCES']) expect(table.privileges, table.name).not.toContain(privilege);
    }
  });

  it.each(sealedTables)('%s and each of its partitions refuse UPDATE and DELETE per row and TRUNCATE per statement, and grant none of them', (sealed) => {
    const own = tables.filter((t) => t.root === sealed);
    expect(own.some((t) => t.kind === 'r')).toBe(true);
    for (const table of own) {
      // A row trigger of a parent never fires by itself: rows live in partitions. Its TRUNCATE does.
      expect(table.triggers, table.name).toEqual(table.kind === 'p' ? ['truncate'] : ['row', 'truncate']);
      expect(table.privileges, table.name).toEqual([]);
      expect(table.columnUpdate, table.name).toBe(false);
    }
  });

  it('tells one record from another by its id and revision, and looks up by them where and when its session was', async () => {
    const { rows } = await owner.query("SELECT pg_get_constraintdef(oid) AS key FROM pg_constraint WHERE conrelid = 'charge_record'::regclass AND contype = 'p'");
    expect(rows).toEqual([{ key: 'PRIMARY KEY (record_id, revision) INCLUDE (site_id, start_at, end_at, energy_wh)' }]);
  });

  it('gives the application no function that makes or seals tables, and no right to create any', async () => {
    const { rows } = await owner.query(
      `SELECT has_function_privilege('wattledger_app', 'ensure_partitions(integer)', 'EXECUTE') AS partitions, has_function_privilege('wattledger_app', 'seal_table(regclass)', 'EXECUTE') AS seal,
         has_schema_privilege('wattledger_app', 'public', 'CREATE') AS create, pg_has_role('wattledger_app', 'wattledger_owner', 'MEMBER') AS member`,
    );
    expect(rows).toEqual([{ partitions: false, seal: false, create: false, member: false }]);
  });
});
