import { processPage } from '../../src/activities/process-page.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import type { Store } from '../../src/store/db.ts';
import { pendingMessages, storeRawMessages } from '../../src/store/intake/store-raw.ts';

const csms = { sourceId: 'csms', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };

/** Stores lines of the CSMS export as raw messages, in one transaction. */
export async function storeLines(store: Store, lines: readonly (string | Buffer)[]): Promise<string[]> {
  const parser = parserFor('csv-residential-csms');
  const messages = lines.map((text) => ({ recordKey: parser.keyOf(Buffer.from(text), csms), bytes: Buffer.from(text), lineNo: null }));
  const stored = await store.tx((db) => storeRawMessages(db, { sourceId: 'csms', batchId: null, receivedAt: new Date(), messages }));
  return stored.map((s) => s.recordKey);
}

/** Stores OCPI CDRs of the sample peer as raw messages, in one transaction. */
export async function storeCdrs(store: Store, lines: readonly string[]): Promise<void> {
  const parser = parserFor('ocpi-2-2-1');
  const messages = lines.map((text) => ({ recordKey: parser.keyOf(Buffer.from(text), { ...csms, sourceId: 'ocpi-peer' }), bytes: Buffer.from(text), lineNo: null }));
  await store.tx((db) => storeRawMessages(db, { sourceId: 'ocpi-peer', batchId: null, receivedAt: new Date(), messages }));
}

/** Works off everything that is stored, in pages. */
export async function processAll(store: Store, pageSize = 500): Promise<void> {
  for (;;) {
    const page = await pendingMessages(store.pool, { limit: pageSize });
    if (page.length === 0) return;
    await store.tx((db) => processPage(db, page));
  }
}

/** A line of the export that ends in December 2019; `kWh` with a decimal comma. */
export function session(id: number, options: { user?: string; garage?: string; kWh?: string; start?: string; end?: string } = {}): string {
  const { user = 'Bl2-1', garage = 'Bl2', kWh = '10,5', start = '05.12.2019 18:00', end = '05.12.2019 21:00' } = options;
  return `${id};${garage};${user};Private;NA;${start};18;${end};21;${kWh};NA;Dec;Thursday`;
}

/** Tries again whatever waits. */
export async function retryAll(store: Store): Promise<void> {
  const { rows } = await store.pool.query<{ raw_id: bigint }>('SELECT waiting_raw_id AS raw_id FROM record_head WHERE waiting_raw_id IS NOT NULL ORDER BY 1');
  await store.tx((db) =>
    processPage(
      db,
      rows.map((r) => r.raw_id.toString()),
      'retry',
    ),
  );
}
