import { runCommand } from 'citty';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { keyCommand, keysCommands } from '../../src/commands/production.ts';
import { putApiKeys } from '../../src/store/commands/api-keys.ts';
import { listApiKeys } from '../../src/store/reads/api-keys.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { signIn } from '../support/console.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
  vi.stubEnv('DATABASE_URL', api.database.url);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await api.stop();
});

const audited = async () => (await api.store.pool.query("SELECT actor, action, subject, reason FROM audit_event WHERE action LIKE 'apiKey.%' ORDER BY id")).rows;
/** What a command prints on stdout and on stderr. */
const told = async (run: () => Promise<unknown>) => {
  const spies = [vi.spyOn(process.stdout, 'write').mockReturnValue(true), vi.spyOn(process.stderr, 'write').mockReturnValue(true)];
  await run();
  const said = spies.map((spy) => spy.mock.calls.map(([line]) => line).join(''));
  for (const spy of spies) spy.mockRestore();
  process.exitCode = 0;
  return said;
};

it('an API key that leaked is revoked by an admin, with a reason in the audit trail: neither the API nor an open session of the console takes it any more', async () => {
  const person = await signIn(api, 'approver');
  expect((await person.get('/')).status).toBe(200);
  const path = '/v1/api-keys/approver/revocation';
  expect((await api.call('ops', 'POST', path, { reason: 'it was in a chat' })).status).toBe(403);
  expect((await api.call('admin', 'POST', path, {})).status).toBe(422);
  expect((await api.call('admin', 'POST', path, { reason: 'it was in a chat' })).body).toEqual({ ok: true });
  expect((await api.call('admin', 'POST', path, { reason: 'it was in a chat' })).body).toMatchObject({ status: 409, detail: 'API key approver is revoked already' });
  expect((await api.call('admin', 'POST', '/v1/api-keys/nobody/revocation', { reason: 'it was in a chat' })).status).toBe(404);
  expect(await audited()).toEqual([{ actor: 'admin', action: 'apiKey.revoke', subject: 'approver', reason: 'it was in a chat' }]);
  await expect.poll(async () => (await api.call('approver', 'GET', '/v1/runs')).status, { timeout: 10_000, interval: 200 }).toBe(401);
  await expect.poll(async () => (await person.get('/')).headers.get('location'), { timeout: 10_000, interval: 200 }).toBe('/sign-in');
});

it('the list names who holds a key, page by page, and shows no token', async () => {
  const first = (await api.call('admin', 'GET', '/v1/api-keys?limit=3')).body;
  const rest = (await api.call('admin', 'GET', `/v1/api-keys?cursor=${first.nextCursor}`)).body;
  const items = [...first.items, ...rest.items];
  expect(items.map((key) => [key.id, key.roles.join(), key.sourceId, key.revokedAt !== null])).toEqual([
    ['admin', 'admin', null, false],
    ['approver', 'finance-approver', null, true],
    ['auditor', 'auditor', null, false],
    ['both', 'finance-preparer,finance-approver', null, false],
    ['ops', 'ops', null, false],
    ['partner', 'partner', 'ocpi-peer', false],
    ['preparer', 'finance-preparer', null, false],
  ]);
  expect(Object.keys(items[0])).toEqual(['id', 'actor', 'roles', 'sourceId', 'sample', 'revokedAt']);
  expect((await api.call('auditor', 'GET', '/v1/api-keys')).status).toBe(403);
});

it('at the database keys are made, shown and revoked without the API, with their audit events', async () => {
  const [token = ''] = await told(() => runCommand(keyCommand, { rawArgs: ['--actor', 'anna', '--role', 'ops'] }));
  const asAnna = () => api.call(undefined, 'GET', '/v1/runs', undefined, { authorization: `Bearer ${token.trim()}` });
  expect((await asAnna()).status).toBe(200);
  expect(await told(() => runCommand(keysCommands, { rawArgs: ['revoke', 'anna', '--reason', 'she left'] }))).toEqual(['anna is revoked: within five seconds nobody gets in with it\n', '']);
  await expect.poll(async () => (await asAnna()).status, { timeout: 10_000, interval: 200 }).toBe(401);
  const [listed] = await told(() => runCommand(keysCommands, { rawArgs: ['list'] }));
  expect(listed).toMatch(/^anna {2}ops {2}revoked 20\d\d-/m);
  expect(listed).toMatch(/^partner {2}partner {2}only ocpi-peer {2}sample$/m);
  expect((await audited()).slice(-2)).toEqual([
    { actor: 'operator', action: 'apiKey.make', subject: 'anna', reason: null },
    { actor: 'operator', action: 'apiKey.revoke', subject: 'anna', reason: 'she left' },
  ]);
});

it('a revoked token stays revoked when the same is put again, as a start does with sample users; a new one is in force', async () => {
  const put = (token: string) => api.store.tx((db) => putApiKeys(db, [{ id: 'approver', actor: 'approver', token, roles: ['finance-approver'], sourceId: null, sample: true }]));
  await put('token-approver');
  expect((await api.call('approver', 'GET', '/v1/runs')).status).toBe(401);
  await put('another');
  expect((await api.call(undefined, 'GET', '/v1/runs', undefined, { authorization: 'Bearer another' })).status).toBe(200);
});

it('a key with the name of a sample user is a sample no longer once it is made anew, so that production starts with it', async () => {
  await api.store.tx((db) => putApiKeys(db, [{ id: 'sample-ops', actor: 'sample-ops', token: 'wl_sample', roles: ['ops'], sourceId: null, sample: true }]));
  await told(() => runCommand(keyCommand, { rawArgs: ['--actor', 'sample-ops', '--role', 'ops'] }));
  const kept = async () => (await listApiKeys(api.store.pool, { limit: 200, cursor: undefined })).items.find((key) => key.id === 'sample-ops')?.sample;
  expect(await kept()).toBe(false);
  // With the token that the home holds it is one again.
  await api.store.tx((db) => putApiKeys(db, [{ id: 'sample-ops', actor: 'sample-ops', token: 'wl_sample', roles: ['ops'], sourceId: null, sample: true }]));
  expect(await kept()).toBe(true);
});
