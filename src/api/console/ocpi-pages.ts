import type { Hono, MiddlewareHandler } from 'hono';
import type { Store } from '../../store/db.ts';
import { deliveriesOf, peerOverview } from '../../store/reads/ocpi/overview.ts';
import { OcpiPeerPage, OcpiPeersPage } from '../../ui/ocpi-pages.tsx';
import { may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { type ConsoleOrder, type Send, serveOrder } from './order.ts';
import { turns } from './run-pages.ts';
import { holds, viewerOf } from './viewer.ts';

const pageSize = 100;

/** OCPI connections, what waits to be sent over them, and a retry. */
export function ocpiPages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store, send }: { readonly store: Store; readonly send: Send }): void {
  app.get('/ocpi-peers', guard, async (c) => c.html(OcpiPeersPage({ viewer: viewerOf(c), peers: await peerOverview(store.pool), mayConnect: holds(c, may.connect) })));

  serveOrder(app, '/ocpi-peers/retry', guard, send, () => retryOrder);

  app.get('/ocpi-peers/:peerId', guard, async (c) => {
    const id = c.req.param('peerId') ?? '';
    const { state, cursor } = c.req.query();
    const [peer] = await peerOverview(store.pool, id);
    if (peer === undefined) throw new Problem(404, 'notFound', `There is no OCPI connection "${id}".`);
    const page = await deliveriesOf(store.pool, id, { state, cursor, limit: pageSize });
    const path = `/ocpi-peers/${encodeURIComponent(id)}`;
    return c.html(OcpiPeerPage({ viewer: viewerOf(c), peer, deliveries: page.items, mayConnect: holds(c, may.connect), ...turns(path, { state }, cursor, page.nextCursor) }));
  });
}

const retryOrder: ConsoleOrder = {
  title: 'Send again',
  explain: 'Queues again what the peer refused, and goes on after a failure of the peer. What was sent is not sent twice.',
  about: [],
  fields: [
    { name: 'peerId', label: 'Connection', kind: 'text', required: true },
    { name: 'reason', label: 'Why', kind: 'long', required: true },
  ],
  verb: 'Send again',
  trail: [['/ocpi-peers', 'OCPI']],
  roles: may.connect,
  request: ({ peerId = '', reason }) => ({ method: 'POST', path: `/v1/ocpi/peers/${encodeURIComponent(peerId.trim())}/retry`, json: { reason } }),
  done: (answer) => `${String(answer['requeued'])} CDRs are queued again; ${String(answer['workflowId'])} sends them.`,
  next: () => '/ocpi-peers',
};
