import type { Hono, MiddlewareHandler } from 'hono';
import type { Store } from '../../store/db.ts';
import { findRecord } from '../../store/reads/records.ts';
import { traceFrom } from '../../store/reads/trace.ts';
import { TracePage, traceStarts } from '../../ui/trace-page.tsx';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { turns } from './run-pages.ts';
import { viewerOf } from './viewer.ts';

const pageSize = 100;

/** The trace from any end to the others. */
export function tracePage(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store }: { readonly store: Store }): void {
  app.get('/trace', guard, async (c) => {
    const { from = 'record', cursor } = c.req.query();
    const id = c.req.query('id')?.trim() ?? '';
    if (!traceStarts.some(([start]) => start === from)) throw new Problem(422, 'invalid', `from: one of ${traceStarts.map(([start]) => start).join(', ')}.`);
    const asked = { viewer: viewerOf(c), from, id, refusal: null, firstPage: null, nextPage: null };
    if (id === '') return c.html(TracePage({ ...asked, rows: null }));
    const record = from === 'record' ? await findRecord(store.pool, id) : undefined;
    if (from === 'record' && record === undefined) return c.html(TracePage({ ...asked, rows: null, refusal: `There is no record "${id}".` }), 404);
    const page = await traceFrom(store.pool, { [from]: record?.recordId ?? id }, { cursor, limit: pageSize });
    return c.html(TracePage({ ...asked, rows: page.items, ...turns('/trace', { from, id }, cursor, page.nextCursor) }));
  });
}
