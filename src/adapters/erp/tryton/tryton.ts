import type { ErpDocument } from '../../../contracts/erp-document.ts';
import { controlTotalsOf, ErpOutcomeUnknown, type ErpPort, ErpRefused, type PartiesOf } from '../port.ts';
import { trytonBooks } from './books.ts';
import { invoiceKinds, invoiceValues, postedInvoices } from './invoices.ts';
import { moveDescription, moveValues, postedMoves } from './moves.ts';
import { type TrytonServer, trytonRpc } from './rpc.ts';

/**
 * Tryton 8.0 over JSON-RPC. It has no field that keeps a key unique, so a document is looked up, drafted, looked up again, all drafts of
 * the key but the first are deleted, and that one is posted: drafts take no number. One writer a connection is assumed still.
 * `settleMs`: how long after a lost answer a request may still take effect there.
 */
export function trytonErp(server: TrytonServer & { readonly settleMs: number }, partiesOf: PartiesOf): ErpPort {
  const rpc = trytonRpc(server);
  const books = trytonBooks(rpc, partiesOf);
  const placeOf = (document: ErpDocument) =>
    invoiceKinds.has(document.kind)
      ? { model: 'model.account.invoice', byKey: ['reference', '=', document.key], held: postedInvoices, values: invoiceValues }
      : { model: 'model.account.move', byKey: ['description', '=', moveDescription(document)], held: postedMoves, values: moveValues };
  const find = async (document: ErpDocument) => {
    const { byKey, held } = placeOf(document);
    const found = (await held(rpc, books, [byKey])).filter((h) => h.kind === document.kind);
    if (found.length > 1) throw new ErpRefused(`Tryton holds ${document.key} ${found.length} times: ${found.map((f) => f.externalId).join(', ')}; cancel all but one there`);
    return found[0];
  };
  return {
    settleMs: server.settleMs,
    find,
    async post(document) {
      const before = await find(document);
      if (before !== undefined) return { externalId: before.externalId };
      const { model, byKey, values } = placeOf(document);
      const context = await books.context();
      const ofKey = async () => (await rpc(`${model}.search_read`, [[byKey, ['state', '!=', 'cancelled']], 0, null, [['id', 'ASC']], ['state'], context], 'reads')) as { id: number; state: string }[];
      await books.periodOn(document.postedOn);
      // What an attempt before left half way is gone on with: a draft is written whole, or not at all.
      if ((await ofKey()).length === 0) await rpc(`${model}.create`, [[await values(document, books)], context], 'writes');
      const all = await ofKey();
      const isDraft = (one: { state: string }) => one.state === 'draft' || one.state === 'validated';
      const isPosted = all.some((one) => !isDraft(one));
      const [first, ...others] = isPosted ? [undefined, ...all.filter(isDraft)] : all;
      const surplus = others.flatMap((o) => (o === undefined ? [] : [o.id]));
      if (surplus.length > 0) await rpc(`${model}.delete`, [surplus, context], 'writes').catch(asUnknown);
      if (first === undefined) throw new ErpOutcomeUnknown(`another writer is at ${document.key}`);
      try {
        await rpc(`${model}.post`, [[first.id], context], 'writes');
      } catch (error) {
        // A draft's lines already count in the totals of cost centers.
        if (error instanceof ErpRefused && (await find(document)) === undefined) {
          await rpc(`${model}.delete`, [[first.id], context], 'writes').catch(() => undefined);
          throw error;
        }
        if (!(error instanceof ErpRefused)) throw error;
      }
      const after = await find(document);
      if (after === undefined) throw new ErpOutcomeUnknown(`Tryton has posted ${document.key} and does not find it`);
      return { externalId: after.externalId };
    },
    async controlTotals(runId) {
      const ofRun = ['description', 'ilike', `%${runId}`];
      const held = [...(await postedInvoices(rpc, books, [ofRun])), ...(await postedMoves(rpc, books, [ofRun]))];
      return controlTotalsOf(held.filter((h) => h.runId === runId));
    },
  };
}

/** A refusal while tidying up says nothing of the document: somebody else was quicker. */
function asUnknown(error: Error): never {
  throw error instanceof ErpRefused ? new ErpOutcomeUnknown(error.message) : error;
}
