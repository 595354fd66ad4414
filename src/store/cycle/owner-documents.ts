import type { Db } from '../db.ts';

export type OwnerDocument = {
  readonly id: string;
  readonly accountId: string;
  readonly type: 'selfBilling' | 'selfBillingCredit' | 'settlementStatement' | 'reimbursement';
  readonly termsDays: number;
};

/**
 * Numbers documents of what we owe: one gapless series per payee and year, in which credit notes stand too (D19), and one of its own for
 * settlement statements (D46); reimbursements have one for all drivers. By the date of issue (D40). In the caller's transaction, in the order given.
 */
export async function stampOwnerDocuments(db: Db, entityId: string, documents: readonly OwnerDocument[], issueOn: string): Promise<void> {
  if (documents.length === 0) return;
  const year = Number(issueOn.slice(0, 4));
  const seriesOf = (d: OwnerDocument) => {
    if (d.type === 'reimbursement') return { id: `${entityId}/${d.type}/${year}`, type: d.type, accountId: '', prefix: `RE-${year}-` };
    const type = d.type === 'settlementStatement' ? 'settlementStatement' : 'selfBilling';
    return { id: `${entityId}/${type}/${d.accountId}/${year}`, type, accountId: d.accountId, prefix: `${type === 'selfBilling' ? 'SB' : 'ST'}-${d.accountId.replace(/^acc_/, '')}-${year}-` };
  };
  const series = new Map(documents.map((d) => [seriesOf(d).id, { ...seriesOf(d), documents: documents.filter((o) => seriesOf(o).id === seriesOf(d).id) }]));
  // In one order everywhere, so that two batches never wait for each other crosswise.
  const wanted = [...series.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  await db.query(
    `INSERT INTO number_series (id, entity_id, document_type, counterparty_id, year, prefix)
     SELECT s, $1, t, a, $2, p FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS n(s, t, a, p) ON CONFLICT DO NOTHING`,
    [entityId, year, wanted.map((s) => s.id), wanted.map((s) => s.type), wanted.map((s) => s.accountId), wanted.map((s) => s.prefix)],
  );
  await db.query('SELECT 1 FROM number_series WHERE id = ANY($1) ORDER BY id FOR UPDATE', [wanted.map((s) => s.id)]);
  const taken = await db.query<{ id: string; first: bigint; prefix: string }>(
    'UPDATE number_series s SET next = s.next + n.taken FROM unnest($1::text[], $2::integer[]) AS n(id, taken) WHERE s.id = n.id RETURNING s.id, s.next - n.taken AS first, s.prefix',
    [wanted.map((s) => s.id), wanted.map((s) => s.documents.length)],
  );
  const stamps = taken.rows.flatMap((row) =>
    (series.get(row.id)?.documents ?? []).map((d, i) => {
      const number = row.first + BigInt(i);
      return { id: d.id, series: row.id, number, legal: `${row.prefix}${number.toString().padStart(6, '0')}`, terms: d.termsDays };
    }),
  );
  await db.query(
    `INSERT INTO issue_stamp (document_id, series_id, number, legal_number, issued_on, due_on, issued_at)
     SELECT d, s, n, l, $1, $1::date + t, clock_timestamp() FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::integer[]) AS x(d, s, n, l, t)`,
    [issueOn, stamps.map((s) => s.id), stamps.map((s) => s.series), stamps.map((s) => s.number), stamps.map((s) => s.legal), stamps.map((s) => s.terms)],
  );
}
