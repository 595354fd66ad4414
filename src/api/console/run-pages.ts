import type { Context, Hono, MiddlewareHandler } from 'hono';
import type { Store } from '../../store/db.ts';
import { annexOf } from '../../store/reads/charges.ts';
import { collectingOf } from '../../store/reads/collecting.ts';
import { listDeliveries } from '../../store/reads/deliveries.ts';
import { documentStrategies, findDocument, listDocuments } from '../../store/reads/documents.ts';
import { energyBalance } from '../../store/reads/energy-balance.ts';
import { type EntityView, listCalendars, listEntities } from '../../store/reads/entities.ts';
import { lateByAccount, pulledInto } from '../../store/reads/late-arrivals.ts';
import { quarantineByCause } from '../../store/reads/quarantine.ts';
import { asText, reportOf } from '../../store/reads/run-report.ts';
import { shapesOf } from '../../store/reads/run-shapes.ts';
import { runSummary } from '../../store/reads/run-summary.ts';
import { approvalsOf, listRuns, openRuns, runStart, siblingRuns, toSignOf } from '../../store/reads/runs.ts';
import { DocumentPage } from '../../ui/document-page.tsx';
import { DocumentsPage } from '../../ui/documents-page.tsx';
import { documentPath, link, runPath } from '../../ui/format.ts';
import { HomePage } from '../../ui/home-page.tsx';
import { ReportPage } from '../../ui/report-page.tsx';
import { RunPage } from '../../ui/run-page.tsx';
import { waitsOf } from '../../ui/waits.ts';
import { may } from '../auth.ts';
import { type DocumentForm, documentFile, hasEInvoice } from '../document-files.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { startOf } from '../routes/run-context.ts';
import { fileResponse, runFile, runForms } from '../run-files.ts';
import { type Send, serveOrder } from './order.ts';
import { planDryOrder, planOrder } from './plan-orders.ts';
import { adjustmentSignature, type RunToSign, runOrders, withdrawal } from './run-orders.ts';
import { holds, viewerOf } from './viewer.ts';

type Deps = { readonly store: Store; readonly send: Send; readonly workflowUrl: (workflowId: string) => string | null };
const pageSize = 50;
/** A run that is not over is looked at closely; there are seldom more than a few. */
const mostOpenRuns = 12;

/** What can be ordered of a run of which nothing leaves. */
const dryOrders = ['pause', 'resume', 'retry', 'cancel'];

