import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Store } from '../../store/db.ts';
import { backlog } from '../../store/reads/backlog.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { json } from '../schemas.ts';

/** Alive, ready, and figures for Prometheus; open to whoever reaches the port. */
export function healthRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'wattledger_http_request_seconds',
    help: 'Duration of requests',
    labelNames: ['method', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  const records = new Gauge({ name: 'wattledger_records', help: 'Records that wait, by state', labelNames: ['state'], registers: [registry] });
  const pending = new Gauge({ name: 'wattledger_messages_pending', help: 'Stored messages not processed yet', registers: [registry] });
  const oldest = new Gauge({ name: 'wattledger_oldest_pending_seconds', help: 'Age of the oldest of them', registers: [registry] });
  const postings = new Gauge({ name: 'wattledger_erp_postings', help: 'ERP postings by state', labelNames: ['state'], registers: [registry] });

  app.use('*', async (c, next) => {
    const end = requests.startTimer({ method: c.req.method });
    await next();
    end({ status: c.res.status });
  });
  app.openapi(createRoute({ method: 'get', path: '/healthz', tags: ['Health'], summary: 'The process is alive', responses: { 200: json(z.object({ ok: z.literal(true) }), 'Alive.') } }), (c) =>
    c.json({ ok: true as const }, 200),
  );
  const state = z.object({ ready: z.boolean(), database: z.string(), temporal: z.string() });
  app.openapi(
    createRoute({
      method: 'get',
      path: '/readyz',
      tags: ['Health'],
      summary: 'PostgreSQL and Temporal answer',
      responses: { 200: json(state, 'Ready.'), 503: json(state, 'Not ready: the part that does not answer says why.') },
    }),
    async (c) => {
      const asked = async (work: Promise<unknown>) =>
        work.then(
          () => 'ok',
          (error: Error) => error.message,
        );
      const [database, temporal] = await Promise.all([asked(store.pool.query('SELECT 1')), asked(orders.ready())]);
      const ready = database === 'ok' && temporal === 'ok';
      return c.json({ ready, database, temporal }, ready ? 200 : 503);
    },
  );
  app.get('/metrics', async (c) => {
    const now = await backlog(store.pool);
    for (const [gauge, counts] of [
      [records, now.records],
      [postings, now.postings],
    ] as const) {
      gauge.reset();
      for (const [label, n] of Object.entries(counts)) gauge.set({ state: label }, n);
    }
    pending.set(now.pending);
    oldest.set(now.oldestPendingSeconds);
    return c.body(await registry.metrics(), 200, { 'content-type': registry.contentType });
  });
}
