import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { runCommand } from 'citty';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { calledAs, command, group, jsonArg } from '../../src/commands/command.ts';
import { fileCommands } from '../../src/commands/files.ts';
import { demoCommand, resetCommand } from '../../src/commands/home.ts';
import { importCommand } from '../../src/commands/import.ts';
import { loadCommand } from '../../src/commands/load.ts';
import { ocpiCommands } from '../../src/commands/ocpi.ts';
import { paymentCommands } from '../../src/commands/payment.ts';
import { periodCommands } from '../../src/commands/period.ts';
import { keyCommand, seedCommand } from '../../src/commands/production.ts';
import { rateCommand } from '../../src/commands/rate.ts';
import { retentionCommand } from '../../src/commands/retention.ts';
import { runCommands } from '../../src/commands/run.ts';
import { statementCommand } from '../../src/commands/statement.ts';
import { traceCommand } from '../../src/commands/trace.ts';

const work = vi.fn(async () => true);
const plan = command(
  'plan',
  'A command with all kinds of arguments',
  {
    file: { type: 'positional', description: 'File' },
    entity: { type: 'string', description: 'Entity', required: true },
    accounts: { type: 'string', description: 'Accounts' },
    dry: { type: 'boolean', description: 'Dry' },
    ...jsonArg,
  },
  work,
);
const cli = group('wattledger', 'As the command line', { run: group('run', 'Commands of runs', { plan }) });
const called = async (line: string) => {
  work.mockClear();
  await runCommand(cli, { rawArgs: line.split(' ').map((word) => (word === "''" ? '' : word)) });
};

/** Exit code of a command, and what it says on stderr and on stdout. */
const told = async (run: () => Promise<unknown>) => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await run();
  const [words, out] = [said, printed].map((stream) => stream.mock.calls.map(([line]) => line).join(''));
  vi.restoreAllMocks();
  const code = process.exitCode;
  process.exitCode = 0;
  return [code, words, out];
};

describe('what a command says went wrong', () => {
  it.each([
    ['is one line, of a file shown with its place too', new Error('Flow sequence must end with a ] at line 3:\n\n  id: [a\n^\n'), 'wattledger: Flow sequence must end with a ] at line 3: id: [a ^\n'],
    [
      'has words and a remedy where Node has none: a name of two addresses, at which nothing listens',
      Object.assign(new AggregateError([new Error('connect ECONNREFUSED ::1:5432'), new Error('connect ECONNREFUSED 127.0.0.1:5432')]), { code: 'ECONNREFUSED' }),
      'wattledger: the database cannot be reached (connect ECONNREFUSED ::1:5432, connect ECONNREFUSED 127.0.0.1:5432): look whether it runs, and whether DATABASE_URL and DATABASE_ADMIN_URL are its address\n',
    ],
    [
      'has a remedy for a database that does not answer',
      new Error('timeout expired'),
      'wattledger: the database cannot be reached (timeout expired): look whether it runs, and whether DATABASE_URL and DATABASE_ADMIN_URL are its address\n',
    ],
  ])('%s', async (_, error, words) => {
    work.mockRejectedValueOnce(error);
    expect(await told(() => runCommand(plan, { rawArgs: ['a.csv', '--entity', 'e'] }))).toEqual([1, words, '']);
  });
});

describe('a folder where a file belongs', () => {
  it.each([
    ['rate', rateCommand, []],
    ['import', importCommand, ['--source', 'csms']],
    ['load', loadCommand, ['--kind', 'sites']],
    ['statement', statementCommand, ['--source', 'csms']],
    ['seed', seedCommand, []],
  ] as const)('is named by %s', async (_, of, more) => {
    expect(await told(() => runCommand(of, { rawArgs: [os.tmpdir(), ...more] }))).toEqual([1, `wattledger: ${os.tmpdir()} is a folder: name a file\n`, '']);
  });
});

