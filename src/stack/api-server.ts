import type { Server } from 'node:http';
import { type AddressInfo, isIPv6, type Socket } from 'node:net';
import { serve } from '@hono/node-server';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { createApp } from '../api/app.ts';
import { createOrders } from '../api/orders.ts';
import type { SecretBox } from '../contracts/secret-box.ts';
import type { Store } from '../store/db.ts';
import { openSetUp } from '../store/prisma.ts';
import { taskQueue } from '../workflows/messages.ts';

/** A running request has longer to end than the answer to an order is waited for. */
const endWithinMs = 35_000;

export type ApiServerOptions = {
  readonly store: Store;
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly temporalNamespace: string;
  readonly temporalUiUrl?: string | undefined;
  readonly secretBox: SecretBox;
  readonly publicUrl?: string | undefined;
  readonly port: number;
  readonly host: string;
  readonly logLevel: string;
  /** How long running requests have to end when it is closed. */
  readonly endWithinMs?: number;
};

/** Serves the API; `close` lets running requests end, for a time: whoever reads no further keeps it from closing no longer. A port that is taken is an error that names it. */
export async function startApiServer(options: ApiServerOptions): Promise<{ readonly url: string; close(): Promise<void> }> {
  const log = pino({ level: options.logLevel }, pino.destination({ dest: 2, sync: true }));
  // Lazy: the API answers, and says what is missing, while Temporal is away.
  const connection = Connection.lazy({ address: options.temporalAddress });
  const client = new Client({ connection, namespace: options.temporalNamespace });
  const { setUp, close: closeSetUp } = openSetUp(options.databaseUrl);
  const orders = createOrders(client, taskQueue, log);
  const app = createApp({
    store: options.store,
    setUp,
    orders,
    log,
    secretBox: options.secretBox,
    publicUrl: options.publicUrl,
    temporalUiUrl: options.temporalUiUrl,
    temporalNamespace: options.temporalNamespace,
  });
  const server = await new Promise<Server>((resolve, reject) => {
    const listening = serve({ fetch: app.fetch, port: options.port, hostname: options.host }, () => resolve(listening as Server)) as Server;
    listening.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new Error(`port ${options.port} is taken by another program: set PORT to a free one, or to 0`) : error),
    );
  });
  // Those that browsers and load balancers open ahead: Node takes one without a request for a busy one.
  const unused = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', ({ socket }) => unused.delete(socket));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${hostOf(options.host)}:${port}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      for (const socket of unused) socket.destroy();
      const late = setTimeout(() => server.closeAllConnections(), options.endWithinMs ?? endWithinMs);
      await closed;
      clearTimeout(late);
      await orders.flush();
      await connection.close();
      await closeSetUp();
    },
  };
}

/** How a URL names the address that is listened on; of all addresses the machine's own. */
function hostOf(host: string): string {
  const own = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return isIPv6(own) ? `[${own}]` : own;
}
