import type { ErpDocument, ErpKind } from '../../../contracts/erp-document.ts';
import { controlTotalsOf, ErpOutcomeUnknown, type ErpPort, type ErpPosted, ErpRefused, type OnDrafted, type PartiesOf } from '../port.ts';
import { type Chart, trytonBooks } from './books.ts';
import { invoiceKinds, invoiceValues, paymentsOf, postedInvoices } from './invoices.ts';
import { moveDescription, moveValues, partyOfMove, postedMoves } from './moves.ts';
import { type Pace, paceOf } from './pace.ts';
import { type TrytonServer, trytonRpc } from './rpc.ts';

type Posted = Awaited<ReturnType<typeof postedInvoices>>[number];
type Draft = { readonly id: number; readonly state: string };
/** Where documents of a kind lie, and what tells them apart there. */
type Place = {
  readonly model: string;
  readonly field: 'reference' | 'description';
  readonly keyOf: (document: ErpDocument) => string;
  readonly held: typeof postedInvoices;
  readonly values: typeof invoiceValues;
  /** The account whose party the values name. */
  readonly partyFor: (document: ErpDocument, chart: Chart) => string | null;
  readonly pace: Pace;
};

/** With which requests begin, until it is known how fast this Tryton is: it renders a report of each invoice, within the request where no worker of its own does. */
const firstLines = { invoice: 60, move: 1000 };

/**
 * Tryton 8.0 over JSON-RPC. It has no field that keeps a key unique, so a document is looked up, drafted, looked up again, all drafts of
 * the key but the first are deleted, and that one is posted: drafts take no number. One writer a connection is assumed still.
 * `settleMs`: how long after a lost answer a request may still take effect there.
 */
