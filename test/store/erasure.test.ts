import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { archiveDocuments } from '../../src/activities/archive-documents.ts';
import { processPage } from '../../src/activities/process-page.ts';
import { setPayerCard } from '../../src/store/commands/card-payments.ts';
import { decideRecords } from '../../src/store/commands/decide-records.ts';
import { eraseDriver } from '../../src/store/commands/erase-driver.ts';
import { eraseFleetUnit } from '../../src/store/commands/erase-fleet-unit.ts';
import { previewLoad } from '../../src/store/commands/load-set-up.ts';
import { mapExternal } from '../../src/store/commands/map-external.ts';
import { keepSession } from '../../src/store/commands/ocpi/keep-session.ts';
import { proposeBankAccount } from '../../src/store/commands/propose-bank-account.ts';
import { proposeVatStatus } from '../../src/store/commands/propose-vat-status.ts';
import { publishProposal } from '../../src/store/commands/publish-set-up.ts';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { pendingMessages } from '../../src/store/intake/store-raw.ts';
import { archivedFile } from '../../src/store/reads/archived-files.ts';
import { findRecord } from '../../src/store/reads/records.ts';
import { timelineOf } from '../../src/store/reads/timeline.ts';
import { sealBlock } from '../../src/store/seal/seal-block.ts';
import { applySeed } from '../../src/store/seed.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { copyOf, type TestDatabase } from '../support/database.ts';
import { processAll, retryAll, session, storeCdrs, storeLines } from '../support/intake.ts';
import { textOfPages } from '../support/read-pdf.ts';
import { seeded, seedOf } from '../support/seeded.ts';
import { fingerprint, placesOf as placesInDatabase } from '../support/whole-database.ts';

