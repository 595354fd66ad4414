import { filesOfDocument } from '../adapters/documents/document-files.ts';
import { archiveFiles } from '../store/commands/archive-files.ts';
import type { Store } from '../store/db.ts';
import { unarchivedDocuments } from '../store/reads/archived-files.ts';
import { issuedDocuments } from '../store/reads/issued-document.ts';

const atATime = 50;

/** Renders the issued documents of a release group that are not in the archive yet, and keeps their bytes; answers how many. Killed at any point, the rest is done by the next attempt. */
export async function archiveDocuments(store: Store, runId: string, group: string): Promise<number> {
  for (let archived = 0; ; ) {
    const ids = await unarchivedDocuments(store.pool, runId, group, atATime);
    if (ids.length === 0) return archived;
    const files = [];
    for (const document of await issuedDocuments(store.pool, ids))
      for (const file of await filesOfDocument(document)) files.push({ ...file, subject: { kind: 'document' as const, id: document.documentId } });
    await archiveFiles(store.pool, files);
    archived += ids.length;
  }
}
