import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agreementSchema } from '../../src/contracts/agreement.ts';
import { vatTableSchema } from '../../src/contracts/vat-table.ts';
import { describeIssue } from '../../src/core/issues.ts';
import { lintVatTable } from '../../src/core/set-up/lint-vat-table.ts';
import { proposeContract } from '../../src/store/commands/propose-contract.ts';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import type { Store } from '../../src/store/db.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;
const by = { actor: 'clerk' };
const rows = async (sql: string) => (await store.pool.query(sql)).rows;

// A set-up by which sessions of every category are billed (every-category.test.ts): what it says has to pass what the API asks.
beforeAll(async () => {
  ({ store, drop } = await seeded('every-category'));
});
afterAll(() => drop());

describe('a set-up that bills every category', () => {
  it('has accounts, parties, sites, units, mappings and VAT statuses that are unchanged when they are put as they stand', async () => {
    const asTheyStand = {
      parties: await rows('SELECT id, name, country, vat_number AS "vatNumber", org_number AS "orgNumber", email, address FROM party'),
      accounts: await rows(
        'SELECT id, entity_id AS "entityId", party_id AS "partyId", category, strategy, rounding_mode AS "roundingMode", currency, payment_terms_days AS "paymentTermsDays", release_group AS "releaseGroup" FROM account',
      ),
      sites: await rows(
        'SELECT id, entity_id AS "entityId", name, country, time_zone AS "timeZone", owner_account_id AS "ownerAccountId", cost_center AS "costCenter", connector_power_w::int AS "connectorPowerW", kind, operator_account_id AS "operatorAccountId" FROM site',
      ),
      fleetUnits: await rows('SELECT id, account_id AS "accountId", kind, label FROM fleet_unit'),
      fleetAssignments: await rows('SELECT DISTINCT ON (unit_id) unit_id AS "unitId", cost_center AS "costCenter" FROM fleet_assignment ORDER BY unit_id, valid_from DESC'),
      mappings: await rows(
        'SELECT source_id AS "sourceId", kind, external_key AS "externalKey", internal_id AS "internalId", cost_center AS "costCenter", unit_id AS "unitId" FROM mapping WHERE valid_to = \'infinity\'',
      ),
      vatStatuses: await rows('SELECT account_id AS "accountId", valid_from::text AS "validFrom", status, established_in AS "establishedIn", vat_number AS "vatNumber", evidence FROM vat_status'),
    } as const;
    for (const [kind, all] of Object.entries(asTheyStand)) {
      expect(all.length, kind).toBeGreaterThan(0);
      for (const values of all) {
        const row = await store.tx((db) => putSetUp(db, kind as keyof typeof asTheyStand, values, 'as it stands', by));
        expect([row.id, row.outcome, row.errors.filter((e) => e.severity === 'blocks').map(describeIssue)], kind).toEqual([row.id, 'unchanged', []]);
      }
    }
    expect(await rows('SELECT FROM set_up_version')).toEqual([]);
  });

  it('has contracts that the lint lets pass, in every kind, and a VAT table of which each row is reached', async () => {
    const contracts = await rows('SELECT contract_id AS id, clauses FROM contract_version v WHERE version = (SELECT max(version) FROM contract_version w WHERE w.contract_id = v.contract_id)');
    const kinds = new Set<string>();
    for (const { id, clauses } of contracts) {
      const agreement = agreementSchema.parse(clauses);
      const made = await store.tx((db) => proposeContract(db, { contractId: id, agreement, validFrom: new Date('2030-01-01T00:00:00Z'), reason: 'as it stands' }, by));
      expect([id, made.outcome, made.findings.filter((f) => f.severity === 'blocks').map(describeIssue)]).toEqual([id, agreement.kind === 'revenueShare' ? 'proposed' : 'published', []]);
      kinds.add(agreement.kind);
    }
    expect([...kinds].sort()).toEqual(['homeCharging', 'revenueShare', 'roamingPurchase', 'roamingSale', 'supply']);
    const codes = new Set((await rows('SELECT code FROM vat_rule')).map((r) => r.code));
    for (const { entity_id, rows: table } of await rows('SELECT entity_id, rows FROM vat_table')) expect(lintVatTable(entity_id, vatTableSchema.parse(table), codes).map(describeIssue)).toEqual([]);
  });
});