const accountId = 'acc_driver_16';
const by = { actor: 'officer', requestId: 'req-1' };
// One is the sample's own; the others are mapped below, one of them in other letters by each source.
const uids = ['Bl2-1', '04:A2:77:C1', 'DE-XYZ-C9'];
const words = [...uids, 'Åsa Lindqvist', 'Björkvägen', '850612-1234'];
const cdrs = readFileSync(new URL('../../data/ocpi/cdrs.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n');

let billed: TestDatabase;
let database: TestDatabase;
let store: Store;
let owner: pg.Client;

/** A CDR of the peer, `day` of December 2019 at noon. */
function cdr(id: string, day: number, uid: string, more: object = {}): string {
  const at = (hour: number) => `2019-12-${String(day).padStart(2, '0')}T${hour}:00:00Z`;
  const times = { start_date_time: at(12), end_date_time: at(13), total_energy: 7, charging_periods: [{ start_date_time: at(12), dimensions: [{ type: 'ENERGY', volume: 7 }] }] };
  return JSON.stringify({ ...JSON.parse(cdrs[0] ?? ''), ...times, id, session_id: id, cdr_token: { uid }, cdr_location: { id: 'Bl2' }, last_updated: at(14), ...more });
}
const onDay = (day: number) => ({ start: `${String(day).padStart(2, '0')}.12.2019 18:00`, end: `${String(day).padStart(2, '0')}.12.2019 21:00` });
const erase = (order: { accountId?: string; reason?: string; dryRun?: boolean } = {}) => store.tx((db) => eraseDriver(db, { accountId, reason: 'asked to be forgotten', dryRun: false, ...order }, by));
const verified = async () => (await verifyAll(store)).sections.flatMap((s) => (s.problem === null ? [] : [`${s.name}: ${s.problem}`]));
// The archived document keeps the name, by law.
const placesOf = async (db: pg.Client, said: readonly string[]) => (await placesInDatabase(db, said)).filter((place) => place !== 'archived_file.body');
const rows = async (sql: string) => (await store.pool.query(sql)).rows;
const map = (sourceId: string, externalKey: string, internalId = accountId) => store.tx((db) => mapExternal(db, { sourceId, kind: 'token', externalKey, internalId }, by));
const recordOf = async (key: string) => {
  const found = await findRecord(store.pool, key);
  expect(found, key).toBeDefined();
  return found;
};

/** Sessions of a driver from two sources, said again, corrected, contradicted, garbled, rejected, and other drivers' beside them; billed. */
async function live(): Promise<void> {
  await store.pool.query(`UPDATE party SET name = 'Åsa Lindqvist', org_number = '850612-1234', address = '{"street": "Björkvägen 17", "city": "Lund", "country": "SE"}' WHERE id = 'pty_driver_16'`);
  await map('csms', '04:A2:77:C1');
  await map('ocpi-peer', '04:a2:77:c1');
  await storeLines(store, [session(1, onDay(1)), session(2, { ...onDay(2), user: '04:A2:77:C1' }), session(3, { ...onDay(3), user: 'Bl2-2' }), session(4, { ...onDay(4), user: 'Bl2-3' })]);
  await storeCdrs(store, [cdr('C1', 5, '04:a2:77:c1'), cdr('C2', 6, 'DE-XYZ-C9'), cdr('C3', 7, 'AURORA-1')]);
  await processAll(store);
  // The same again, corrected, other content under a key that takes none, and what nobody can read.
  await storeLines(store, [
    session(1, onDay(1)),
    session(1, { ...onDay(1), kWh: '11,5' }),
    `2;Bl2;04:A2:77:C1;Private`,
    '04:A2:77:C1 was here',
    '9;Bl2;NA;04:A2:77:C1;Bl2-1;04:A2:77:C1;18;x;21;DE-XYZ-C9;DE-XYZ-C9;Dec;Thursday',
  ]);
  await storeCdrs(store, [
    cdr('C1', 5, '04:a2:77:c1', { total_time: 1 }),
    cdr('C1', 5, '04:a2:77:c1', { total_energy: 1 }),
    '{"id":"C9", "uid":"04:a2:77:c1"',
    cdr('C4', 8, '04:a2:77:c1', { cdr_location: { id: 'Nowhere' } }),
  ]);
  await processAll(store);
  // C2 waited for its token; C4 and what nobody can read is rejected.
  await map('ocpi-peer', 'DE-XYZ-C9');
  await retryAll(store);
  const waiting = await rows('SELECT record_id FROM record_head WHERE waiting_raw_id IS NOT NULL');
  await store.tx((db) => decideRecords(db, { selection: { recordIds: waiting.map((r) => String(r.record_id)) }, action: 'reject', reason: 'no such place, or nothing to read' }, by));
  await retryAll(store);
}

beforeAll(async () => {
  ({ store, database: billed } = await seeded());
  await live();
  expect((await rows("SELECT cdr_id, state FROM record_head WHERE cdr_id IN ('c2', 'c4') ORDER BY 1")).map((r) => r.state)).toEqual(['booked', 'rejected']);
  const runId = await closeSet(store, '2019-12');
  await issueRun(store, runId, '2020-01-06');
  await archiveDocuments(store, runId, 'all');
  await store.tx((db) => sealBlock(db));
  expect(await verified()).toEqual([]);
  await store.close();
});
afterAll(() => billed.drop());
beforeEach(async () => {
  database = await copyOf(billed);
  store = openStore(database.url);
  owner = new pg.Client({ connectionString: database.adminUrl });
  await owner.connect();
  return async () => {
    await Promise.all([store.close(), owner.end()]);
    await database.drop();
  };
});

describe('erasing a driver', () => {
  it('leaves no trace of name, address and tokens in any column of any table, and everything provable', async () => {
    // What is said of people before stands where it can be erased, and nowhere else.
    expect(await placesOf(owner, words)).toEqual(['mapping.external_key', 'party.address', 'party.name', 'party.org_number', 'raw_body.bytes', 'token.uid']);
    const sealed = await fingerprint(owner);
    const erasure = await erase();
    expect(erasure).toEqual({
      accountIds: [accountId],
      dryRun: false,
      erased: { parties: 1, mappings: 4, tokens: 4, rawBodies: expect.any(Number), sessionTrails: 4 },
      kept: { records: 8, documents: 1, sharedTokens: 0, sharedRawBodies: 0 },
    });
    expect(await placesOf(owner, words)).toEqual([]);
    // Those of the other drivers.
    expect((await rows('SELECT count(*)::int AS n FROM raw_body WHERE bytes IS NOT NULL'))[0].n).toBe(3);
    const after = await fingerprint(owner);
    const changed = Object.keys(sealed).filter((table) => sealed[table] !== after[table]);
    expect(changed.sort()).toEqual(['audit_event', 'mapping', 'party', 'raw_body', 'session_span', 'token']);
    expect(await verified()).toEqual([]);
    const { sections } = await verifyAll(store);
    expect(sections[0]).toMatchObject({ name: 'raw bodies', counts: { expunged: erasure.erased.rawBodies } });
  });

  it('takes what an ERP said of the driver’s documents, and leaves what it said of others', async () => {
    const documents = (await rows("SELECT p.key, d.account_id FROM erp_posting p JOIN document d ON d.id = p.document_id WHERE p.state = 'queued' ORDER BY p.key")) as {
      key: string;
      account_id: string;
    }[];
    const own = documents.filter((d) => d.account_id === accountId).map((d) => d.key);
    const others = documents.filter((d) => d.account_id !== accountId).map((d) => d.key);
    expect([own.length, others.length > 0]).toEqual([1, true]);
    const say = (keys: string[], words: string, state = 'refused') => owner.query('UPDATE erp_posting SET state = $3, answer = $2 WHERE key = ANY($1)', [keys, words, state]);
    const named = 'The party "Åsa Lindqvist" has no account receivable.';
    await say(own, named);
    await say(others, 'The party has no account receivable.');
    // Of several that went together an ERP speaks once; the run and its group say what keeps them.
    await say(others.slice(0, 1), named, 'unknown');
    await owner.query("UPDATE billing_run SET problem = 'group all: ' || $1 || ' is refused: ' || $2", [own[0], named]);
    await owner.query("UPDATE release_group SET problem = $1 || ' is refused: ' || $2", [own[0], named]);
    expect(await placesOf(owner, ['Åsa Lindqvist'])).toEqual(expect.arrayContaining(['billing_run.problem', 'erp_posting.answer', 'release_group.problem']));
    await erase();
    expect(await placesOf(owner, words)).toEqual([]);
    expect(await rows('SELECT DISTINCT problem FROM billing_run')).toEqual([{ problem: `group all: ${own[0]} is refused: (erased)` }]);
    expect(await rows('SELECT DISTINCT state, answer FROM erp_posting WHERE answer IS NOT NULL ORDER BY answer, state')).toEqual([
      { state: 'refused', answer: '(erased)' },
      { state: 'unknown', answer: '(erased)' },
      { state: 'refused', answer: 'The party has no account receivable.' },
    ]);
    expect(await verified()).toEqual([]);
  });

  it('changes nothing in a dry run, and counts what then goes', async () => {
    const before = await fingerprint(owner);
    const dry = await erase({ dryRun: true });
    expect(await fingerprint(owner)).toEqual(before);
    expect(await erase()).toEqual({ ...dry, dryRun: false });
  });

  it('finds nothing left when asked again, writes nothing, and takes what came since', async () => {
    await erase();
    const before = await fingerprint(owner);
    const none = { parties: 0, mappings: 0, tokens: 0, rawBodies: 0, sessionTrails: 0 };
    expect((await erase()).erased).toEqual(none);
    expect(await fingerprint(owner)).toEqual(before);
    // A repeat in other bytes brings the UID back; it is known by its reference, and booked no second time.
    await storeCdrs(store, [cdr('C1', 5, '04:a2:77:c1', { total_time: 99 })]);
    await processAll(store);
    expect((await erase()).erased).toEqual({ ...none, tokens: 1, rawBodies: 1 });
    expect(await placesOf(owner, words)).toEqual([]);
  });

  it('takes what the set-up says of the driver: versions, VAT number, bank account, label, proposals and loads that wait', async () => {
    const people = { actor: 'clerk' };
    const second = { actor: 'second' };
    const own = ['Åsa Lindqvist', 'asa@example.org', 'Nygatan 4', 'DE136695976', 'VIES-4711', 'SE3550000000054910000003', 'DE89370400440532013000', 'Åsas bil', 'Hemma hos Åsa'];
    const put = (kind: 'parties' | 'fleetUnits' | 'sites', values: object) => store.tx((db) => putSetUp(db, kind, { ...values }, 'moved house', people));
    expect(await put('parties', { id: 'pty_driver_16', email: 'asa@example.org', address: { street: 'Nygatan 4' } })).toMatchObject({ outcome: 'changed', version: 1 });
    await put('parties', { id: 'pty_driver_16', email: null });
    await put('fleetUnits', { id: 'car_16', accountId: 'acc_fleet_taxi', kind: 'driver', label: 'Åsas bil', partyId: 'pty_driver_16' });
    const vat = await store.tx((db) =>
      proposeVatStatus(db, { accountId, status: 'business', establishedIn: 'SE', vatNumber: 'DE136695976', evidence: 'VIES-4711', validFrom: '2020-01-01' }, 'has a firm', people),
    );
    await store.tx((db) => publishProposal(db, vat.proposalId ?? '', 'looked it up', second));
    const bank = (number: string) => store.tx((db) => proposeBankAccount(db, accountId, { scheme: 'iban', number }, 'paid for charging at home', people));
    await store.tx(async (db) => publishProposal(db, (await bank('SE3550000000054910000003')).proposalId ?? '', 'called back', second));
    await bank('DE89370400440532013000');
    const rows = [{ line: 1, values: { id: 'pty_driver_16', name: 'Åsa Lindqvist Berg' }, errors: [] }];
    await store.tx((db) => previewLoad(db, { parties: rows }, people, new Date()));
    const places = await placesOf(owner, own);
    expect(places).toEqual(
      expect.arrayContaining([
        'fleet_unit.label',
        'party.name',
        'payee_bank_account.number',
        'set_up_load.body',
        'set_up_load.plan',
        'set_up_proposal.words',
        'set_up_words.words',
        'vat_status.evidence',
        'vat_status.vat_number',
      ]),
    );
    // Nothing that cannot be erased says any of it.
    expect(places.filter((place) => !/^(fleet_unit|party|site|payee_bank_account|set_up_load|set_up_proposal|set_up_words|vat_status)\./.test(place))).toEqual([]);
    await erase();
    expect(await placesOf(owner, [...words, ...own])).toEqual([]);
    // Who changed what and why is still told.
    expect((await store.pool.query("SELECT version, changed, reason FROM set_up_version WHERE id = 'pty_driver_16' ORDER BY version")).rows).toEqual([
      { version: 1, changed: [], reason: 'as it stood before its first change' },
      { version: 2, changed: ['email', 'address'], reason: 'moved house' },
      { version: 3, changed: ['email'], reason: 'moved house' },
    ]);
    expect(await put('parties', { id: 'pty_driver_16', name: 'Åsa' })).toMatchObject({ outcome: 'refused', errors: [{ code: 'rowErased' }] });
    expect(await verified()).toEqual([]);
  });

  it('takes where a session stood that a peer told while it went on, and leaves those of others', async () => {
    const peerId = 'p';
    await store.pool.query(
      `INSERT INTO ocpi_peer (id, entity_id, name, kind, our_country, our_party, country_code, party_id, source_id, correction_channel) SELECT '${peerId}', id, 'Peer', 'peer', 'SE', 'WLT', 'NO', 'NRD', 'ocpi-peer', 'inBand' FROM legal_entity LIMIT 1`,
    );
    const tell = (sessionId: string, tokenUid: string) =>
      store.tx((db) =>
        keepSession(
          db,
          { peerId, countryCode: 'SE', partyId: 'WLT', sessionId },
          { body: { id: sessionId, location_id: 'Bl2', start_date_time: '2019-12-05T12:00:00Z', status: 'ACTIVE' }, tokenRef: null, lastUpdated: new Date('2019-12-05T12:10:00Z'), tokenUid },
        ),
      );
    await tell('s-own', '04:a2:77:c1');
    await tell('s-other', 'AURORA-1');
    const dry = await erase({ dryRun: true });
    expect(dry.erased.sessionTrails).toBe(5);
    expect((await erase()).erased).toEqual(dry.erased);
    expect(await rows('SELECT session_id FROM ocpi_session')).toEqual([{ session_id: 's-other' }]);
  });

  it('of a fleet without an account of their own takes the label, in every version', async () => {
    const put = (label: string) => store.tx((db) => putSetUp(db, 'fleetUnits', { id: 'unit_7', accountId: 'acc_fleet_taxi', kind: 'driver', label }, 'hired', by));
    await put('Börje Ek');
    await put('Börje Eklund');
    expect(await placesOf(owner, ['Börje Ek'])).toEqual(['fleet_unit.label', 'set_up_words.words']);
    await expect(store.tx((db) => eraseFleetUnit(db, 'unit_7', 'Börje Ek has left', by))).rejects.toThrow('it names the driver');
    expect(await store.tx((db) => eraseFleetUnit(db, 'unit_7', 'has left', by))).toEqual({ erased: true });
    expect(await placesOf(owner, ['Börje'])).toEqual([]);
    expect(await store.tx((db) => eraseFleetUnit(db, 'unit_7', 'has left', by))).toEqual({ erased: false });
  });

  it('tells who did it and why, once, without a name', async () => {
    await erase();
    await erase();
    expect(await rows("SELECT actor, subject, reason, request_id FROM audit_event WHERE action = 'driver.erase'")).toEqual([
      { actor: 'officer', subject: accountId, reason: 'asked to be forgotten', request_id: 'req-1' },
    ]);
    const record = await recordOf('ocpi-peer/se*wlt*c1');
    expect(record).toMatchObject({ state: 'booked', token: null, accountId });
    const timeline = await timelineOf(store.pool, { sourceId: 'ocpi-peer', recordKey: 'se*wlt*c1' }, record);
    expect(timeline?.events.filter((e) => e.event === 'expunged').map((e) => e.text)[0]).toMatch(/by officer: asked to be forgotten/);
  });
});

describe('after an erasure', () => {
  it('a late CDR of the token waits for a mapping, and the account takes no token any more', async () => {
    await erase();
    await storeCdrs(store, [cdr('C77', 9, '04:a2:77:c1')]);
    await storeLines(store, [session(77, onDay(10))]);
    await processAll(store);
    for (const key of ['ocpi-peer/se*wlt*c77', 'csms/se*wlt*77']) {
      const record = await recordOf(key);
      expect(record).toMatchObject({ state: 'quarantined', accountId: null, waitingFor: 'set-up' });
      expect(record?.issues.map((i) => i.code)).toContain('unknownToken');
    }
    await expect(map('csms', 'Bl2-1')).rejects.toThrow(/was erased: open a new account/);
    const seed = await seedOf();
    await store.tx((db) => applySeed(db, seed));
    expect(await rows(`SELECT FROM mapping WHERE internal_id = '${accountId}'`)).toEqual([]);
    expect(await verified()).toEqual([]);
  });

  it('the very same bytes are a repeat, and stay gone', async () => {
    await erase();
    await storeLines(store, [session(1, onDay(1)), session(2, { ...onDay(2), user: '04:A2:77:C1' })]);
    await processAll(store);
    expect((await rows('SELECT o.outcome FROM raw_outcome o ORDER BY o.raw_id DESC LIMIT 2')).map((r) => r.outcome)).toEqual(['duplicate', 'duplicate']);
    expect(await placesOf(owner, ['Bl2-1', 'Åsa'])).toEqual([]);
    expect(await verified()).toEqual([]);
  });
});

describe('what another account needs too stays, and is counted:', () => {
  it('the UID of a token that somebody else’s records stand under', async () => {
    await store.pool.query("UPDATE record_head SET account_id = 'acc_driver_17' WHERE cdr_id = '3'");
    await store.pool.query("UPDATE record_head SET token_ref = (SELECT ref FROM token WHERE uid = 'Bl2-1') WHERE cdr_id = '3'");
    const { erased, kept } = await erase();
    expect([erased.tokens, kept.sharedTokens]).toEqual([3, 1]);
    expect(await rows("SELECT uid FROM token WHERE uid = 'Bl2-1'")).toHaveLength(1);
  });
  it('a body of the very same bytes as a message that has led to no record yet', async () => {
    await storeLines(store, [cdr('C1', 5, '04:a2:77:c1')]);
    expect((await rows('SELECT record_key FROM raw_pending')).map((r) => r.record_key)).toEqual([expect.stringMatching(/^unkeyed/)]);
    const { erased, kept } = await erase({ dryRun: true });
    expect(kept.sharedRawBodies).toBe(1);
    expect((await erase()).erased).toEqual(erased);
    expect(await placesOf(owner, words)).toEqual(['raw_body.bytes']);
  });
});

describe('erasing is refused', () => {
  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'while a charge is not billed',
      () => storeLines(store, [session(50, { start: '03.01.2020 10:00', end: '03.01.2020 12:00' })]).then(() => processAll(store)),
      /charge \d+ is not billed: bill it, or write it off/,
    ],
    ['while a record waits', () => storeLines(store, [session(51, { garage: 'Nowhere' })]).then(() => processAll(store)), /record \d+ waits: decide on it/],
    ['while a correction waits beside what is billed', () => storeLines(store, [session(2, { ...onDay(2), user: '04:A2:77:C1', kWh: '999,0' })]).then(() => processAll(store)), /record \d+ waits/],
    ['while a record waits that nobody can read, with a token in it', () => storeLines(store, ['04:a2:77:c1 again']).then(() => processAll(store)), /record \d+ waits/],
    ['while a message is not processed', () => storeLines(store, [session(1, { ...onDay(1), kWh: '12,5' })]), /message \d+ is not processed yet/],
    [
      'while a document is not issued',
      async () => {
        await storeLines(store, [session(52, { start: '03.01.2020 10:00', end: '03.01.2020 12:00' })]);
        await processAll(store);
        await store.pool.query("UPDATE billing_run SET state = 'closed'");
        await closeSet(store, '2020-01');
        await store.pool.query(
          `INSERT INTO document (id, run_id, group_name, account_id, entity_id, type, state, currency, net_minor, vat_minor, rounding_minor, payable_minor, energy_wh, charge_count, content_hash, strategy)
           SELECT 'doc_draft', id, 'all', '${accountId}', entity_id, 'invoice', 'draft', 'SEK', 0, 0, 0, 0, 0, 0, '\\x00', 'driverInvoice' FROM billing_run WHERE period = '2020-01'`,
        );
      },
      /document doc_draft is not issued: issue it, or cancel its run/,
    ],
  ])('%s', async (_, open, words) => {
    await open();
    await expect(erase()).rejects.toThrow(words);
    await expect(erase({ dryRun: true })).rejects.toThrow(words);
  });

  it('until the file of what is issued is kept: it would name nobody for good', async () => {
    await storeLines(store, [session(53, { start: '03.01.2020 10:00', end: '03.01.2020 12:00' })]);
    await processAll(store);
    const runId = await closeSet(store, '2020-01');
    await issueRun(store, runId, '2020-02-06');
    const [{ id } = { id: '' }] = await rows(`SELECT id FROM document WHERE run_id = '${runId}' AND account_id = '${accountId}'`);
    await expect(erase()).rejects.toThrow(`document ${id} is issued and its file not kept yet: wait until its run has archived it`);
    await archiveDocuments(store, runId, 'all');
    expect((await erase()).erased.parties).toBe(1);
    const file = await archivedFile(store.pool, 'document', id, 'pdf');
    expect((await textOfPages(file?.body ?? Buffer.alloc(0))).join('\n')).toContain('Åsa Lindqvist');
  });

  it('for who is no driver, for nobody, and for a party that stands behind a company', async () => {
    await expect(erase({ accountId: 'acc_fleet_taxi' })).rejects.toThrow('category fleet: only drivers are erased');
    await expect(erase({ accountId: 'acc_nobody' })).rejects.toThrow('there is no account "acc_nobody"');
    await store.pool.query("UPDATE account SET party_id = 'pty_driver_16' WHERE id = 'acc_fleet_taxi'");
    await expect(erase()).rejects.toThrow('stands behind account acc_fleet_taxi of category fleet too');
  });

  it.each(['Åsa Lindqvist asked', 'lost card 04:a2:77:C1', 'moved from björkvägen 17'])('for a reason that says who it is: %s', async (reason) => {
    await expect(erase({ reason })).rejects.toThrow('it names the driver');
  });
});

