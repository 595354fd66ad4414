import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { expireLoads } from '../../src/store/commands/load-set-up.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

let api: ApiUnderTest;
const call = async (user: string, method: string, route: string, body?: unknown, headers?: Record<string, string>) => {
  const answer = await api.call(user, method, route, body, headers);
  return { status: answer.status, ...answer.body };
};
const load = (body: unknown, kind?: string, user = 'preparer', headers?: Record<string, string>) => call(user, 'POST', `/v1/set-up/loads${kind === undefined ? '' : `?kind=${kind}`}`, body, headers);
const apply = (id: string, more: object = {}, user = 'preparer') => call(user, 'POST', `/v1/set-up/loads/${id}/apply`, { reason: 'take-over from the old system', ...more });
const rows = async (sql: string) => (await api.store.pool.query(sql)).rows;
type Item = { line: number; id: string; outcome: string; changes: { field: string; before: unknown; after: unknown }[]; errors: { code: string; text: string }[] };
const shown = (items: Item[]) => items.map((i) => [i.line, i.id, i.outcome, i.errors.map((e) => e.code).join(' ')]);

beforeAll(async () => {
  api = await startApi(async () => filesErp('/nonexistent'));
});
afterAll(() => api.stop());

describe('a load', () => {
  it('of one CSV says what each row would do, field by field, and changes nothing', async () => {
    const csv =
      '\ufeffid;name;country;orgNumber;address.street;address.city\r\npty_one;"One; and only";SE;556000-0003;Storgatan 1;Luleå\r\npty_driver_16;Taxi Nord;SE;;;\r\n\r\npty_bad;Bad;Sweden;;;\r\npty_one;Twice;SE;;;\r\npty_driver_17;Driver 17;SE;;;\r\n';
    const { status, loadId, totals, items } = await load(csv, 'parties');
    expect([status, totals]).toEqual([201, { parties: { created: 1, changed: 1, unchanged: 1, refused: 2 } }]);
    expect(shown(items)).toEqual([
      [2, 'pty_one', 'created', ''],
      [3, 'pty_driver_16', 'changed', ''],
      [5, 'pty_bad', 'refused', 'rowValue'],
      [6, 'pty_one', 'refused', 'rowRepeated'],
      [7, 'pty_driver_17', 'unchanged', ''],
    ]);
    expect(items[1].changes).toEqual([{ field: 'name', before: 'Driver 16', after: 'Taxi Nord' }]);
    expect(items[0].changes).toContainEqual({ field: 'address', before: null, after: { street: 'Storgatan 1', city: 'Luleå' } });
    expect(items[2].errors[0].text).toContain('country must be an ISO 3166 code such as SE');
    expect(await rows("SELECT name FROM party WHERE id IN ('pty_one', 'pty_driver_16')")).toEqual([{ name: 'Driver 16' }]);
    // The same again is the same load.
    expect((await load(csv, 'parties')).loadId).toBe(loadId);
    expect((await call('auditor', 'GET', `/v1/set-up/loads/${loadId}?outcome=refused&limit=1`)).items).toHaveLength(1);
    expect(await apply(loadId)).toMatchObject({ status: 409, detail: expect.stringContaining('2 rows are refused') });
    expect(await apply(loadId, { withoutRefused: true })).toMatchObject({ status: 200, totals: { parties: { created: 1, changed: 1 } } });
    expect(await rows("SELECT name FROM party WHERE id IN ('pty_one', 'pty_driver_16') ORDER BY id")).toEqual([{ name: 'Taxi Nord' }, { name: 'One; and only' }]);
    expect(await apply(loadId)).toMatchObject({ status: 409, detail: expect.stringContaining('is applied') });
    expect(await rows(`SELECT state, body, plan, applied_by FROM set_up_load WHERE id = '${loadId}'`)).toEqual([{ state: 'applied', body: null, plan: null, applied_by: 'preparer' }]);
  });

  it('of several kinds may refer to what it brings itself, lets records go on, and leaves a version and an audit event for each row', async () => {
    const body = {
      mappings: [{ sourceId: 'csms', kind: 'token', externalKey: 'Load-1', internalId: 'acc_load', unitId: 'van_load', validFrom: '2019-01-01T00:00:00Z' }],
      fleetAssignments: [
        { unitId: 'van_load', costCenter: 'L1' },
        { unitId: 'van_load', costCenter: 'L2', validFrom: '2026-01-01T00:00:00Z' },
      ],
      fleetUnits: [{ id: 'van_load', accountId: 'acc_load', kind: 'vehicle', label: 'XYZ 789' }],
      sites: [{ id: 'site_load', entityId: 'ent_se', name: 'Depot', country: 'SE', timeZone: 'Europe/Stockholm', costCenter: '901', connectorPowerW: 22_000, ownerAccountId: 'acc_load_owner' }],
      accounts: [
        { id: 'acc_load', entityId: 'ent_se', partyId: 'pty_load', category: 'fleet', currency: 'SEK' },
        { id: 'acc_load_owner', entityId: 'ent_se', partyId: 'pty_load', category: 'siteOwner', currency: 'SEK' },
        { id: 'acc_orphan', entityId: 'ent_se', partyId: 'pty_nobody', category: 'fleet', currency: 'SEK' },
      ],
      parties: [{ id: 'pty_load', name: 'Load Fleet', country: 'SE' }],
    };
    const preview = await load(body);
    expect(preview.totals).toEqual({
      parties: { created: 1, changed: 0, unchanged: 0, refused: 0 },
      accounts: { created: 2, changed: 0, unchanged: 0, refused: 1 },
      sites: { created: 1, changed: 0, unchanged: 0, refused: 0 },
      fleetUnits: { created: 1, changed: 0, unchanged: 0, refused: 0 },
      fleetAssignments: { created: 1, changed: 1, unchanged: 0, refused: 0 },
      mappings: { created: 1, changed: 0, unchanged: 0, refused: 0 },
    });
    await storeLines(api.store, [session(70, { user: 'Load-1' })]);
    await processAll(api.store);
    expect(await apply(preview.loadId, { withoutRefused: true })).toMatchObject({ status: 200 });
    expect((await call('auditor', 'GET', '/v1/fleet-units/van_load')).assignments).toMatchObject([
      { costCenter: 'L1', validFrom: null, validTo: '2026-01-01T00:00:00.000Z' },
      { costCenter: 'L2', validTo: null },
    ]);
    expect(await rows("SELECT kind, version FROM set_up_version WHERE id IN ('pty_load', 'acc_load', 'acc_load_owner', 'site_load', 'van_load') ORDER BY kind, version")).toEqual([
      { kind: 'account', version: 1 },
      { kind: 'account', version: 1 },
      { kind: 'fleetAssignment', version: 1 },
      { kind: 'fleetAssignment', version: 2 },
      { kind: 'fleetUnit', version: 1 },
      { kind: 'party', version: 1 },
      { kind: 'site', version: 1 },
    ]);
    expect(await rows("SELECT count(*)::int AS n FROM audit_event WHERE reason = 'take-over from the old system' AND subject LIKE '%load%'")).toEqual([{ n: 7 }]);
    // The audit trail names the token by its reference.
    expect(await rows("SELECT FROM audit_event WHERE subject LIKE '%Load-1%' OR after::text LIKE '%Load-1%'")).toEqual([]);
    await call('preparer', 'PUT', '/v1/contracts/ctr_load', { accountId: 'acc_load', kind: 'supply', reason: 'signed' });
    await call('preparer', 'POST', '/v1/contracts/ctr_load/proposals', { validFrom: '2019-01-01T00:00:00Z', agreement: { kind: 'supply', status: 'active', clauses: [] }, reason: 'signed' });
    const state = async () => (await call('auditor', 'GET', `/v1/records/${encodeURIComponent('csms/se*wlt*70')}`)).state;
    await expect.poll(state, { timeout: 20_000 }).toBe('booked');
    // All of it again: nothing to do.
    const again = await load({ ...body, accounts: body.accounts.slice(0, 2), fleetAssignments: body.fleetAssignments.slice(1) });
    expect(again.totals).toMatchObject({
      parties: { unchanged: 1 },
      accounts: { unchanged: 2 },
      sites: { unchanged: 1 },
      fleetUnits: { unchanged: 1 },
      fleetAssignments: { unchanged: 1 },
      mappings: { unchanged: 1 },
    });
  });

  it('that was previewed is applied as it was, or not at all when the set-up has moved', async () => {
    const { loadId } = await load(
      [
        { id: 'acc_fleet_taxi', paymentTermsDays: 45 },
        { id: 'acc_fleet_craft', paymentTermsDays: 45 },
      ],
      'accounts',
    );
    await call('preparer', 'PUT', '/v1/accounts/acc_fleet_taxi', { releaseGroup: 'late', reason: 'billed apart' });
    expect(await apply(loadId)).toMatchObject({ status: 409, code: 'staleLoad', moved: [{ kind: 'accounts', line: 1, id: 'acc_fleet_taxi', was: 'changed', is: 'changed' }] });
    expect(await rows("SELECT payment_terms_days AS days FROM account WHERE id = 'acc_fleet_craft'")).toEqual([{ days: 30 }]);
    // Loaded anew it shows the present figures, and goes through.
    expect(
      (
        await load(
          [
            { id: 'acc_fleet_taxi', paymentTermsDays: 45 },
            { id: 'acc_fleet_craft', paymentTermsDays: 45 },
          ],
          'accounts',
        )
      ).loadId,
    ).toBe(loadId);
    expect(await apply(loadId)).toMatchObject({ status: 200, totals: { accounts: { changed: 2 } } });
  });

  it('of VAT statuses is applied by a second person who may publish', async () => {
    const csv = 'accountId,status,establishedIn,vatNumber,evidence,validFrom\nacc_emsp_fjord,reseller,DE,DE136695976,VIES WAPI1,2026-01-01\nacc_emsp_polar,reseller,DE,,,2026-01-01\n';
    const { loadId, items } = await load(csv, 'vatStatuses', 'both');
    expect(shown(items)).toEqual([
      [2, 'acc_emsp_fjord', expect.any(String), ''],
      [3, 'acc_emsp_polar', expect.any(String), 'noEvidence noEvidence'],
    ]);
    expect(await apply(loadId, {}, 'both')).toMatchObject({ status: 403, detail: expect.stringContaining('your own') });
    expect(await apply(loadId, {}, 'preparer')).toMatchObject({ status: 403, detail: expect.stringContaining('finance-approver') });
    expect(await apply(loadId, {}, 'approver')).toMatchObject({ status: 200 });
    expect(await rows("SELECT author, second_person FROM vat_status WHERE account_id = 'acc_emsp_fjord' AND valid_from = '2026-01-01'")).toEqual([{ author: 'both', second_person: 'approver' }]);
  });

  it('is over after a day, and what it held is gone', async () => {
    const { loadId, expiresAt } = await load([{ id: 'pty_late', name: 'Late', country: 'SE' }], 'parties');
    await api.store.tx((db) => expireLoads(db, new Date(Date.parse(expiresAt) - 1)));
    expect((await call('auditor', 'GET', `/v1/set-up/loads/${loadId}`)).items).toHaveLength(1);
    await api.store.tx((db) => expireLoads(db, new Date(expiresAt)));
    expect(await call('auditor', 'GET', `/v1/set-up/loads/${loadId}`)).toMatchObject({ state: 'expired', items: [] });
    expect(await apply(loadId)).toMatchObject({ status: 409, detail: expect.stringContaining('expired') });
  });

  it('keeps no copy of a preview under an Idempotency-Key', async () => {
    const key = { 'idempotency-key': 'load-once' };
    const body = [{ id: 'pty_once', name: 'Kept Nowhere', country: 'SE' }];
    expect((await load(body, 'parties', 'preparer', key)).loadId).toBe((await load(body, 'parties', 'preparer', key)).loadId);
    expect(await rows("SELECT FROM idempotency_key WHERE answer::text LIKE '%Kept Nowhere%'")).toEqual([]);
  });

  it.each<[string, unknown, string | undefined, string]>([
    ['a CSV of no kind', 'id,name\n', undefined, 'A CSV holds one kind'],
    ['a kind that is none', '[]', 'people', 'kind is one of'],
    ['another word among the kinds', { people: [] }, undefined, '"people" is no kind'],
    ['half a JSON', '{"parties": [', undefined, 'cannot be read'],
    ['a quote that is never closed', 'id,name\np,"x\n', 'parties', 'cannot be read'],
    ['a column twice', 'id,id\na,b\n', 'parties', 'comes twice'],
  ])('is refused: %s', async (_, body, kind, words) => {
    expect(await load(body, kind)).toMatchObject({ status: 422, detail: expect.stringContaining(words) });
  });

  it('names columns and cells that are wrong, row by row', async () => {
    const { items } = await load('id,colour,paymentTermsDays\nacc_fleet_taxi,blue,10\nacc_fleet_taxi\n', 'accounts');
    expect(shown(items)).toEqual([
      [2, 'acc_fleet_taxi', 'refused', 'rowUnknownField'],
      [3, 'acc_fleet_taxi', 'refused', expect.stringContaining('wrongColumnCount')],
    ]);
  });

  it('of 20,000 accounts is previewed and applied in seconds', async () => {
    const accounts = Array.from({ length: 20_000 }, (_, i) => `acc_bulk_${i},ent_se,pty_bulk_${i},driver,SEK`);
    const parties = Array.from({ length: 20_000 }, (_, i) => `pty_bulk_${i},Person ${i},SE`);
    const timed = async (csv: string, kind: string) => {
      const from = performance.now();
      const { loadId, totals } = await load(csv, kind);
      expect(totals[kind].created).toBe(20_000);
      expect(await apply(loadId)).toMatchObject({ status: 200 });
      return performance.now() - from;
    };
    const ms = (await timed(['id,name,country', ...parties].join('\n'), 'parties')) + (await timed(['id,entityId,partyId,category,currency', ...accounts].join('\n'), 'accounts'));
    expect(await rows("SELECT count(*)::int AS n FROM set_up_version WHERE kind = 'account' AND id LIKE 'acc_bulk_%'")).toEqual([{ n: 20_000 }]);
    // Some five seconds for both on two cores; a query a row would take minutes.
    expect(ms).toBeLessThan(40_000);
  }, 90_000);
});
