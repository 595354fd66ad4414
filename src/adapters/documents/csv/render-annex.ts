import { type AnnexRow, cdrOfSession, type IssuedDocument } from '../../../core/document/issued-document.ts';
import { kWhDecimal } from '../../../core/energy.ts';
import { formatMinor } from '../../../core/money.ts';
import { type CsvColumns, csvBytes, csvText } from './rows.ts';

/** The annex of a document: every session it bills, with instants in UTC and amounts of its currency, signed as the document is. */
export function renderAnnexCsv(document: IssuedDocument): Buffer {
  const cdr = (row: AnnexRow) => (row.sessionKey === null ? null : cdrOfSession(row.sessionKey));
  const columns: CsvColumns<AnnexRow> = {
    document: () => csvText(document.legalNumber),
    source: (r) => csvText(cdr(r)?.sourceId ?? null),
    country_code: (r) => csvText(cdr(r)?.country.toUpperCase() ?? null),
    party_id: (r) => csvText(cdr(r)?.party.toUpperCase() ?? null),
    cdr_id: (r) => csvText(cdr(r)?.cdrId ?? null),
    start: (r) => r.startAt?.toISOString() ?? null,
    end: (r) => r.endAt?.toISOString() ?? null,
    service_date: (r) => r.serviceOn,
    site: (r) => csvText(r.siteName),
    cost_center: (r) => csvText(r.costCenter),
    unit: (r) => csvText(r.unit),
    kwh: (r) => kWhDecimal(r.energyWh),
    net: (r) => formatMinor(r.netMinor, document.currency),
    gross: (r) => formatMinor(r.grossMinor, document.currency),
    currency: () => document.currency,
  };
  return csvBytes(columns, document.annex);
}