/** Runs, their documents and their reports. */
export function runPages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store, send, workflowUrl }: Deps): void {
  const db = store.pool;
  const runOf = async (c: Context<ApiEnv>): Promise<{ run: RunToSign; entity: EntityView }> => {
    const runId = c.req.param('runId') ?? '';
    const run = await runSummary(db, runId);
    if (run === undefined) throw new Problem(404, 'notFound', `There is no run "${runId}".`);
    return { run: { ...run, toSign: await toSignOf(db, run) }, entity: entityIn(await listEntities(db), run.entityId) };
  };

  app.get('/', guard, async (c) => {
    const cursor = c.req.query('cursor');
    // Asked for by themselves: a run that has been open for long is not on the first page of all.
    const [page, entities, causes, unfinished] = await Promise.all([listRuns(db, { cursor, limit: pageSize }), listEntities(db), quarantineByCause(db), openRuns(db, mostOpenRuns)]);
    const runs = page.items.map((r) => ({ ...r, entityName: entityIn(entities, r.entityId).name }));
    const open = await Promise.all(
      unfinished.runIds.map(async (runId) => {
        const run = await runSummary(db, runId);
        if (run === undefined) return [];
        const { name: entityName, timeZone } = entityIn(entities, run.entityId);
        return [{ ...run, entityName, timeZone, waits: waitsOf({ ...run, toSign: await toSignOf(db, run) }) }];
      }),
    );
    return c.html(HomePage({ viewer: viewerOf(c), open: open.flat(), openCount: unfinished.count, runs, causes, mayPlan: holds(c, may.plan), ...turns('/', {}, cursor, page.nextCursor) }));
  });
  const known = async () => ({ entities: await listEntities(db), calendars: await listCalendars(db) });
  serveOrder(app, '/runs/plan', guard, send, async () => planOrder(await known()));
  serveOrder(app, '/runs/plan-dry', guard, send, async () => planDryOrder(await known()));

  app.get('/runs/:runId', guard, async (c) => {
    const { run, entity } = await runOf(c);
    const lateCursor = c.req.query('late');
    const [shapes, approvals, siblings, late, pulledIn, sources] = await Promise.all([
      shapesOf(db, run.runId),
      approvalsOf(db, run.runId),
      siblingRuns(db, run.runId),
      run.late.charges === 0 || run.state === 'closed' ? { items: [], nextCursor: null } : lateByAccount(db, run.runId, { cursor: lateCursor, limit: pageSize }),
      pulledInto(db, run.runId),
      run.state === 'closed' || run.state === 'cancelled' ? null : collectingOf(db, run.runId).then((c) => c.sources),
    ]);
    const actions = Object.entries(runOrders(run, entity))
      .filter(([name]) => (run.kind === 'live' || dryOrders.includes(name)) && (name !== 'put-out' || pulledIn.length > 0))
      .filter(([, order]) => order.states.includes(run.state) && order.offered !== false && holds(c, order.roles))
      .map(([name, order]) => ({ text: order.title, href: link(`${runPath(run.runId)}/${name}`, name === 'approve' || name === 'reject' ? { contentHash: run.contentHash } : {}) }));
    const isOpen = run.kind === 'live' && ['collecting', 'previewing', 'inReview'].includes(run.state);
    const rights = { mayShape: isOpen && holds(c, may.shape), maySign: isOpen && holds(c, may.signAdjustments) };
    const ofLate = turns(runPath(run.runId), {}, lateCursor, late.nextCursor, 'late');
    return c.html(
      RunPage({ viewer: viewerOf(c), run, entity, ...shapes, approvals, ...siblings, late: late.items, ofLate, pulledIn, sources, actions, ...rights, workflowUrl: workflowUrl(run.workflowId) }),
    );
  });

  app.get('/runs/:runId/documents', guard, async (c) => {
    const run = await startOf(store, c.req.param('runId') ?? '');
    const cursor = c.req.query('cursor');
    const filter = { account: c.req.query('account')?.trim() || undefined, strategy: c.req.query('strategy') || undefined };
    const [page, strategies] = await Promise.all([listDocuments(db, run.runId, { ...filter, cursor, limit: pageSize }), documentStrategies(db, run.runId)]);
    return c.html(DocumentsPage({ viewer: viewerOf(c), run, documents: page.items, filter, strategies, ...turns(`${runPath(run.runId)}/documents`, filter, cursor, page.nextCursor) }));
  });

  app.get('/runs/:runId/report', guard, async (c) => {
    const runId = c.req.param('runId') ?? '';
    const report = await reportOf(db, runId);
    if (report === undefined) throw new Problem(404, 'notFound', `There is no run "${runId}".`);
    const asked = c.req.query('asOf')?.trim() || undefined;
    const asOf = asked === undefined ? undefined : new Date(/Z$|[+-]\d\d:\d\d$/.test(asked) ? asked : `${asked}Z`);
    if (asOf !== undefined && Number.isNaN(asOf.getTime())) throw new Problem(422, 'invalid', `"${asked}" is no instant: write 2020-01-31T23:00:00Z.`);
    const energy = asOf === undefined ? report.energyBalance : (await energyBalance(db, { asOf, entityId: report.run.entityId })).map(asText);
    return c.html(ReportPage({ viewer: viewerOf(c), report, energy, asOf, entity: entityIn(await listEntities(db), report.run.entityId) }));
  });

  app.get('/documents/:file{.+\\.(?:pdf|xml|csv)}', guard, async (c) => {
    const file = c.req.param('file');
    return documentFile(db, file.slice(0, -4), file.slice(-3) as DocumentForm);
  });

  app.get('/runs/:runId/files/:form', guard, async (c) => {
    const form = runForms.find((known) => known === c.req.param('form'));
    if (form === undefined) throw new Problem(404, 'notFound', `There is no page ${c.req.path}.`);
    return fileResponse(await runFile(db, c.req.param('runId') ?? '', form));
  });

  app.get('/documents/:id', guard, async (c) => {
    const id = c.req.param('id') ?? '';
    const document = await findDocument(db, id);
    if (document === undefined) throw new Problem(404, 'notFound', `There is no document "${id}".`);
    const cursor = c.req.query('cursor');
    const page = await annexOf(store, id, { cursor, limit: pageSize });
    const { accountId } = document;
    const [line] = document.lines;
    const canChange = (document.state === 'draft' || document.state === 'frozen') && (await runStart(db, document.runId))?.kind === 'live';
    const actions =
      canChange && holds(c, may.shape)
        ? [
            { text: 'Exclude this account', href: link(`${runPath(document.runId)}/exclude`, { scope: 'account', subjectId: accountId }) },
            {
              text: 'Adjust this account',
              href: link(`${runPath(document.runId)}/adjust`, { accountId, vatCode: line?.vatCode, costCenter: line?.costCenter }),
            },
          ]
        : [];
    const [delivery] = (await listDeliveries(db, { documentId: id, limit: 1 })).items;
    const isEInvoice = document.state === 'issued' && (await hasEInvoice(db, id));
    return c.html(DocumentPage({ viewer: viewerOf(c), document, isEInvoice, delivery, charges: page.items, actions, ...turns(documentPath(id), {}, cursor, page.nextCursor) }));
  });

  for (const kind of ['exclusions', 'adjustments'] as const) {
    serveOrder(app, `/runs/:runId/${kind}/:id/withdraw`, guard, send, async (c) => {
      const { run, entity } = await runOf(c);
      const id = c.req.param('id') ?? '';
      const shapes = await shapesOf(db, run.runId);
      const exclusion = shapes.exclusions.find((x) => kind === 'exclusions' && x.id === id);
      const adjustment = shapes.adjustments.find((a) => kind === 'adjustments' && a.id === id);
      const found = exclusion ?? adjustment;
      if (found === undefined) throw new Problem(404, 'notFound', `Run "${run.runId}" has nothing of the id "${id}".`);
      return withdrawal(run, entity, kind, id, aboutShape(found, exclusion === undefined ? amountOf(adjustment) : `${exclusion.scope} ${exclusion.subjectId}`));
    });
  }
  serveOrder(app, '/runs/:runId/adjustments/:id/sign', guard, send, async (c) => {
    const { run, entity } = await runOf(c);
    const id = c.req.param('id') ?? '';
    const found = (await shapesOf(db, run.runId)).adjustments.find((a) => a.id === id);
    if (found === undefined) throw new Problem(404, 'notFound', `Run "${run.runId}" has nothing of the id "${id}".`);
    return adjustmentSignature(run, entity, id, aboutShape(found, amountOf(found)));
  });
  serveOrder(app, '/runs/:runId/:order', guard, send, async (c) => {
    const { run, entity } = await runOf(c);
    const name = c.req.param('order') ?? '';
    const given = c.req.method === 'POST' ? (await c.req.parseBody())['contentHash'] : c.req.query('contentHash');
    const orders = runOrders(run, entity, typeof given === 'string' ? given : run.contentHash);
    const order = Object.hasOwn(orders, name) ? orders[name] : undefined;
    if (order === undefined) throw new Problem(404, 'notFound', `There is no page ${c.req.path}.`);
    return order;
  });
}

const amountOf = (a: { readonly accountId: string; readonly amount: string; readonly currency: string } | undefined) => `${a?.accountId}: ${a?.amount} ${a?.currency}`;

const aboutShape = ({ reason, author }: { readonly reason: string; readonly author: string }, what: string): readonly (readonly [string, string])[] => [
  ['What', what],
  ['Reason', reason],
  ['Author', author],
];

/** The entity of an id among those that were read. */
export function entityIn(entities: readonly EntityView[], id: string): EntityView {
  const found = entities.find((e) => e.id === id);
  if (found === undefined) throw new RangeError(`no entity "${id}"`);
  return found;
}

/** Links to the first and the next page of a list; `name` tells the lists of a page that turn apart. */
export function turns(path: string, query: Readonly<Record<string, string | undefined>>, cursor: string | undefined, next: string | null, name = 'cursor') {
  return { firstPage: cursor === undefined ? null : link(path, query), nextPage: next === null ? null : link(path, { ...query, [name]: next }) };
}