const waiting = () => rows("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");

describe('a page of intake that meets an erasure', () => {
  const open = [session(60, { start: '03.01.2020 10:00', end: '03.01.2020 12:00' })];
  const blocked = () => expect.poll(waiting).toHaveLength(1);

  it('is waited for and seen when it came first', async () => {
    await storeLines(store, open);
    const page = await pendingMessages(store.pool, { limit: 10 });
    let erasing: Promise<unknown> = Promise.resolve();
    await store.tx(async (db) => {
      await processPage(db, page);
      erasing = erase().catch((error: Error) => error.message);
      await blocked();
    });
    expect(await erasing).toMatch(/charge \d+ is not billed/);
    expect(await recordOf('csms/se*wlt*60')).toMatchObject({ state: 'booked', accountId });
  });
  it('waits and finds no mapping when it came second', async () => {
    await storeLines(store, open);
    let processing: Promise<unknown> = Promise.resolve();
    await store.tx(async (db) => {
      await eraseDriver(db, { accountId, reason: 'asked to be forgotten', dryRun: false }, by);
      processing = processAll(store);
      await blocked();
    });
    await processing;
    expect(await recordOf('csms/se*wlt*60')).toMatchObject({ state: 'quarantined', accountId: null });
    expect(await verified()).toEqual([]);
  });
});

describe('a card that is entered while its driver is erased', () => {
  it('is refused: its reference would come back for good', async () => {
    let entering: Promise<unknown> = Promise.resolve();
    await store.tx(async (db) => {
      await eraseDriver(db, { accountId, reason: 'asked to be forgotten', dryRun: false }, by);
      entering = store.tx((other) => setPayerCard(other, { accountId, reference: 'tok_visa_4242' }, by)).catch((error: Error) => error.message);
      await Promise.race([entering, expect.poll(waiting).toHaveLength(1)]);
    });
    expect(await entering).toMatch(/was erased/);
    expect(await rows('SELECT reference FROM payer_card')).toEqual([]);
  });
});
