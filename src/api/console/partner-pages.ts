import type { Hono, MiddlewareHandler } from 'hono';
import type { Store } from '../../store/db.ts';
import { partnerClaims, partnerMonth, partnersOfMonth } from '../../store/reads/partner-claims.ts';
import { PartnerPage } from '../../ui/partner-page.tsx';
import { claimsFile } from '../claims-csv.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { monthText } from '../schemas.ts';
import { turns } from './run-pages.ts';
import { viewerOf } from './viewer.ts';

const pageSize = 100;

/** What partners charge us, month by month. */
export function partnerPages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store }: { readonly store: Store }): void {
  const db = store.pool;
  app.get('/partners', guard, async (c) => {
    const { account, cursor } = c.req.query();
    const month = monthOf(c.req.query('month') ?? lastMonth(new Date()));
    const partners = await partnersOfMonth(db, month);
    if (account === undefined) return c.html(PartnerPage({ viewer: viewerOf(c), month, partners, chosen: null }));
    const [found, page] = await Promise.all([partnerMonth(db, { accountId: account, month }), partnerClaims(db, { accountId: account, month, class: 'differs' }, { cursor, limit: pageSize })]);
    if (found === undefined) throw new Problem(404, 'notFound', `There is no account "${account}".`);
    return c.html(PartnerPage({ viewer: viewerOf(c), month, partners, chosen: { ...found, rows: page.items, ...turns('/partners', { month, account }, cursor, page.nextCursor) } }));
  });
  app.get('/partners/sessions.csv', guard, async (c) => claimsFile(db, c.req.query('account') ?? '', monthOf(c.req.query('month') ?? '')));
}

function monthOf(text: string): string {
  if (!monthText.safeParse(text).success) throw new Problem(422, 'invalid', 'month: a month such as 2019-12.');
  return text;
}

function lastMonth(now: Date): string {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1)).toISOString().slice(0, 7);
}
