import type { Puller } from '../adapters/sources/pull/port.ts';
import { parserFor } from '../adapters/sources/registry.ts';
import { saysNothingNew, versionOf } from '../core/intake/standing.ts';
import { sealableFacts } from '../core/normalise/token-ref.ts';
import type { ReceivingSource } from '../store/commands/receive-cdrs.ts';
import type { Db, Store } from '../store/db.ts';
import { type HeadKey, headKeyText } from '../store/intake/load-page.ts';
import { storeRawMessages } from '../store/intake/store-raw.ts';
import { knownVersions, noteSweepPage, type SweepPlan } from '../store/intake/sweeps.ts';
import { processPage } from './process-page.ts';

const processAtMost = 2000;

export type Pulling = {
  readonly plan: SweepPlan;
  readonly source: ReceivingSource;
  readonly puller: Puller;
  readonly now: () => Date;
  /** Runs each wait for the other side or the database; an activity beats meanwhile. */
  readonly during: <T>(work: () => Promise<T>) => Promise<T>;
  /** After each page, once it is processed. */
  readonly onPage: () => void;
};

/**
 * Pulls what is left of a sweep, page by page: stored with its cursor in one transaction, then processed. Whatever ends it in between, it
 * goes on at the page it had not stored; what is stored is on the work list. One page is in memory.
 */
export async function pullWindow(store: Store, { plan, source, puller, now, during, onPage }: Pulling): Promise<void> {
  const window = { from: plan.from, to: plan.to };
  let cursor = plan.cursor;
  do {
    const from = cursor;
    const page = await during(() => puller.page(window, from));
    const rawIds = await during(() =>
      store.tx(async (db) => {
        const fresh = await freshOf(db, source, page.items);
        const stored = await storeRawMessages(db, { sourceId: source.context.sourceId, batchId: null, receivedAt: now(), messages: fresh });
        await noteSweepPage(db, plan.sweepId, { pulled: page.items.length, fresh: fresh.length, next: page.next, stated: page.stated ?? null });
        return stored.map((s) => s.rawId.toString());
      }),
    );
    for (let at = 0; at < rawIds.length; at += processAtMost) {
      await during(() => store.tx((db) => processPage(db, rawIds.slice(at, at + processAtMost))));
    }
    onPage();
    cursor = page.next;
  } while (cursor !== null);
}

/** What of a page is not known already; what cannot be read is kept each time, as any sender's. */
async function freshOf(db: Db, source: ReceivingSource, items: readonly Buffer[]): Promise<{ readonly recordKey: string; readonly bytes: Buffer; readonly lineNo: null }[]> {
  const parser = parserFor(source.format);
  const read = items.map((bytes) => {
    const parsed = parser.parse(bytes, source.context);
    if (!parsed.ok) return { bytes, key: undefined, version: undefined };
    const { ownerCountry, ownerParty, cdrId } = parsed.facts;
    const key: HeadKey = { sourceId: source.context.sourceId, ownerCountry, ownerParty, cdrId };
    return { bytes, key, version: versionOf(sealableFacts(parsed.facts, source.tokenSecret), parsed) };
  });
  const known = await knownVersions(
    db,
    read.flatMap(({ key }) => key ?? []),
  );
  return read
    .filter(({ key, version }) => {
      const standing = key === undefined ? undefined : known.get(headKeyText(key));
      return standing === undefined || version === undefined || !saysNothingNew(version, standing);
    })
    .map(({ bytes }) => ({ recordKey: parser.keyOf(bytes, source.context), bytes, lineNo: null }));
}
