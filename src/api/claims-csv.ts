import type { Db } from '../store/db.ts';
import { type PartnerClaim, partnerClaims } from '../store/reads/partner-claims.ts';

const columns = [
  'recordId',
  'sourceId',
  'cdrId',
  'siteId',
  'endAt',
  'energyWh',
  'class',
  'claimed',
  'claimCurrency',
  'booked',
  'currency',
  'difference',
  'cause',
] as const satisfies readonly (keyof PartnerClaim)[];
const pageSize = 5000;

/** The sessions of a partner's month as a file: RFC 4180, one line a session, newest record first. */
export async function claimsFile(db: Db, accountId: string, month: string): Promise<Response> {
  const lines: string[] = [columns.join(',')];
  for (let cursor: string | undefined; ; ) {
    const page = await partnerClaims(db, { accountId, month }, { cursor, limit: pageSize });
    lines.push(...page.items.map((item) => columns.map((name) => cell(item[name])).join(',')));
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  return new Response(`${lines.join('\r\n')}\r\n`, { headers: { 'content-type': 'text/csv; charset=utf-8', 'content-disposition': `attachment; filename="claims-${month}.csv"` } });
}

/** A cell; one that a spreadsheet would take for a formula is kept text. */
function cell(value: string | null): string {
  if (value === null) return '';
  const safe = /^[=+@\t\r]|^-(?!\d)/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
