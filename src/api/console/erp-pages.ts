import type { Hono, MiddlewareHandler } from 'hono';
import type { Store } from '../../store/db.ts';
import { type DriftView, listDrifts, listErpConnections } from '../../store/reads/erp-connections.ts';
import { countTaken, forDecision, listPostings, type PostingView } from '../../store/reads/erp-postings.ts';
import { ErpPage } from '../../ui/erp-page.tsx';
import { grouped, words } from '../../ui/format.ts';
import { may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { type ConsoleOrder, type Send, serveOrder } from './order.ts';
import { turns } from './run-pages.ts';
import { holds, viewerOf } from './viewer.ts';

const pageSize = 100;
const notThere = [...forDecision, 'unknown', 'queued', 'drafted', 'posted', 'sending'] as const;

/** What the ERP did not take or holds otherwise, and decisions on it. */
export function erpPages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store, send }: { readonly store: Store; readonly send: Send }): void {
  app.get('/erp', guard, async (c) => {
    const { cursor, only, drifts } = c.req.query();
    const undecided = only === 'undecided';
    const page = await listPostings(store.pool, { states: undecided ? forDecision : notThere, orTaken: true }, { cursor, limit: pageSize });
    const [connections, taken, drifted] = await Promise.all([listErpConnections(store.pool), countTaken(store.pool), listDrifts(store.pool, {}, { cursor: drifts, limit: pageSize })]);
    const rights = { mayRetry: holds(c, may.retryPostings), maySkip: holds(c, may.skipPostings), maySign: holds(c, may.skipPostings) };
    const waiting = connections.reduce((sum, { postings }) => forDecision.reduce((n, state) => n + (postings[state] ?? 0), sum), taken);
    const filter = { only: undecided ? only : undefined };
    const ofDrifts = turns('/erp', { ...filter, cursor }, drifts, drifted.nextCursor, 'drifts');
    return c.html(
      ErpPage({
        viewer: viewerOf(c),
        postings: page.items,
        waiting,
        undecided,
        connections,
        drifts: drifted.items,
        ofDrifts,
        ...rights,
        ...turns('/erp', { ...filter, drifts }, cursor, page.nextCursor),
      }),
    );
  });
  for (const [verb, orderOf] of [
    ['retry', retryOrder],
    ['skip', skipOrder],
    ['number', numberOrder],
  ] as const) {
    serveOrder(app, `/erp/:key/${verb}`, guard, send, async (c) => {
      const key = c.req.param('key') ?? '';
      const [posting] = (await listPostings(store.pool, { key }, { limit: 1 })).items;
      if (posting === undefined) throw new Problem(404, 'notFound', `There is no posting "${key}".`);
      return orderOf(posting);
    });
  }
  serveOrder(app, '/erp/drift/:driftId/sign', guard, send, async (c) => {
    const driftId = c.req.param('driftId') ?? '';
    const [drift] = (await listDrifts(store.pool, { driftId, all: true }, { limit: 1 })).items;
    if (drift === undefined) throw new Problem(404, 'notFound', `There is no drift "${driftId}".`);
    return signOrder(drift);
  });
}

/** Signing what drifted. The page of what is as it was sent again is kept: the route says that there is nothing to sign. */
function signOrder(drift: DriftView): ConsoleOrder {
  return {
    title: 'Let it stay so',
    explain:
      'The ERP holds it otherwise than it was handed over, and may: it no longer keeps its run or its month from closing, as long as it is just that. When it changes once more it has to be signed again.',
    about: [
      ['Posting', drift.key],
      ['Connection', drift.connectionId],
      ['What', words(drift.kind)],
      ['How', drift.words],
      ['Since', drift.foundAt],
    ],
    trail,
    fields: [{ name: 'reason', label: 'Reason', kind: 'long', required: true, hint: 'Why it may; kept for good, and in the audit trail.' }],
    verb: 'Sign',
    roles: may.skipPostings,
    request: (v) => ({ method: 'POST', path: `/v1/erp-drifts/${encodeURIComponent(drift.driftId)}/signature`, json: { reason: v['reason'] } }),
    done: () => 'Signed.',
    next: () => '/erp',
  };
}

const trail: ConsoleOrder['trail'] = [
  ['/', 'Runs'],
  ['/erp', 'ERP'],
];

function base(posting: PostingView, verb: 'retry' | 'skip' | 'number'): Pick<ConsoleOrder, 'about' | 'trail' | 'next' | 'request'> {
  return {
    about: [
      ['Posting', `${words(posting.kind)} ${posting.legalNumber ?? posting.key}, ${grouped(posting.amount)} ${posting.currency}`],
      ['State', words(posting.state)],
      ['The ERP says', posting.answer ?? 'nothing'],
    ],
    trail,
    request: (v) => ({
      method: 'POST',
      path: `/v1/erp-postings/${encodeURIComponent(posting.key)}/${verb}`,
      json: Object.fromEntries(['number', 'externalId', 'reason'].flatMap((name) => (v[name] ? [[name, v[name]]] : []))),
    }),
    next: () => '/erp',
  };
}

function retryOrder(posting: PostingView): ConsoleOrder {
  return {
    ...base(posting, 'retry'),
    title: 'Send it again',
    explain: 'After what kept it out was mended: an account, a cost center, a period, the mapping. It is looked up there before it is posted, and what waits for it goes with it.',
    fields: [{ name: 'reason', label: 'What was mended', kind: 'long' }],
    verb: 'Send again',
    roles: may.retryPostings,
    done: () => 'Queued again.',
  };
}

function skipOrder(posting: PostingView): ConsoleOrder {
  return {
    ...base(posting, 'skip'),
    title: 'Do not send it',
    explain: 'The ERP has it, or has it otherwise, or does without it: look there first. This cannot be taken back; control totals are compared without it, and the reason stands in the close report.',
    fields: [{ name: 'reason', label: 'Reason', kind: 'long', required: true, hint: 'Why; kept for good.' }],
    verb: 'Skip',
    roles: may.skipPostings,
    done: () => 'Skipped.',
  };
}

function numberOrder(posting: PostingView): ConsoleOrder {
  return {
    ...base(posting, 'number'),
    title: 'State the number that it has there',
    explain:
      'The ERP numbers this document and has not told how it is called, or called it as another: look there. It is issued under this number, which stands on it for good, and is not sent any more. If it is not there, send it again instead: it is looked for first.',
    fields: [
      { name: 'number', label: 'Number', kind: 'text', required: true, half: true, hint: 'As it stands on the document in the ERP.' },
      { name: 'externalId', label: 'Id there', kind: 'text', half: true, hint: 'As what it is there, where that is known.' },
      { name: 'reason', label: 'Reason', kind: 'long', required: true, hint: 'How it came there, and where you looked; kept for good.' },
    ],
    verb: 'State',
    roles: may.skipPostings,
    done: () => 'Stated.',
  };
}
