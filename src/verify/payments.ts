import { contentHashOf, dueOrder } from '../core/payment/plan-payment.ts';
import type { PaymentRow } from '../store/reads/verification/paid-rows.ts';

/** What does not hold of a payment to payees: the hash that it is approved by, that each item pays its documents, and that they are let go of as it came back. */
export function judgePayment(row: PaymentRow): string | null {
  const items = row.items.map((item) => ({ ...item, documents: row.documents.filter((d) => d.accountId === item.accountId).sort(dueOrder), amountMinor: BigInt(item.amountMinor) }));
  const planned = items.map(({ documents, ...item }) => ({ ...item, documentIds: documents.map((d) => d.documentId) }));
  const { entity_id: entityId, currency, format, due_until: dueUntil, execute_on: executeOn } = row;
  if (!contentHashOf({ entityId, currency, format, dueUntil, executeOn }, planned).equals(row.content_hash)) return `payment ${row.id} has another content than its hash says`;
  const unlike = items.find((item) => item.amountMinor !== item.documents.reduce((sum, d) => sum + BigInt(d.payableMinor), 0n));
  if (unlike !== undefined) return `payment ${row.id} pays ${unlike.accountId} another amount than its documents come to`;
  const unsaid = items.find((item) => (item.returnedMinor !== null && BigInt(item.returnedMinor) !== item.amountMinor) || item.documents.some((d) => d.returned !== (item.returnedMinor !== null)));
  if (unsaid !== undefined) return `payment ${row.id} to ${unsaid.accountId} came back otherwise than its documents say`;
  return row.amount_minor === items.reduce((sum, item) => sum + item.amountMinor, 0n) ? null : `payment ${row.id} is of another amount than its items come to`;
}
