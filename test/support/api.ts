import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { inject } from 'vitest';
import type { ErpFor } from '../../src/activities/hand-over.ts';
import { createApp } from '../../src/api/app.ts';
import { createOrders } from '../../src/api/orders.ts';
import type { Seed } from '../../src/contracts/seed.ts';
import { createWorker, registerSearchAttributes } from '../../src/stack/temporal-worker.ts';
import { putApiKeys } from '../../src/store/commands/api-keys.ts';
import type { Store } from '../../src/store/db.ts';
import { openSetUp } from '../../src/store/prisma.ts';
import type { Role } from '../../src/store/reads/api-keys.ts';
import type { TestDatabase } from './database.ts';
import { notAsDescribed } from './described.ts';
import { testSecretBox } from './secret-box.ts';
import { seeded } from './seeded.ts';

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of a body is what it checks
  readonly body: any;
};
export type ApiUnderTest = {
  readonly store: Store;
  readonly database: TestDatabase;
  readonly client: Client;
  readonly taskQueue: string;
  /** Sends a request as a user; a string body goes as it is. Throws when it or its answer is not as the API is described. */
  call(user: string | undefined, method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Serves the same API over a socket, for what no in-process request can show. */
  listen(): Promise<Server>;
  stop(): Promise<void>;
};

const users: Record<string, { roles: Role[]; sourceId: string | null }> = {
  partner: { roles: ['partner'], sourceId: 'ocpi-peer' },
  preparer: { roles: ['finance-preparer'], sourceId: null },
  approver: { roles: ['finance-approver'], sourceId: null },
  both: { roles: ['finance-preparer', 'finance-approver'], sourceId: null },
  ops: { roles: ['ops'], sourceId: null },
  auditor: { roles: ['auditor'], sourceId: null },
  admin: { roles: ['admin'], sourceId: null },
};

/** `setUp` changes the sample operator; `extraUsers` come beside the usual ones; `queue` is the worker's, when the test starts one of its own; `dropsFolder` is where sources drop files; `answerWithinMs` how long the answer to an order is waited for. */
export type ApiOptions = {
  readonly setUp?: (seed: Seed) => void;
  readonly extraUsers?: Readonly<Record<string, readonly Role[]>>;
  readonly queue?: string;
  readonly dropsFolder?: string;
  readonly answerWithinMs?: number;
};

/** The API on a seeded database of its own, with a real Temporal and, unless `erpFor` is left out, a worker. */
export async function startApi(erpFor?: ErpFor, options: ApiOptions = {}): Promise<ApiUnderTest> {
  const { store, database, drop } = await seeded('demo', (seed) => {
    options.setUp?.(seed);
    return seed;
  });
  const extra = Object.fromEntries(Object.entries(options.extraUsers ?? {}).map(([name, roles]) => [name, { roles: [...roles], sourceId: null }]));
  await store.tx((db) =>
    putApiKeys(
      db,
      Object.entries({ ...users, ...extra }).map(([actor, user]) => ({ id: actor, actor, token: `token-${actor}`, sample: true, ...user })),
    ),
  );
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  // A namespace of the file's own: workflow ids are business keys, the same in every test.
  const namespace = `test-${randomUUID()}`;
  const taskQueue = options.queue ?? namespace;
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: { seconds: 86_400 as never } });
  await registerSearchAttributes(inject('temporalAddress'), namespace);
  const client = new Client({ connection, namespace });
  const log = pino({ level: 'silent' });
  const { setUp, close: closeSetUp } = openSetUp(database.url);
  const secretBox = testSecretBox();
  const app = createApp({ store, setUp, orders: createOrders(client, taskQueue, log, options.answerWithinMs), log, secretBox, bodyWithinMs: 500 });
  const servers: Server[] = [];
  let stopWorker = async () => undefined as undefined;
  if (erpFor !== undefined) {
    const { worker, close } = await createWorker({
      address: inject('temporalAddress'),
      namespace,
      taskQueue,
      store,
      erpFor,
      secretBox,
      makePartitions: async () => 0,
      ...(options.dropsFolder === undefined ? {} : { dropsFolder: options.dropsFolder }),
    });
    const running = worker.run();
    stopWorker = async () => {
      worker.shutdown();
      await running;
      await close();
      return undefined;
    };
  }
  return {
    store,
    database,
    client,
    taskQueue,
    async call(user, method, path, body, headers = {}) {
      const auth: Record<string, string> = user === undefined ? {} : { authorization: `Bearer token-${user}` };
      const raw = typeof body === 'string';
      const response = await app.request(path, {
        method,
        headers: { ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }), ...auth, ...headers },
        ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const answer: Answer = { status: response.status, headers: response.headers, body: text !== '' && /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : text };
      const faults = notAsDescribed(method, path, body, answer);
      if (faults.length > 0) throw new Error(`not as docs/openapi.json says:\n${faults.join('\n')}`);
      return answer;
    },
    async listen() {
      const server = await new Promise<Server>((resolve) => {
        const listening = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(listening as Server)) as Server;
      });
      servers.push(server);
      return server;
    },
    async stop() {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise<void>((resolve) => server.close(() => resolve()));
      }
      await stopWorker();
      await connection.close();
      await closeSetUp();
      await drop();
    },
  };
}
