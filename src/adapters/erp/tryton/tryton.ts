import type { ErpDocument, ErpKind } from '../../../contracts/erp-document.ts';
import { controlTotalsOf, ErpOutcomeUnknown, type ErpPort, ErpRefused, type OnDrafted, type PartiesOf } from '../port.ts';
import { trytonBooks } from './books.ts';
import { invoiceKinds, invoiceValues, paymentsOf, postedInvoices } from './invoices.ts';
import { moveDescription, moveValues, postedMoves } from './moves.ts';
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
};
const invoicePlace: Place = { model: 'model.account.invoice', field: 'reference', keyOf: (d) => d.key, held: postedInvoices, values: invoiceValues };
const movePlace: Place = { model: 'model.account.move', field: 'description', keyOf: moveDescription, held: postedMoves, values: moveValues };

/** Tryton creates and posts several in one transaction each. It renders a report of each invoice it posts, a second under load, and a request has an end. */
const invoicesAtOnce = 10;
const movesAtOnce = 50;

/**
 * Tryton 8.0 over JSON-RPC. It has no field that keeps a key unique, so a document is looked up, drafted, looked up again, all drafts of
 * the key but the first are deleted, and that one is posted: drafts take no number. One writer a connection is assumed still.
 * `settleMs`: how long after a lost answer a request may still take effect there.
 */
export function trytonErp(server: TrytonServer & { readonly settleMs: number }, partiesOf: PartiesOf): ErpPort {
  const rpc = trytonRpc(server);
  const books = trytonBooks(rpc, partiesOf);
  const placeOf = (kind: ErpKind) => (invoiceKinds.has(kind) ? invoicePlace : movePlace);
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
  const postAll = async (documents: readonly ErpDocument[], onDrafted?: OnDrafted): Promise<Map<string, string>> => {
    const known = await findAll(documents);
    const ids = new Map([...known].map(([key, { externalId }]) => [key, externalId]));
    const wanted = documents.filter((d) => !known.has(d.key));
    const [first] = wanted;
    if (first === undefined) return ids;
    const { model, field, keyOf, values } = placeOf(first.kind);
    const context = await books.context();
    const ofKeys = async (): Promise<Map<string, Draft[]>> => {
      const rows = (await rpc(
        `${model}.search_read`,
        [
          [
            [field, 'in', wanted.map(keyOf)],
            ['state', '!=', 'cancelled'],
          ],
          0,
          null,
          [['id', 'ASC']],
          ['state', field],
          context,
        ],
        'reads',
      )) as (Draft & Record<string, string>)[];
      return new Map(wanted.map((d) => [d.key, rows.filter((row) => row[field] === keyOf(d))]));
    };
    for (const date of new Set(wanted.map((d) => d.postedOn))) await books.periodOn(date);
    // What an attempt before left half way is gone on with: a draft is written whole, or not at all.
    const before = await ofKeys();
    const missing = wanted.filter((d) => before.get(d.key)?.length === 0);
    const drafts: unknown[] = [];
    for (const document of missing) drafts.push(await values(document, books));
    if (drafts.length > 0) await rpc(`${model}.create`, [drafts, context], 'writes');
    await onDrafted?.(wanted);
    const after = await ofKeys();
    const isDraft = (one: Draft) => one.state === 'draft' || one.state === 'validated';
    // Posted by another writer meanwhile: its drafts here are too many.
    const toPost = wanted.flatMap((d) => (after.get(d.key)?.every(isDraft) === true ? (after.get(d.key)?.slice(0, 1) ?? []) : []));
    const surplus = [...after.values()].flatMap((all) => (all.every(isDraft) ? all.slice(1) : all.filter(isDraft)));
    if (surplus.length > 0) await rpc(`${model}.delete`, [surplus.map((o) => o.id), context], 'writes').catch(asUnknown);
    if (toPost.length < wanted.length) throw new ErpOutcomeUnknown(`another writer is at ${first.key}${wanted.length === 1 ? '' : ' or its neighbours'}`);
    const post = () => rpc(`${model}.post`, [toPost.map((one) => one.id), context], 'writes');
    try {
      await post();
    } catch (error) {
      if (!(error instanceof ErpRefused)) throw error;
      // A draft's lines already count in the totals of cost centers. What is posted all the same was another writer's doing.
      if ((await findAll(wanted)).size === 0) {
        await rpc(`${model}.delete`, [toPost.map((one) => one.id), context], 'writes').catch(() => undefined);
        throw error;
      }
    }
    const posted = await findAll(wanted);
    const absent = wanted.find((d) => !posted.has(d.key));
    if (absent !== undefined) throw new ErpOutcomeUnknown(`Tryton has posted ${absent.key} and does not find it`);
    for (const [key, { externalId }] of posted) ids.set(key, externalId);
    return ids;
  };
  return {
    settleMs: server.settleMs,
    async find(document) {
      return (await findAll([document])).get(document.key);
    },
    async post(document, onDrafted) {
      return { externalId: (await postAll([document], onDrafted)).get(document.key) ?? '' };
    },
    together: { size: (kind) => (invoiceKinds.has(kind) ? invoicesAtOnce : movesAtOnce), find: findAll, post: postAll },
    closedOn: (dates) => books.closedOn(dates),
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
