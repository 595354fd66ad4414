import { sha256 } from '../seal/charge-record.ts';
import { type ComposeInput, type CreditedDocument, chargeIdsOf, composeDocument, type DocumentAdjustment, type DocumentCharge, type DocumentLine, type DocumentValue } from './compose.ts';

/** A document as it is stored. */
export type StoredDocument = {
  readonly id: string;
  readonly state: string;
  readonly type: string;
  readonly period: string;
  readonly credits_document_id: string | null;
  readonly service_from: string | null;
  readonly service_to: string | null;
  readonly account_id: string;
  readonly entity_id: string;
  readonly currency: string;
  readonly strategy: string;
  readonly net_minor: bigint;
  readonly vat_minor: bigint;
  readonly rounding_minor: bigint;
  readonly payable_minor: bigint;
  readonly energy_wh: bigint;
  readonly charge_count: number;
  readonly canonical: Buffer;
  readonly content_hash: Buffer;
};
/** What a document was composed from, and the lines it was written to, as they are stored. */
export type StoredParts = {
  readonly charges: readonly (DocumentCharge & { readonly lineNo: number })[];
  readonly adjustments: readonly DocumentAdjustment[];
  readonly lines: readonly Readonly<Record<string, unknown>>[];
};

// Drafts are rebuilt when their inputs change, discarded ones gave their charges back: of both only the bytes can be held to their hash.
const fixedStates = new Set(['frozen', 'approved', 'awaitingNumber', 'issued']);

/** As JSON has it: bigints are text. */
type Texts<T> = T extends bigint ? string : T extends readonly (infer Item)[] ? readonly Texts<Item>[] : T extends object ? { readonly [Key in keyof T]: Texts<T[Key]> } : T;

/** The part of a document's canonical bytes that pins what it was composed with. */
type Pinned = {
  readonly header: Pick<ComposeInput, 'kind' | 'entityId' | 'accountId' | 'strategy' | 'currency' | 'roundingMode' | 'period' | 'purchaseOrder'> & {
    readonly credits: { readonly documentId: string; readonly legalNumber: string; readonly rest: Texts<CreditedDocument['rest']> } | null;
    readonly serviceFrom: string | null;
    readonly serviceTo: string | null;
  };
  readonly vat: readonly { readonly vatCode: string; readonly percent: string }[];
};

/** What does not hold of a document: its bytes, and, once it is fixed, that its charges and adjustments give the same bytes, totals and lines. */
export function judgeDocument({ row, parts }: { readonly row: StoredDocument; readonly parts: StoredParts }): string | null {
  const name = `document ${row.id}`;
  if (!sha256(row.canonical).equals(row.content_hash)) return `${name} has other bytes than its content hash says`;
  if (!fixedStates.has(row.state)) return null;
  const pinned = JSON.parse(row.canonical.toString('utf8')) as Pinned;
  const { header } = pinned;
  if (header.entityId !== row.entity_id || header.accountId !== row.account_id || header.currency !== row.currency || header.strategy !== row.strategy || header.period !== row.period)
    return `${name} has another seller, account, currency, strategy or period in its row than in its bytes`;
  if (header.serviceFrom !== row.service_from || header.serviceTo !== row.service_to) return `${name} has another period of service in its row than in its bytes`;
  if (typeUnfit(row, header)) return `${name} is called ${row.type}, or credits another document, than its bytes say`;
  const value = recomposed(pinned, parts);
  if (value === undefined || !value.canonical.equals(row.canonical)) return `${name} is not what its charges and adjustments give`;
  const totals = [value.netMinor, value.vatMinor, value.roundingMinor, value.payableMinor, value.energyWh, value.chargeCount];
  const columns = [row.net_minor, row.vat_minor, row.rounding_minor, row.payable_minor, row.energy_wh, row.charge_count];
  if (columns.some((column, i) => column !== totals[i])) return `${name} has other totals in its row than in its bytes`;
  return judgeLines(name, value.lines, parts);
}