describe('arguments of a command', () => {
  it.each([
    ['a second file', 'run plan a.csv b.csv --entity e', 'it takes no "b.csv"'],
    ['an option that takes the next for its value', 'run plan a.csv --entity e --accounts --dry', "specify the option argument for '--accounts'"],
    ['the first of two', 'run plan a.csv --entity e --accounts a --accounts b', '--accounts is given twice'],
    ['an option without its value', 'run plan a.csv --entity e --accounts', "'--accounts <value>' argument missing"],
    ['a value that is empty, as of a variable that is not set', "run plan a.csv --entity ''", '--entity wants a value'],
    ['an argument that is empty', "run plan '' --entity e", 'an argument is empty'],
    ['a value of a switch', 'run plan a.csv --entity e --dry false', 'it takes no "false"'],
    ['a value of a switch in one word', 'run plan a.csv --entity e --json=1', "'--json' does not take an argument"],
    ['a letter that it does not know', 'run plan a.csv --entity e -x', "Unknown option '-x'"],
    ['an option that it does not know', 'run plan a.csv --entity e --jsn', "Unknown option '--jsn'"],
    ['an option before its command', 'run --json plan a.csv --entity e', '--json stands before the command'],
    ['what is no command but a property of objects', 'toString', 'Unknown command'],
  ])('refuses %s', async (_, line, told) => {
    await expect(called(line)).rejects.toThrow(told);
    expect(work).not.toHaveBeenCalled();
  });
  it.each([
    ['', 'wattledger'],
    ['run', 'wattledger run'],
    ['run shw', 'wattledger run'],
    ['run plan a.csv', 'wattledger run plan'],
    ['toString', 'wattledger'],
  ])('of "%s" are looked up in the help of %s', (line, words) => {
    expect(calledAs(cli, line.split(' '))).toBe(words);
  });
  it('takes the others as they are written', async () => {
    for (const line of ['run plan a.csv --entity e --dry --no-json', 'run plan --dry --entity=e a.csv']) {
      await called(line);
      expect(work).toHaveBeenCalledWith(expect.objectContaining({ file: 'a.csv', entity: 'e', dry: true, json: false }));
    }
    expect(process.exitCode).toBe(0);
  });
});

describe('an API key', () => {
  it.each([
    ['of a partner without a source, who would see every one', ['--role', 'partner'], '--role partner stands alone, and wants --source'],
    ['of a partner who holds a role that sees every source', ['--role', 'partner,auditor', '--source', 'csms'], '--role partner stands alone, and wants --source'],
    ['of a source for a role that sees all', ['--role', 'ops', '--source', 'csms'], '--source is for --role partner'],
  ])('is not made %s', async (_, args, words) => {
    const [, said] = await told(() => runCommand(keyCommand, { rawArgs: ['--actor', 'somebody', ...args] }).catch((error) => process.stderr.write(String(error))));
    expect(said).toContain(words);
  });
});

