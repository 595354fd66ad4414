import type { Hono, MiddlewareHandler } from 'hono';
import type { StandingApprovalView } from '../../contracts/standing-approval.ts';
import { localDateOf } from '../../core/time.ts';
import type { Store } from '../../store/db.ts';
import { type EntityView, listEntities } from '../../store/reads/entities.ts';
import { findStandingApproval, standingApprovals } from '../../store/reads/standing-approvals.ts';
import { grouped, words } from '../../ui/format.ts';
import { StandingApprovalsPage } from '../../ui/release-pages.tsx';
import { may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { type ConsoleOrder, type Send, serveOrder } from './order.ts';
import { entityIn, turns } from './run-pages.ts';
import { holds, viewerOf } from './viewer.ts';

const path = '/rules/standing-approvals';
const pageSize = 100;
const trail = [
  ['/', 'Runs'],
  [path, 'Standing approvals'],
] as const;

/** Approvals given in advance, by two. */
export function standingApprovalPages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store, send }: { readonly store: Store; readonly send: Send }): void {
  app.get(path, guard, async (c) => {
    const { cursor } = c.req.query();
    const [entities, page] = await Promise.all([listEntities(store.pool), standingApprovals(store.pool, undefined, { cursor, limit: pageSize })]);
    const isOver = (s: StandingApprovalView) => s.validTo <= localDateOf(Date.now(), entityIn(entities, s.entityId).timeZone);
    const approvals = page.items.map((s) => ({ ...s, isOver: isOver(s) }));
    return c.html(StandingApprovalsPage({ viewer: viewerOf(c), approvals, mayDecide: holds(c, may.approve), ...turns(path, {}, cursor, page.nextCursor) }));
  });
  serveOrder(app, `${path}/propose`, guard, send, async () => proposeOrder(await listEntities(store.pool)));
  for (const order of ['sign', 'revoke'] as const) {
    serveOrder(app, `${path}/:id/${order}`, guard, send, async (c) => {
      const found = await findStandingApproval(store.pool, c.req.param('id') ?? '');
      if (found === undefined) throw new Problem(404, 'notFound', `There is no standing approval "${c.req.param('id')}".`);
      return decideOrder(found, order);
    });
  }
}

function proposeOrder(entities: readonly EntityView[]): ConsoleOrder {
  const currencies = [...new Set([...entities.map((e) => e.currency), 'SEK', 'EUR'])];
  return {
    title: 'Approve small receipts in advance',
    explain:
      'Release groups of receipts per session alone are then approved by themselves, as long as every receipt and the day’s sum are within their caps and nothing looks wrong. It holds once somebody else has signed it.',
    about: [['Of', words('cardReceipt')]],
    fields: [
      { name: 'entityId', label: 'Entity', kind: 'choice', required: true, choices: entities.map((e) => [e.id, e.name]) },
      { name: 'currency', label: 'Currency', kind: 'choice', required: true, choices: currencies.map((code) => [code, code]) },
      { name: 'documentCap', label: 'A receipt up to', kind: 'text', required: true, hint: 'With VAT, with a point, such as 500.00.' },
      { name: 'dayCap', label: 'A day up to', kind: 'text', required: true, hint: 'All receipts that are approved by it on a day.' },
      { name: 'validFrom', label: 'Holds from', kind: 'date', required: true },
      { name: 'validTo', label: 'Until before', kind: 'date', required: true, hint: 'The first day without it, within a year.' },
      { name: 'reason', label: 'Reason', kind: 'long', required: true, hint: 'Why; kept for good.' },
    ],
    verb: 'Propose',
    trail,
    roles: may.approve,
    request: ({ documentCap = '', dayCap = '', ...rest }) => ({
      method: 'POST',
      path: '/v1/standing-approvals',
      json: { ...rest, strategy: 'cardReceipt', documentCap: documentCap.trim(), dayCap: dayCap.trim() },
    }),
    done: () => 'Proposed: it holds once somebody else has signed it.',
    next: () => path,
  };
}

function decideOrder(s: StandingApprovalView, order: 'sign' | 'revoke'): ConsoleOrder {
  const signs = order === 'sign';
  return {
    title: signs ? 'Sign a standing approval' : 'End a standing approval',
    explain: signs ? 'As the second of two: from then on it approves by itself what is within its caps.' : 'At once; what it has approved stays approved.',
    about: [
      ['Of', `${words(s.strategy)}, ${s.entityId}`],
      ['A receipt up to', `${grouped(s.documentCap)} ${s.currency}`],
      ['A day up to', `${grouped(s.dayCap)} ${s.currency}`],
      ['Holds', `from ${s.validFrom} until before ${s.validTo}`],
      ['Reason', `${s.reason} (${s.proposedBy})`],
    ],
    fields: [{ name: 'reason', label: 'Reason', kind: 'long', required: true, hint: 'Why; kept for good.' }],
    verb: signs ? 'Sign' : 'End',
    trail,
    roles: may.approve,
    request: ({ reason }) => ({ method: 'POST', path: `/v1/standing-approvals/${encodeURIComponent(s.id)}/${signs ? 'signature' : 'revocation'}`, json: { reason } }),
    done: () => (signs ? 'Signed: it is in force.' : 'Ended.'),
    next: () => path,
  };
}
