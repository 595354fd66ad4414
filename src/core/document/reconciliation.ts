import { type Issue, issue } from '../issues.ts';
import { cdrOfSession, type IssuedDocument } from './issued-document.ts';

/** OCPI 2.3.0, mod_invoice_reconciliation, InvoiceReconciliationRecord object. */
export type InvoiceReconciliationRecord = {
  readonly country_code: string;
  readonly party_id: string;
  readonly id: string;
  readonly invoice_id: string;
  readonly cdrs: readonly string[];
  readonly last_updated: string;
};

/** CiString(36) of a CDR's and a record's id. */
const longestId = 36;

/**
 * What tells a roaming partner which of its CDRs an invoice is for, so that it adds them up by itself; one record per owner of CDRs (direct
 * billing). `issuedAt` is ISO 8601 in UTC. Issues where the document is no settlement with sessions, or a CDR's id is none that OCPI knows.
 */
export function reconciliationRecords(document: IssuedDocument, issuedAt: string): { readonly records: readonly InvoiceReconciliationRecord[] } | { readonly issues: readonly Issue[] } {
  const cdrs = new Map<string, Set<string>>();
  for (const { sessionKey } of document.annex) {
    if (sessionKey === null) continue;
    const { country, party, cdrId } = cdrOfSession(sessionKey);
    const owner = `${country.toUpperCase()}*${party.toUpperCase()}`;
    cdrs.set(owner, (cdrs.get(owner) ?? new Set()).add(cdrId));
  }
  if (document.strategy !== 'emspSettlement' || cdrs.size === 0) return { issues: [issue('noSettlement', 'blocks', document.legalNumber)] };
  const long = [...cdrs.values()].flatMap((ids) => [...ids]).filter((id) => id.length > longestId);
  if (long.length > 0) return { issues: long.map((cdr) => issue('cdrIdTooLong', 'blocks', document.legalNumber, { cdr, longest: longestId })) };
  const records = [...cdrs]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([owner, ids], i) => {
      const [country_code = '', party_id = ''] = owner.split('*');
      return { country_code, party_id, id: `${document.documentId}${i === 0 ? '' : `-${i + 1}`}`, invoice_id: document.legalNumber, cdrs: [...ids].sort(), last_updated: issuedAt };
    });
  return { records };
}