describe('commands on what is not theirs to change', () => {
  const base = mkdtempSync(path.join(os.tmpdir(), 'wattledger-reset-'));
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(base, { recursive: true, force: true });
  });

  it('reset leaves a folder alone that is no home, and removes one that is', async () => {
    vi.stubEnv('WATTLEDGER_HOME', base);
    mkdirSync(path.join(base, 'logs'), { recursive: true });
    writeFileSync(path.join(base, 'thesis.txt'), 'three years of work');
    expect(await told(() => runCommand(resetCommand, { rawArgs: [] }))).toEqual([1, expect.stringContaining('holds no state of WattLedger, so it stays: set WATTLEDGER_HOME'), '']);
    expect(existsSync(path.join(base, 'thesis.txt'))).toBe(true);
    writeFileSync(path.join(base, 'run.json'), '{"pids":{}}');
    expect(await told(() => runCommand(resetCommand, { rawArgs: [] }))).toEqual([0, '', `removed ${base}\n`]);
    expect(existsSync(base)).toBe(false);
  });
  it.each([
    ['reset', resetCommand, []],
    ['demo', demoCommand, []],
    ['a command that calls the API, without saying which', runCommands, ['list']],
  ])('in production %s boots and removes nothing', async (_, called, rawArgs) => {
    for (const [name, value] of Object.entries({ WATTLEDGER_HOME: base, WATTLEDGER_ENV: 'production', DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', TEMPORAL_ADDRESS: '127.0.0.1:1' }))
      vi.stubEnv(name, value);
    expect(await told(() => runCommand(called, { rawArgs }))).toEqual([1, expect.stringContaining('WATTLEDGER_ENV=production'), '']);
    expect(existsSync(base)).toBe(false);
  });
});

describe('commands that call the API', () => {
  let looks = 0;
  const asked: { readonly path: string; readonly body: string }[] = [];
  const paymentOf = (n: number) => ({ paymentId: `pay_${n}`, state: 'proposed', executeOn: '2020-03-02', amount: '1.00', currency: 'SEK', items: [], contentHash: '' });
  const ids = (from: number) => Array.from({ length: 200 }, (_, i) => from + i);
  const diffOf = (n: number, nextCursor: string | null) => ({ totals: [], items: ids(n).map((i) => ({ accountId: `acc_${i}` })), nextCursor });
  const answers: Readonly<Record<string, unknown>> = {
    '/v1/runs/run_x/diff?against=lastMonth&limit=200': diffOf(0, 'more'),
    '/v1/runs/run_x/diff?against=lastMonth&limit=200&cursor=more': diffOf(200, null),
    '/v1/runs?limit=200': { items: ids(0).map((n) => ({ runId: `run_${n}`, state: 'closed' })), nextCursor: 'run_199' },
    '/v1/runs?limit=200&cursor=run_199': { items: [{ runId: 'run_200', state: 'inReview' }], nextCursor: null },
    '/v1/ocpi/peers/hub/deliveries?limit=200': { items: ids(0).map((n) => ({ cdrId: `cdr_${n}`, state: 'sent', answer: null, issues: [] })), nextCursor: '199' },
    '/v1/ocpi/peers/hub/deliveries?limit=200&cursor=199': { items: [{ cdrId: 'cdr_200', state: 'refused', answer: 'no such tariff', issues: [] }], nextCursor: null },
    '/v1/sources/csms/files?fileName=sessions.csv': { batchId: 'bat_1', duplicate: false, lineCount: 2 },
    '/v1/imports/bat_1': () => ({ batchId: 'bat_1', lineCount: 2, processed: looks++ < 5 ? 0 : 2, outcomes: { booked: 2 } }),
    '/v1/retention/runs': { runId: 'ret_1' },
    '/v1/retention': () => ({ runs: looks++ < 5 ? [] : [{ runId: 'ret_1', class: 'rawBody', due: 0, removed: 0, oldest: null }] }),
    '/v1/trace?erp=nope&limit=200': { items: [], nextCursor: null },
    '/v1/trace/tree?record=5554': {
      charges: 3,
      records: 1,
      energyWh: '80860',
      net: [{ currency: 'SEK', amount: '268.49' }],
      documents: [],
      withoutDocument: [
        { role: 'driverSale', net: '240.00', currency: 'SEK' },
        { role: 'driverSale', net: '4.08', currency: 'SEK' },
        { role: 'siteShareEstimate', net: '24.41', currency: 'SEK' },
      ],
      equal: true,
    },
    '/v1/entities/ent_no': { currency: 'NOK' },
    '/v1/payments?limit=200': { items: ids(0).map((n) => paymentOf(n)), nextCursor: '199' },
    '/v1/payments?limit=200&cursor=199': { items: [paymentOf(200)], nextCursor: null },
    '/v1/payments': { paymentId: null, leftOut: [] },
    '/v1/ocpi/peers/hub': {
      peerId: 'hub',
      kind: 'hub',
      state: 'new',
      version: null,
      problem: null,
      them: { countryCode: 'DE', partyId: 'HUB' },
      sweep: null,
      tariffs: [],
      waitingFor: [],
      deliveries: {},
    },
  };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push({ path: request.url ?? '', body });
    const given = answers[request.url ?? ''];
    const answer = typeof given === 'function' ? given() : given;
    response.writeHead(answer === undefined ? 502 : 200).end(answer === undefined ? '<html>Bad gateway</html>' : JSON.stringify(answer));
  });
  beforeAll(async () => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => server.close());
  beforeEach(() => {
    vi.stubEnv('WATTLEDGER_API_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    vi.stubEnv('WATTLEDGER_TOKEN', 'token');
  });
  afterEach(() => vi.unstubAllEnvs());

  it('print a list to its end, and judge by all of it', async () => {
    const [code, , runs] = await told(() => runCommand(runCommands, { rawArgs: ['list'] }));
    expect([code, String(runs).split('\n')]).toEqual([0, expect.arrayContaining([expect.stringMatching(/^run_200 +inReview/)])]);
    expect(await told(() => runCommand(ocpiCommands, { rawArgs: ['deliveries', 'hub'] }))).toEqual([1, '', expect.stringContaining('cdr_200: refused; no such tariff')]);
    expect(await told(() => runCommand(paymentCommands, { rawArgs: ['list'] }))).toEqual([0, '', expect.stringContaining('pay_200  proposed')]);
    const [, , diff] = await told(() => runCommand(runCommands, { rawArgs: ['diff', 'run_x', '--against', 'lastMonth', '--json'] }));
    expect(JSON.parse(String(diff))).toMatchObject({
      items: ids(0)
        .concat(ids(200))
        .map((i) => ({ accountId: `acc_${i}` })),
      nextCursor: null,
    });
  });
  it('add what is sold and what is owed of it to no sum', async () => {
    const [code, , tree] = await told(() => runCommand(traceCommand, { rawArgs: ['5554', '--tree'] }));
    expect([code, String(tree).split('\n')[0]]).toEqual([0, '80860 Wh in 1 records, 3 charges: driverSale 244.08 SEK, siteShareEstimate 24.41 SEK']);
  });
  it('say what they wait for when nobody takes up the work, and go on waiting', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-wait-'));
    writeFileSync(path.join(folder, 'sessions.csv'), 'x');
    // Four seconds between two looks at the clock.
    let now = Date.now();
    vi.spyOn(Date, 'now').mockImplementation(() => (now += 4000));
    looks = 0;
    const [code, words, out] = await told(() => runCommand(importCommand, { rawArgs: [path.join(folder, 'sessions.csv'), '--source', 'csms'] }));
    expect([code, out]).toEqual([0, 'bat_1: 2 sessions (2 booked)\n']);
    expect(String(words).match(/Nothing of it was done for \d+ s: a worker has to take it up\. See that one runs/g)).toHaveLength(1);
    vi.spyOn(Date, 'now').mockImplementation(() => (now += 4000));
    looks = 0;
    const retention = await told(() => runCommand(retentionCommand, { rawArgs: ['--run', '--class', 'rawBody'] }));
    expect(retention).toEqual([0, expect.stringContaining('a worker has to take it up'), expect.stringContaining('rawBody')]);
    looks = 5;
    expect(await told(() => runCommand(importCommand, { rawArgs: [path.join(folder, 'sessions.csv'), '--source', 'csms'] }))).toEqual([0, '', expect.anything()]);
    rmSync(folder, { recursive: true });
  });
  it('propose to pay in the currency of the entity’s books unless told', async () => {
    const due = ['--due-until', '2020-02-29', '--execute-on', '2020-03-02', '--reason', 'due in February'];
    expect(await told(() => runCommand(paymentCommands, { rawArgs: ['propose', '--entity', 'ent_no', ...due] }))).toEqual([0, '', 'nobody is to be paid in NOK\n']);
    expect(JSON.parse(asked.at(-1)?.body ?? '')).toMatchObject({ entityId: 'ent_no', currency: 'NOK' });
    await told(() => runCommand(paymentCommands, { rawArgs: ['propose', '--entity', 'ent_no', '--currency', 'EUR', ...due] }));
    expect(JSON.parse(asked.at(-1)?.body ?? '')).toMatchObject({ currency: 'EUR' });
  });
  it('read a file with a byte order mark, and name one that is no JSON', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-file-'));
    const set = async (text: string) => {
      writeFileSync(path.join(folder, 'peer.json'), text);
      return told(() => runCommand(ocpiCommands, { rawArgs: ['set', 'hub', path.join(folder, 'peer.json')] }));
    };
    expect(await set('\uFEFF{"kind":"hub"}\r\n')).toEqual([0, '', expect.stringContaining('hub: hub DE*HUB, new')]);
    expect(JSON.parse(asked.at(-1)?.body ?? '')).toEqual({ kind: 'hub' });
    expect(await set('{"kind":')).toEqual([1, expect.stringMatching(/peer\.json is no JSON: /), '']);
    rmSync(folder, { recursive: true });
  });
  it('ask for exactly the run and month that are named, whatever is written: a question mark sent a retry to the route that cancels', async () => {
    for (const [command, ...rawArgs] of [
      [runCommands, 'retry', 'run_x/cancel?'],
      [runCommands, 'pause', 'run/ent_se/2019-12/live', '--reason', 'looked at it'],
      [runCommands, 'show', 'run_x#1'],
      [periodCommands, 'close', '2019-12/state?', '--entity', 'ent_no', '--reason', 'all is in'],
    ] as const) {
      await told(() => runCommand(command, { rawArgs: [...rawArgs] }));
    }
    expect(asked.slice(-4).map(({ path }) => path)).toEqual([
      '/v1/runs/run_x%2Fcancel%3F/retry',
      '/v1/runs/run%2Fent_se%2F2019-12%2Flive/pause',
      '/v1/runs/run_x%231',
      '/v1/entities/ent_no/accounting-periods/2019-12%2Fstate%3F/state',
    ]);
  });
  it('ask below the path of the API’s address, as behind a proxy, never at its host’s root', async () => {
    const { WATTLEDGER_API_URL: host } = process.env;
    for (const address of [`${host}/billing`, `${host}/billing/`]) {
      vi.stubEnv('WATTLEDGER_API_URL', address);
      await told(() => runCommand(runCommands, { rawArgs: ['show', 'run_x'] }));
      await told(() => runCommand(fileCommands, { rawArgs: ['document', 'doc_x'] }));
    }
    expect(asked.slice(-4).map(({ path }) => path)).toEqual(Array.from({ length: 2 }, () => ['/billing/v1/runs/run_x', '/billing/v1/documents/doc_x.pdf']).flat());
  });
  it('say why they end with 1', async () => {
    expect(await told(() => runCommand(traceCommand, { rawArgs: ['nope'] }))).toEqual([1, expect.stringContaining('no charge hangs on erp "nope"'), '']);
    const gateway = await told(() => runCommand(runCommands, { rawArgs: ['show', 'run_x'] }));
    expect(gateway).toEqual([1, expect.stringMatching(/what answers there \(502\) is no API of WattLedger: look whether the API runs at http:\/\/127/), '']);
    vi.stubEnv('WATTLEDGER_API_URL', 'http://127.0.0.1:1');
    const away = await told(() => runCommand(runCommands, { rawArgs: ['list'] }));
    expect(away).toEqual([1, expect.stringMatching(/the API cannot be reached \(.+\): look whether the API runs at http:\/\/127\.0\.0\.1:1, and whether WATTLEDGER_API_URL/), '']);
  });
});
