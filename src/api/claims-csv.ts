import type { Db } from '../store/db.ts';
import { partnerClaims } from '../store/reads/partner-claims.ts';
import { csvOfPages } from './csv-pages.ts';

const columns = ['recordId', 'sourceId', 'cdrId', 'siteId', 'endAt', 'energyWh', 'class', 'claimed', 'claimCurrency', 'booked', 'currency', 'difference', 'cause'] as const;

/** The sessions of a partner's month as a file, newest record first. */
export async function claimsFile(db: Db, accountId: string, month: string): Promise<Response> {
  return csvOfPages(`claims-${month}.csv`, columns, (page) => partnerClaims(db, { accountId, month }, page));
}
