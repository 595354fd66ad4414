import type { Db } from '../store/db.ts';
import { cardPayments } from '../store/reads/card-payments.ts';
import { csvOfPages } from './csv-pages.ts';

const columns = ['key', 'kind', 'origin', 'reference', 'refunds', 'amount', 'currency', 'legalNumber', 'documentId', 'accountId', 'attempt'] as const;

/** All that is requested of cards by an entity and not answered, in the order of the keys: the same however often it is asked for. */
export async function cardPaymentsFile(db: Db, entityId: string): Promise<Response> {
  return csvOfPages(`card-payments-${entityId.replaceAll(/[^\w-]/g, '_')}.csv`, columns, (page) => cardPayments(db, { entityId, state: 'requested' }, page));
}
