import { setImmediate as turn } from 'node:timers/promises';
import { parserFor } from '../adapters/sources/registry.ts';
import { type CdrMessage, describeReceived, isOfOneMessage, type ReceivedItem, type ReceivingSource, receiveCdrs, receivingSource, type StoredCdr, storeCdrs } from '../store/commands/receive-cdrs.ts';
import type { Store } from '../store/db.ts';
import { briefly } from './briefly.ts';
import { inGroups } from './in-groups.ts';
import { noSource } from './known-source.ts';

const maxGroupItems = 256;
const maxGroupBytes = 4 * 1024 * 1024;

/** Receives CDRs, durable when it answers: `one` shares its statement with what comes to the same source at the same time. */
export type Receiver = {
  /** `check` sees the key before anything is stored, and refuses by throwing. */
  one(sourceId: string, bytes: Buffer, check?: (recordKey: string) => void): Promise<ReceivedItem>;
  many(sourceId: string, items: readonly Buffer[]): Promise<ReceivedItem[]>;
};

/** Receives into `store`; 404 for a source that is not there. */
export function createReceiver({ planned: db }: Store): Receiver {
  const sourceOf = briefly((id: string) => receivingSource(db, id));
  const known = async (id: string): Promise<ReceivingSource> => {
    const source = await sourceOf(id);
    if (source === undefined) throw noSource(id);
    return source;
  };
  const stores = new Map<string, (message: CdrMessage) => Promise<StoredCdr>>();
  const storeInto = (id: string): ((message: CdrMessage) => Promise<StoredCdr>) => {
    const store =
      stores.get(id) ??
      inGroups((messages: readonly CdrMessage[]) => storeCdrs(db, id, messages, new Date()), {
        maxItems: maxGroupItems,
        maxBytes: maxGroupBytes,
        bytesOf: (m) => m.bytes.length,
        isOfOneItem: isOfOneMessage,
      });
    stores.set(id, store);
    return store;
  };
  return {
    async one(id, bytes, check) {
      const source = await known(id);
      const parser = parserFor(source.format);
      const recordKey = parser.keyOf(bytes, source.context);
      check?.(recordKey);
      // Read while it is stored, not before.
      const parsing = async () => {
        await turn();
        return parser.parse(bytes, source.context);
      };
      const [stored, parsed] = await Promise.all([storeInto(id)({ recordKey, bytes }), parsing()]);
      return describeReceived(source, recordKey, stored, parsed);
    },
    async many(id, items) {
      return receiveCdrs(db, await known(id), items, new Date(), parserFor);
    },
  };
}
