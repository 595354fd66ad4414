import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Api } from '../client.ts';

/** Books in a Tryton that runs, as an ERP connection's settings. */
export type TrytonBooks = { readonly url: string; readonly database: string; readonly user: string; readonly passwordFile: string };

/** Where `npm run erp:tryton` keeps its books, below the home. */
export function trytonFolder(home: string): string {
  return path.join(home, 'erp-tryton');
}

const remedy = 'start it first, in another terminal: npm run erp:tryton';

/** The Tryton that `npm run erp:tryton` keeps up below a home. Throws when none answers. */
export async function runningTryton(home: string): Promise<TrytonBooks> {
  const folder = trytonFolder(home);
  let books: TrytonBooks;
  try {
    books = JSON.parse(readFileSync(path.join(folder, 'connection.json'), 'utf8'));
  } catch {
    throw new Error(`there is no Tryton below ${folder}: ${remedy}`);
  }
  await fetch(books.url, { signal: AbortSignal.timeout(10_000) }).catch(() => {
    throw new Error(`Tryton at ${books.url} does not answer: ${remedy}`);
  });
  return books;
}

/**
 * From yesterday on what an entity issues goes to Tryton, which fails first like the other one; done once. Throws where something was handed
 * over to the other one already.
 */
export async function takeOverByTryton(admin: Api, entityId: string, books: TrytonBooks): Promise<void> {
  const { items } = await admin<{ items: readonly { connectionId: string; postings: Readonly<Record<string, number>> }[] }>('GET', '/v1/erp-connections');
  if (items.some((c) => c.connectionId === 'erp_tryton')) return;
  if (items.some((c) => Object.values(c.postings).some((n) => n > 0))) throw new Error('this state was handed over to the files already: begin anew with npm run reset, then npm run erp:tryton');
  const settings = { ...books, faults: ['unavailable', 'unavailable', 'timeoutAfterWrite'] };
  // The calendar day of the entity may be a day behind this one.
  const from = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  await admin('POST', `/v1/entities/${entityId}/erp-connections`, {
    json: { connectionId: 'erp_tryton', adapter: 'tryton', settings, from, reason: 'the demo was asked to post to Tryton' },
    idempotencyKey: 'demo-erp-tryton',
  });
}
