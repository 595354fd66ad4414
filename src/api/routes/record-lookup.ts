import { z } from '@hono/zod-openapi';
import type { Db } from '../../store/db.ts';
import { findRecord, type RecordView } from '../../store/reads/records.ts';
import { Problem } from '../problem.ts';

/** Path parameter that names a record. */
export const recordId = z.object({
  id: z
    .string()
    .min(1)
    .openapi({ param: { name: 'id', in: 'path' }, description: 'The record’s number, or `{sourceId}/{recordKey}` percent-encoded.', example: 'csms%2Fse*wlt*9001' }),
});

export const revisionQuery = z.object({ revision: z.coerce.number().int().min(1).max(2_147_483_647).optional() });

export const noRecord = (id: string) => new Problem(404, 'notFound', `There is no record "${id}".`);

export const noRevision = (id: string, revision: number) => new Problem(404, 'notFound', `Record "${id}" has no sealed revision ${revision}.`);

/** The record of that id, if any was processed under it; 404 for a partner who asks for a record of another source. */
export async function visibleRecord(db: Db, id: string, sourceOfCaller: string | null): Promise<RecordView | undefined> {
  const view = await findRecord(db, id);
  const sourceId = view?.sourceId ?? id.split('/', 1)[0];
  // Whether another's record exists is not for a partner to know.
  if (sourceOfCaller !== null && sourceId !== sourceOfCaller) throw noRecord(id);
  return view;
}
