import type { Db } from '../store/db.ts';
import { hasSource } from '../store/reads/set-up-sources.ts';
import { Problem } from './problem.ts';

export const noSource = (id: string) => new Problem(404, 'notFound', `There is no source "${id}".`);

/** The id of a source, where there is one of that id; 404 otherwise. Of one that there is not nothing came, and nothing is owed, as of one that is quiet. */
export async function knownSource(db: Db, { sourceId }: { readonly sourceId: string }): Promise<string> {
  if (!(await hasSource(db, sourceId))) throw noSource(sourceId);
  return sourceId;
}
