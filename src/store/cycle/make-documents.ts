import { type AccountDocument, accountDocuments, type Held } from '../../core/document/account-documents.ts';
import type { CreditRef, DocumentValue, Remainder } from '../../core/document/compose.ts';
import { groupBy } from '../../core/group-by.ts';
import { sha256 } from '../../core/seal/charge-record.ts';
import type { Db } from '../db.ts';
import { adjustmentOf } from './claimed-charges.ts';
import { creditRefs, loadRemainders, overCredited } from './credits.ts';
import { type DocumentSetup, type OwedDocuments, settles } from './document-setup.ts';
import type { SummedCharges } from './summed-charges.ts';

export type MadeDocument = {
  readonly id: string;
  readonly type: string;
  readonly accountId: string;
  readonly groupName: string;
  readonly entityId: string;
  readonly currency: string;
  /** What it is the credit note of. */
  readonly credits: CreditRef | null;
  readonly value: DocumentValue;
};
export type MadeDocuments = {
  /** What the accounts hold in the run, billed or not. */
  readonly charges: readonly SummedCharges[];
  readonly documents: readonly MadeDocument[];
  readonly held: readonly (Held & { readonly accountId: string })[];
  /** Accounts that cannot be billed as they stand, with the reason. */
  readonly parked: ReadonlyMap<string, string>;
};

/** What charges and manual lines of a run take back: which lines, and what is left of their documents. */
export type Credits = { readonly refs: ReadonlyMap<bigint, CreditRef>; readonly remainders: ReadonlyMap<string, Remainder> };

export async function loadCredits(db: Db, { runId, adjustmentsOf }: DocumentSetup, charges: readonly SummedCharges[]): Promise<Credits> {
  const refs = await creditRefs(
    db,
    charges.flatMap((c) => (c.disposition === 'document' && c.reversalOf !== null ? [{ reversal_of: c.reversalOf, charge_id: c.chargeIds[0], run_id: runId }] : [])),
  );
  const credited = [...[...refs.values()].map((r) => r.documentId), ...[...adjustmentsOf.values()].flat().flatMap((a) => a['credits_document_id'] ?? [])];
  return { refs, remainders: await loadRemainders(db, [...new Set(credited)]) };
}

/** Composes the documents of accounts of a run: of what it claims for documents, and its manual lines. */
export function makeDocuments({ accounts, period, runId, ...setup }: DocumentSetup, charges: readonly SummedCharges[], { refs, remainders }: Credits): MadeDocuments {
  const chargesOf = groupBy(
    charges.filter((c) => c.disposition === 'document'),
    (c) => c.accountId,
  );
  for (const c of charges) if (c.reversalOf !== null) c.credits = refs.get(c.chargeIds[0] ?? 0n) ?? null;
  const documents: MadeDocument[] = [];
  const held: MadeDocuments['held'][number][] = [];
  for (const account of accounts) {
    const owed = setup.owed.get(account.id);
    const made = accountDocuments({
      entityId: account.entity_id,
      accountId: account.id,
      strategy: account.strategy,
      currency: account.currency,
      roundingMode: account.rounding_mode,
      period,
      purchaseOrder: account.purchase_order,
      lacksPurchaseOrder: account.purchase_order_required && account.purchase_order === null,
      charges: chargesOf.get(account.id) ?? [],
      adjustments: (setup.adjustmentsOf.get(account.id) ?? []).map(adjustmentOf),
      side: owed === undefined ? 'sale' : settles(owed) ? 'settlement' : 'selfBilling',
      vatRules: setup.vatRules,
      late: setup.rules.late[account.category as 'driver'] ?? { policy: 'nextInvoice' },
      minimumMinor: BigInt(setup.rules.minimumInvoice[account.strategy as 'driverInvoice'] ?? 0),
      books: account.books,
      billedUntil: setup.billedUntil.get(account.id) ?? null,
      isOrdered: (c) => setup.ordered.size > 0 && c.chargeIds.some((id) => setup.ordered.has(id)),
      remainders,
    });
    held.push(...made.held.map((h) => ({ ...h, accountId: account.id })));
    for (const document of made.documents) {
      const id = `doc_${sha256(`${runId}\n${account.id}\n${document.key}`).toString('hex').slice(0, 20)}`;
      const type = documentType(document, owed, account.strategy);
      const credits = type === owed?.outsideVat ? null : document.credits;
      documents.push({ id, type, accountId: account.id, groupName: account.group_name, entityId: account.entity_id, currency: document.currency, credits, value: document.value });
    }
  }
  return { charges, documents, held, parked: new Map() };
}

/** Takes out accounts of which more would be credited than is left, and says so. */
export async function withoutOverCredited(db: Db, made: MadeDocuments): Promise<MadeDocuments> {
  const parked = new Map(made.parked);
  for (const [accountId, own] of groupBy(
    made.documents.filter((d) => d.value.lines.some((l) => l.credits !== null)),
    (d) => d.accountId,
  )) {
    const over = await overCredited(
      db,
      own.flatMap((d) => d.value.lines),
    );
    if (over === undefined) continue;
    parked.set(
      accountId,
      `more would be credited of line ${over.lineNo} of ${over.legalNumber} than is left of it: take back the credit that was ordered before (POST /v1/documents/{id}/credit with the opposite amount)`,
    );
  }
  if (parked.size === made.parked.size) return made;
  const stays = (part: { readonly accountId: string }) => !parked.has(part.accountId);
  return { charges: made.charges, documents: made.documents.filter(stays), held: made.held.filter(stays), parked };
}

/** What comes to less than nothing is a credit note, also when it names no document: a rule on previews asks for a signature then. */
function documentType({ kind, outsideVat, value }: AccountDocument, owed: OwedDocuments | undefined, strategy: string): string {
  if (owed === undefined) return kind === 'creditNote' || value.payableMinor < 0n ? 'creditNote' : strategy === 'cardReceipt' ? 'receipt' : 'invoice';
  // Of who is registered, what is outside the scope of VAT is settled without a VAT invoice.
  if (outsideVat) return owed.outsideVat;
  // By what is payable: VAT of several rates may turn the sign of the net.
  return kind === 'creditNote' ? 'selfBillingCredit' : owed.typeOf(value.payableMinor === 0n ? value.netMinor : value.payableMinor);
}
