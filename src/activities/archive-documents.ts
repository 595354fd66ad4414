import { filesOfDocument } from '../adapters/documents/document-files.ts';
import { channelOf, type DeliveryChannel } from '../core/delivery/delivery.ts';
import { authorityOf } from '../core/document/authorities.ts';
import { archiveFiles, type FileToArchive } from '../store/commands/archive-files.ts';
import { queueDeliveries } from '../store/commands/deliveries.ts';
import type { Store } from '../store/db.ts';
import { unarchivedDocuments } from '../store/reads/archived-files.ts';
import { authoritiesOfRun } from '../store/reads/document-rules.ts';
import { issuedDocuments } from '../store/reads/issued-document.ts';

const atATime = 50;

/** Renders the issued documents of a release group that are not in the archive yet, keeps their bytes, and queues for delivery what we deliver; answers how many. Killed at any point, the rest is done by the next attempt. */
export async function archiveDocuments(store: Store, runId: string, group: string): Promise<number> {
  const authorities = await authoritiesOfRun(store.pool, runId);
  for (let archived = 0; ; ) {
    const ids = await unarchivedDocuments(store.pool, runId, group, atATime);
    if (ids.length === 0) return archived;
    const files: FileToArchive[] = [];
    const deliveries: { documentId: string; channel: DeliveryChannel }[] = [];
    for (const document of await issuedDocuments(store.pool, ids)) {
      const made = await filesOfDocument(document);
      files.push(...made.map((file) => ({ ...file, subject: { kind: 'document' as const, id: document.documentId } })));
      // A receipt whose buyer nobody knows is fetched by the authorization of its session, and so is its credit note.
      const isOfTerminal = document.type === 'receipt' || (document.type === 'creditNote' && document.strategy === 'cardReceipt');
      if (authorityOf(authorities, document.type, 'delivery') === 'wattledger' && !(isOfTerminal && document.email === null))
        deliveries.push({
          documentId: document.documentId,
          channel: channelOf(
            { ...document.party, email: document.email },
            made.some((file) => file.form === 'xml'),
          ),
        });
    }
    await store.tx(async (db) => {
      await archiveFiles(db, files);
      await queueDeliveries(db, deliveries);
    });
    archived += ids.length;
  }
}
