import type { Hono, MiddlewareHandler } from 'hono';
import type { StandingApprovalView } from '../../contracts/standing-approval.ts';
import { localDateOf } from '../../core/time.ts';
import type { Store } from '../../store/db.ts';
import { type EntityView, listEntities } from '../../store/reads/entities.ts';
import { standingApprovals } from '../../store/reads/standing-approvals.ts';
import { grouped, words } from '../../ui/format.ts';
import { StandingApprovalsPage } from '../../ui/release-pages.tsx';
import { may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { type ConsoleOrder, type Send, serveOrder } from './order.ts';
import { holds, viewerOf } from './viewer.ts';

const path = '/rules/standing-approvals';
const trail = [
  ['/', 'Runs'],
  [path, 'Standing approvals'],
] as const;

/** Approvals given in advance, by two. */
export function standingApprovalPages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store, send }: { readonly store: Store; readonly send: Send }): void {
  const ofEntity = async ({ id, timeZone }: EntityView) => {
    const today = localDateOf(Date.now(), timeZone);
    return (await standingApprovals(store.pool, id)).map((s) => ({ ...s, isOver: s.validTo <= today }));
  };
  const all = async () => (await Promise.all((await listEntities(store.pool)).map(ofEntity))).flat();
  app.get(path, guard, async (c) => c.html(StandingApprovalsPage({ viewer: viewerOf(c), approvals: await all(), mayDecide: holds(c, may.approve) })));
  serveOrder(app, `${path}/propose`, guard, send, async () => proposeOrder(await listEntities(store.pool)));
  for (const order of ['sign', 'revoke'] as const) {
    serveOrder(app, `${path}/:id/${order}`, guard, send, async (c) => {
      const found = (await all()).find((s) => s.id === c.req.param('id'));
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
