import type { QueryResultRow } from 'pg';
import { tariffSchema } from '../../contracts/tariff.ts';
import type { TariffSetup } from '../../core/allocate/setup.ts';
import { text } from '../binary.ts';
import { type CopyTable, column, copyIn, rowsFor } from '../copy-in.ts';
import type { Db } from '../db.ts';
import { type Head, headOfRow } from '../intake/load-page.ts';
import { type BookedCharge, type ChargeToBook, chargeTable } from '../ledger/book-charges.ts';

/** A record of a dry run's set, as the set has it: its head with the revision before, and the message it stands on. */
export type DryRecord = { readonly recordId: bigint; readonly revision: number; readonly rawId: string; readonly head: Head };

/** Records of a dry run's set behind `after`, in order, whose charges stand in it: what is taken back in the same set has nothing to be rated. */
export async function dryRecords(db: Db, runId: string, after: bigint, limit: number): Promise<DryRecord[]> {
  const { rows } = await db.query<QueryResultRow>(
    `WITH mine AS (
       SELECT DISTINCT c.record_id, c.revision FROM public.dry_claim k JOIN public.rated_charge c ON c.charge_id = k.charge_id
       WHERE k.run_id = $1 AND c.record_id > $2 AND c.reversal_of IS NULL AND c.payer_account_id IS NOT NULL
         AND NOT EXISTS (SELECT FROM public.rated_charge m JOIN public.dry_claim mk ON mk.run_id = k.run_id AND mk.charge_id = m.charge_id WHERE m.reversal_of = c.charge_id)
       ORDER BY 1 LIMIT $3)
     SELECT h.*, m.revision AS stands, b.raw_id FROM mine m JOIN charge_record b ON b.record_id = m.record_id AND b.revision = m.revision JOIN record_head h ON h.record_id = m.record_id ORDER BY m.record_id`,
    [runId, after, limit],
  );
  return rows.map((r) => ({
    recordId: r['record_id'],
    revision: r['stands'],
    rawId: r['raw_id'].toString(),
    head: { ...headOfRow(r), revision: r['stands'] - 1, state: 'booked', waiting: null, waitingFor: null, linkedTo: null },
  }));
}

type DryCharge = BookedCharge & { readonly runId: string };
const dryTable: CopyTable<DryCharge> = { name: 'public.dry_charge', columns: [column('run_id', text, (r: DryCharge) => r.runId), ...chargeTable.columns] };

/** Puts charges in the place of those that a dry run's set has of the same records. */
export async function replaceDryCharges(db: Db, runId: string, records: readonly { readonly recordId: bigint; readonly revision: number }[], charges: readonly ChargeToBook[]): Promise<void> {
  if (records.length === 0) return;
  await db.query(
    `DELETE FROM public.dry_claim k USING public.rated_charge c, unnest($2::bigint[], $3::integer[]) AS r(id, revision)
     WHERE k.run_id = $1 AND c.charge_id = k.charge_id AND c.record_id = r.id AND c.revision = r.revision AND c.reversal_of IS NULL`,
    [runId, records.map((r) => r.recordId), records.map((r) => r.revision)],
  );
  // What we owe another operator is on no document of a run.
  const listed = charges.filter(({ charge }) => charge.role !== 'roamingPurchase');
  const ids = await db.query<{ id: bigint }>("SELECT nextval('charge_id_seq') AS id FROM generate_series(1, $1::integer)", [listed.length]);
  await copyIn(db, [
    rowsFor(
      dryTable,
      listed.map((row, i): DryCharge => ({ runId, row, chargeId: ids.rows[i]?.id ?? 0n, pageId: `dry/${runId}` })),
    ),
  ]);
  await db.query("INSERT INTO public.dry_claim (run_id, charge_id, account_id, disposition) SELECT $1, id, account, 'document' FROM unnest($2::bigint[], $3::text[]) AS t(id, account)", [
    runId,
    ids.rows.map((r) => r.id),
    listed.map(({ charge }) => charge.payerAccountId ?? charge.payeeAccountId),
  ]);
}

/** Versions of tariffs, published or only proposed, by the tariff they are of. */
export async function tariffVersions(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, TariffSetup>> {
  const { rows } = await db.query<{ id: string; tariff_id: string; body: unknown }>(
    'SELECT id, tariff_id, body FROM tariff_version WHERE id = ANY($1) UNION ALL SELECT id, tariff_id, body FROM tariff_proposal WHERE id = ANY($1)',
    [ids],
  );
  return new Map(rows.map((r) => [r.tariff_id, { tariffVersionId: r.id, tariffId: r.tariff_id, tariff: tariffSchema.parse(r.body) }]));
}