export function trytonErp(server: TrytonServer & { readonly settleMs: number }, partiesOf: PartiesOf): ErpPort {
  const rpc = trytonRpc(server);
  const books = trytonBooks(rpc, partiesOf);
  const { timeoutMs } = server;
  const invoicePlace: Place = {
    ...{ model: 'model.account.invoice', field: 'reference', keyOf: (d) => d.key, held: postedInvoices, values: invoiceValues, partyFor: (d) => d.accountId },
    pace: paceOf({ timeoutMs, firstLines: firstLines.invoice }),
  };
  const movePlace: Place = {
    ...{ model: 'model.account.move', field: 'description', keyOf: moveDescription, held: postedMoves, values: moveValues, partyFor: partyOfMove },
    pace: paceOf({ timeoutMs, firstLines: firstLines.move }),
  };
  const placeOf = (kind: ErpKind) => (invoiceKinds.has(kind) ? invoicePlace : movePlace);
  /** Tells the pace of a place how long a request took for documents, or that its answer did not come. */
  const timed = async (place: Place, documents: readonly ErpDocument[], request: () => Promise<unknown>): Promise<void> => {
    const lines = documents.reduce((sum, d) => sum + d.lines.length, 0);
    const started = performance.now();
    try {
      await request();
      place.pace.took(lines, performance.now() - started);
    } catch (error) {
      if (error instanceof ErpOutcomeUnknown) place.pace.took(lines, undefined);
      throw error;
    }
  };
  /** What bears the keys of documents of one kind, by key, the oldest first. */
  const statesOf = async (documents: readonly ErpDocument[], { model, field, keyOf }: Place): Promise<ReadonlyMap<string, readonly Draft[]>> => {
    const domain = [
      [field, 'in', documents.map(keyOf)],
      ['state', '!=', 'cancelled'],
    ];
    const rows = (await rpc(`${model}.search_read`, [domain, 0, null, [['id', 'ASC']], ['state', field], await books.context()], 'reads')) as (Draft & Record<string, string>)[];
    return new Map(documents.map((d) => [d.key, rows.filter((row) => row[field] === keyOf(d))]));
  };
  /** What is posted of documents of one kind, by key. */
  const findAll = async (documents: readonly ErpDocument[]): Promise<Map<string, Posted>> => {
    const [first] = documents;
    if (first === undefined) return new Map();
    const { field, keyOf, held } = placeOf(first.kind);
    const all = await held(rpc, books, [[field, 'in', documents.map(keyOf)]]);
    const found = new Map<string, Posted>();
    for (const { key } of documents) {
      const [one, ...more] = all.filter((h) => h.kind === first.kind && h.key === key);
      if (more.length > 0) throw new ErpRefused(`Tryton holds ${key} ${more.length + 1} times: ${[one, ...more].map((f) => f?.externalId).join(', ')}; cancel all but one there`);
      if (one !== undefined) found.set(key, one);
    }
    return found;
  };
  const postAll = async (documents: readonly ErpDocument[], onDrafted?: OnDrafted): Promise<Map<string, ErpPosted>> => {
    const [one] = documents;
    const posted = new Map<string, ErpPosted>();
    if (one === undefined) return posted;
    const place = placeOf(one.kind);
    const { model } = place;
    const before = await statesOf(documents, place);
    const isDraft = ({ state }: Draft) => state === 'draft' || state === 'validated';
    for (const [key, held] of await findAll(documents.filter((d) => before.get(d.key)?.every(isDraft) === false))) posted.set(key, { externalId: held.externalId, held });
    const wanted = documents.filter((d) => !posted.has(d.key));
    const [first] = wanted;
    if (first === undefined) return posted;
    const context = await books.context();
    const periods = await books.openPeriodsOn([...new Set(wanted.map((d) => d.postedOn))]);
    // What an attempt before left half way is gone on with: a draft is written whole, or not at all.
    const missing = wanted.filter((d) => before.get(d.key)?.length === 0);
    if (missing.length > 0) {
      const named: string[] = [];
      for (const document of missing) named.push(place.partyFor(document, await books.chartFor(document)) ?? '');
      const needed = { periods, parties: await books.partiesOf(named.filter((id) => id !== '')) };
      const drafts: unknown[] = [];
      for (const document of missing) drafts.push(await place.values(document, books, needed));
      await timed(place, missing, () => rpc(`${model}.create`, [drafts, context], 'writes'));
    }
    await onDrafted?.(wanted);
    const after = await statesOf(wanted, place);
    // Posted by another writer meanwhile: its drafts here are too many.
    const toPost = wanted.flatMap((d) => (after.get(d.key)?.every(isDraft) === true ? (after.get(d.key)?.slice(0, 1) ?? []) : []));
    const surplus = [...after.values()].flatMap((all) => (all.every(isDraft) ? all.slice(1) : all.filter(isDraft)));
    if (surplus.length > 0) await rpc(`${model}.delete`, [surplus.map((o) => o.id), context], 'writes').catch(asUnknown);
    if (toPost.length < wanted.length) throw new ErpOutcomeUnknown(`another writer is at ${first.key}${wanted.length === 1 ? '' : ' or its neighbours'}`);
    try {
      await timed(place, wanted, () => rpc(`${model}.post`, [toPost.map((one) => one.id), context], 'writes'));
    } catch (error) {
      if (!(error instanceof ErpRefused)) throw error;
      // A draft's lines already count in the totals of cost centers. What is posted all the same was another writer's doing.
      if ((await findAll(wanted)).size === 0) {
        await rpc(`${model}.delete`, [toPost.map((one) => one.id), context], 'writes').catch(() => undefined);
        throw error;
      }
    }
    const now = await findAll(wanted);
    const absent = wanted.find((d) => !now.has(d.key));
    if (absent !== undefined) throw new ErpOutcomeUnknown(`Tryton has posted ${absent.key} and does not find it`);
    for (const [key, held] of now) posted.set(key, { externalId: held.externalId, held });
    return posted;
  };
  return {
    settleMs: server.settleMs,
    async find(document) {
      return (await findAll([document])).get(document.key);
    },
    async post(document, onDrafted) {
      return (await postAll([document], onDrafted)).get(document.key) ?? { externalId: '' };
    },
    together: { fit: (documents) => (documents[0] === undefined ? 0 : placeOf(documents[0].kind).pace.fit(documents)), find: findAll, post: postAll },
    periodsOn: (dates) => books.periodsOn(dates),
    async controlTotals(runId) {
      const ofRun = ['description', 'ilike', `%${runId}`];
      const held = [...(await postedInvoices(rpc, books, [ofRun])), ...(await postedMoves(rpc, books, [ofRun]))];
      return controlTotalsOf(held.filter((h) => h.runId === runId));
    },
    masterData: () => books.masterData(),
    async holdings(runId) {
      const ofRun = ['description', 'ilike', `% ${runId ?? '-'}`];
      const held = [...(await postedInvoices(rpc, books, [ofRun], true)), ...(await postedMoves(rpc, books, [ofRun], true))];
      return held.filter((h) => h.runId === runId);
    },
    async payments(documents) {
      return paymentsOf(
        rpc,
        books,
        documents.map((d) => d.key),
      );
    },
  };
}

/** A refusal while tidying up says nothing of the document: somebody else was quicker. */
function asUnknown(error: Error): never {
  throw error instanceof ErpRefused ? new ErpOutcomeUnknown(error.message) : error;
}