/** The document again, by what its bytes pin: set-up may have changed since. */
function recomposed({ header, vat }: Pinned, parts: StoredParts): DocumentValue | undefined {
  try {
    return composeDocument({ ...header, credits: creditedOf(header.credits), charges: parts.charges, adjustments: parts.adjustments, vatPercents: new Map(vat.map((v) => [v.vatCode, v.percent])) });
  } catch {
    // A charge or an adjustment has a VAT code that the document does not know.
    return undefined;
  }
}

function creditedOf(credits: Pinned['header']['credits']): CreditedDocument | null {
  if (credits === null) return null;
  const { payableMinor, vat } = credits.rest;
  const left = vat.map((v) => ({ vatCode: v.vatCode, amountMinor: BigInt(v.amountMinor), vatMinor: BigInt(v.vatMinor) }));
  return { documentId: credits.documentId, legalNumber: credits.legalNumber, rest: { payableMinor: BigInt(payableMinor), vat: left } };
}

/** What a document is follows from what it was made for and its sign; of what we owe only whether it is a credit does. */
function typeUnfit(row: StoredDocument, { kind, credits, strategy }: Pinned['header']): boolean {
  if (row.credits_document_id !== (credits?.documentId ?? null)) return true;
  const isCredit = kind === 'creditNote' || row.payable_minor < 0n;
  if (row.type === 'settlementStatement' || row.type === 'reimbursement') return kind !== 'invoice';
  if (isCredit) return row.type !== 'creditNote' && row.type !== 'selfBillingCredit';
  return strategy === 'cardReceipt' ? row.type !== 'receipt' : row.type !== 'invoice' && row.type !== 'selfBilling';
}

function judgeLines(name: string, lines: readonly DocumentLine[], parts: StoredParts): string | null {
  if (parts.lines.length !== lines.length) return `${name} has ${parts.lines.length} lines of ${lines.length}`;
  const lineOf = new Map(lines.flatMap((line, i) => chargeIdsOf(line).map((id) => [id, i + 1] as const)));
  const strayed = parts.charges.find((charge) => charge.chargeIds.some((id) => lineOf.get(id) !== charge.lineNo));
  if (strayed !== undefined) return `${name} has charge ${strayed.chargeIds.join(', ')} on line ${strayed.lineNo}, where it does not belong`;
  for (const [i, line] of lines.entries()) {
    const row = parts.lines[i] ?? {};
    if (row['line_no'] !== i + 1) return `${name} has line ${row['line_no']} where line ${i + 1} belongs`;
    const written: Record<keyof Omit<DocumentLine, 'charges' | 'chargeIds' | 'credits'>, unknown> = {
      kind: row['kind'],
      description: row['description'],
      unitPrice: row['unit_price'],
      quantity: row['quantity'],
      quantityUnit: row['quantity_unit'],
      netMinor: row['net_minor'],
      grossMinor: row['gross_minor'],
      vatCode: row['vat_code'],
      glAccount: row['gl_account'],
      costCenter: row['cost_center'],
      customerCostCenter: row['customer_cost_center'],
      siteId: row['site_id'],
      serviceMonth: row['service_month'],
      energyWh: row['energy_wh'],
      chargeCount: row['charge_count'],
      adjustmentId: row['adjustment_id'],
      mappingVersion: row['mapping_version'],
    };
    const other = (Object.keys(written) as (keyof typeof written)[]).find((key) => written[key] !== line[key]);
    const { documentId = null, lineNo = null } = line.credits ?? {};
    if (row['credits_document_id'] !== documentId || row['credits_line_no'] !== lineNo) return `${name} credits another line on line ${i + 1} than its bytes say`;
    if (other !== undefined) return `${name} has another ${other} on line ${i + 1} than its bytes say`;
  }
  return null;
}
