import type { Api } from '../client.ts';
import type { Page } from '../store/reads/page.ts';

/** A whole list of the API, page by page. */
export async function allPages<T>(api: Api, path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Page<T> = await api('GET', path, { query: { ...query, limit: '200', cursor } });
    items.push(...page.items);
    cursor = page.nextCursor;
  }
  return items;
}
