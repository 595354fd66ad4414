import type { Db } from '../store/db.ts';
import { hasEntity } from '../store/reads/entities.ts';
import { Problem } from './problem.ts';

/** What names an entity, where there is one of that id; 404 otherwise. Of one that there is not everything is as by default, and what is booked agrees. */
export async function ofKnownEntity<Of extends { readonly entityId: string }>(db: Db, of: Of): Promise<Of> {
  if (!(await hasEntity(db, of.entityId))) throw new Problem(404, 'notFound', `There is no entity "${of.entityId}".`);
  return of;
}
