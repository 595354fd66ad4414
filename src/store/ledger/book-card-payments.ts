import { allocate } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { type Journal, writeJournals } from './write-journals.ts';

/**
 * Books what cards were charged, or paid back, by the keys of the requests: the receivable of the document against the acquirer, in the
 * books at its part of what the document was booked at.
 */
export async function bookCardPayments(db: Db, keys: readonly string[]): Promise<void> {
  const { rows } = await db.query<{
    key: string;
    document_id: string;
    entity_id: string;
    account_id: string;
    kind: string;
    currency: string;
    settled_on: string;
    captured_minor: bigint;
    payable: bigint;
    book: bigint;
  }>(
    `SELECT p.key, p.document_id, p.entity_id, d.account_id, p.kind, p.currency, p.settled_on, p.captured_minor, abs(d.payable_minor) AS payable,
       abs((SELECT coalesce(sum(e.book_minor), 0) FROM ledger_entry e WHERE e.transaction_key = 'issue/' || d.id AND e.ledger_account = 'receivable'))::bigint AS book
     FROM card_payment p JOIN document d ON d.id = p.document_id WHERE p.key = ANY($1) AND p.state = 'captured' ORDER BY p.key`,
    [keys],
  );
  await writeJournals(
    db,
    rows.map(
      (r): Journal => ({
        key: `card/${r.key}`,
        kind: 'paid',
        entityId: r.entity_id,
        effectiveOn: r.settled_on,
        period: r.settled_on.slice(0, 7),
        sourceRef: r.document_id,
        fxRate: null,
        booked: [
          {
            event: {
              kind: r.kind === 'refund' ? 'cardRefunded' : 'cardCaptured',
              currency: r.currency,
              amount: { minor: r.captured_minor, book: allocate(r.book, [r.captured_minor, r.payable - r.captured_minor])[0] ?? 0n },
            },
            of: { accountId: r.account_id, costCenter: null, siteId: null, glAccount: null, vatCode: null, serviceMonth: null, sourceId: null },
            withMoney: 0,
            withEnergy: 0,
          },
        ],
      }),
    ),
  );
}
