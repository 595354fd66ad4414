import type { CardPaymentView } from '../../contracts/payment-overview.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

export type CardPaymentFilter = {
  readonly entityId?: string | undefined;
  readonly state?: string | undefined;
  readonly documentId?: string | undefined;
  /** An authorization of a terminal. */
  readonly reference?: string | undefined;
  /** Without attempts that another one followed. */
  readonly latestOnly?: boolean;
};

/** Card payments in the order of their keys. */
export async function cardPayments(db: Db, filter: CardPaymentFilter, page: PageOrder): Promise<Page<CardPaymentView>> {
  const list = ['card payments', filter.entityId, filter.state, filter.documentId, filter.reference, filter.latestOnly ?? false] as const;
  const { rows } = await db.query(
    `SELECT c.*, s.legal_number, d.account_id, CASE c.origin WHEN 'stored' THEN p.reference ELSE c.authorization_id END AS reference,
       CASE c.kind WHEN 'refund' THEN (SELECT o.provider_reference FROM card_payment o WHERE o.document_id = d.credits_document_id AND o.state = 'captured') END AS refunds
     FROM card_payment c JOIN document d ON d.id = c.document_id JOIN issue_stamp s ON s.document_id = c.document_id LEFT JOIN payer_card p ON p.account_id = d.account_id
     WHERE ($1::text IS NULL OR c.entity_id = $1) AND ($2::text IS NULL OR c.state = $2) AND ($3::text IS NULL OR c.document_id = $3) AND ($4::text IS NULL OR c.authorization_id = $4)
       AND ($5::text IS NULL OR c.key > $5) AND (NOT $7 OR NOT EXISTS (SELECT FROM card_payment n WHERE n.document_id = c.document_id AND n.attempt > c.attempt)) ORDER BY c.key LIMIT $6`,
    [filter.entityId ?? null, filter.state ?? null, filter.documentId ?? null, filter.reference ?? null, keyBefore(list, page), page.limit + 1, filter.latestOnly ?? false],
  );
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => r['key'],
    (r) => ({
      key: r['key'],
      documentId: r['document_id'],
      legalNumber: r['legal_number'],
      accountId: r['account_id'],
      entityId: r['entity_id'],
      kind: r['kind'],
      origin: r['origin'],
      reference: r['reference'],
      amount: formatMinor(r['amount_minor'], r['currency']),
      currency: r['currency'],
      state: r['state'],
      attempt: r['attempt'],
      captured: r['captured_minor'] === null ? null : formatMinor(r['captured_minor'], r['currency']),
      settledOn: r['settled_on'],
      providerReference: r['provider_reference'],
      refunds: r['refunds'],
      words: r['words'],
      requestedAt: r['requested_at'].toISOString(),
    }),
  );
}

/** The currency of each request. */
export async function cardCurrencies(db: Db, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.query<{ key: string; currency: string }>('SELECT key, currency FROM card_payment WHERE key = ANY($1)', [keys]);
  return new Map(rows.map((r) => [r.key, r.currency]));
}
