import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { differences } from '../support/schema-engine.ts';

let database: TestDatabase;
let schema: string;

beforeAll(async () => {
  database = await freshDatabase();
  schema = await readFile(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8');
});
afterAll(() => database.drop());

/** The schema with one place changed; the place must be there, or the control would control nothing. */
function planted(place: string, changed: string): string {
  expect(schema).toContain(place);
  return schema.replace(place, changed);
}

// Triggers, grants, CHECKs, partial indexes and partitions are invisible here: catalog.test.ts reads them.
describe('prisma/schema.prisma', () => {
  it('says what the migrations made', async () => {
    // What a key's index includes beside the key is taken for part of it there; catalog.test.ts reads which is which.
    const [model = ''] = /model ChargeRecord \{[^}]*\}/.exec(schema) ?? [];
    const withIncluded = planted(model, model.replace('@@id([recordId, revision])', '@@id([recordId, revision, siteId, startAt, endAt, energyWh])'));
    expect(await differences(database.adminUrl, withIncluded)).toBeUndefined();
  });

  it.each([
    ['a column the database lacks', 'model Party {', 'model Party {\n  nickname String?', /party[\s\S]*Added column `nickname`/],
    ['a column of another type', /paymentTermsDays +Int /, 'paymentTermsDays BigInt ', /account[\s\S]*payment_terms_days/],
    ['an index the database has and it does not', '@@index([runId, accountId, documentId], map: "claim_account")', '', /claim[\s\S]*Removed index/],
  ])('is caught with %s', async (_, place, changed, words) => {
    const found = typeof place === 'string' ? place : (place.exec(schema)?.[0] ?? 'no such place');
    expect(await differences(database.adminUrl, planted(found, changed))).toMatch(words);
  });
});
