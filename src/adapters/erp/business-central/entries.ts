import { createHash } from 'node:crypto';
import { type ErpDocument, type ErpHeld, type ErpKind, type ErpLine, erpKinds } from '../../../contracts/erp-document.ts';
import { formatMinor, minorUnitDigits, parseMinor } from '../../../core/money.ts';
import { ErpRefused } from '../port.ts';

/** Business Central's own limits of the fields we fill. */
const most = { documentNumber: 20, accountNumber: 20, description: 50, dimensionValue: 20 } as const;

/** What identifies a document there: its key, or as much of the key's hash as the field takes. */
export function documentNumberOf(key: string): string {
  return /^[A-Z0-9-]{1,20}$/.test(key) ? key : `WL${hashOf(key, most.documentNumber - 2)}`;
}

/** What a run's entries are found by. */
export function runTagOf(runId: string): string {
  return hashOf(runId, 12);
}

function hashOf(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length).toUpperCase();
}

/** Number of a customer or vendor for an account. */
export function partyNumberOf(accountId: string): string {
  return accountId.length <= most.accountNumber ? accountId : `WL${hashOf(accountId, most.accountNumber - 2)}`;
}

const letters: Readonly<Record<ErpKind, string>> = { invoice: 'I', creditNote: 'C', vendorBill: 'B', journal: 'J' };

/** A ledger entry keeps no more of a journal line than its description: kind, number, run and VAT code stand there. */
function descriptionOf({ kind, legalNumber, runId }: ErpDocument, line: ErpLine): string {
  const text = `${letters[kind]} ${legalNumber ?? '-'} ${runTagOf(runId ?? '-')} ${line.vatCode ?? '-'}`;
  if (text.length > most.description) throw new ErpRefused(`"${text}" is longer than the ${most.description} characters that Business Central keeps: use shorter numbers or VAT codes`);
  return text;
}

/** The same, to be read: the run's tag tells the number from the VAT code, each of several words. Of tags that a partner's number looks like, the last is ours. */
const descriptionForm = /^([A-Z]) (.+) ([0-9A-F]{12}) (.+)$/;

/** Lines of a general journal. The party's line is a customer's or vendor's, whose posting group names its account. */
export function journalLinesOf(document: ErpDocument, dimension: string): readonly Readonly<Record<string, unknown>>[] {
  return document.lines.map((line) => {
    if (line.costCenter !== null && line.costCenter.length > most.dimensionValue)
      throw new ErpRefused(`cost center ${line.costCenter} is longer than ${most.dimensionValue} characters: map it to a dimension value`);
    const party = document.kind === 'vendorBill' ? 'Vendor' : 'Customer';
    return {
      accountType: line.part === 'party' ? party : 'G/L Account',
      accountNumber: line.part === 'party' ? partyNumberOf(document.accountId ?? '') : line.glAccount,
      postingDate: document.postedOn,
      documentNumber: documentNumberOf(document.key),
      // JSON has no decimals: amounts of a document are far below 2^53 minor units, where this text comes back exactly.
      amount: Number(formatMinor(BigInt(line.amountMinor), document.currency)),
      description: descriptionOf(document, line),
      ...(line.costCenter === null ? {} : { dimensionSetLines: [{ code: dimension, valueCode: line.costCenter }] }),
    };
  });
}

export type LedgerEntry = {
  readonly entryNumber: number;
  readonly postingDate: string;
  readonly documentNumber: string;
  readonly accountNumber: string;
  readonly description: string;
  readonly debitAmount: number;
  readonly creditAmount: number;
  readonly dimensionSetLines?: readonly { readonly code: string; readonly valueCode: string }[];
};
export type HeldThere = ErpHeld & { readonly kind: ErpKind; readonly documentNumber: string; readonly runTag: string };

/** Documents that ledger entries make up, in the company's currency. What others posted is left out. */
export function heldOf(entries: readonly LedgerEntry[], dimension: string, currency: string): readonly HeldThere[] {
  const documents = new Map<string, HeldThere & { lines: ErpHeld['lines'][number][] }>();
  for (const entry of [...entries].sort((a, b) => a.entryNumber - b.entryNumber)) {
    const [, letter, number = '-', runTag, vatCode = '-'] = descriptionForm.exec(entry.description) ?? [];
    const kind = erpKinds.find((k) => letters[k] === letter);
    if (kind === undefined || runTag === undefined) continue;
    const known = documents.get(entry.documentNumber) ?? {
      kind,
      documentNumber: entry.documentNumber,
      runTag,
      externalId: String(entry.entryNumber),
      legalNumber: number === '-' ? null : number,
      currency,
      postedOn: entry.postingDate,
      lines: [],
    };
    known.lines.push({
      glAccount: entry.accountNumber,
      costCenter: entry.dimensionSetLines?.find((d) => d.code === dimension)?.valueCode ?? null,
      vatCode: vatCode === '-' ? null : vatCode,
      amountMinor: (minor(entry.debitAmount, currency) - minor(entry.creditAmount, currency)).toString(),
    });
    documents.set(entry.documentNumber, known);
  }
  return [...documents.values()];
}

function minor(amount: number, currency: string): bigint {
  return parseMinor(amount.toFixed(minorUnitDigits(currency)), currency);
}
