import type { Charge } from '../../core/allocate/charges.ts';
import { invariant } from '../../core/invariant.ts';
import { isFree, type RatedKind, ratedEvent, ratedKindOfRole } from '../../core/ledger/event-of-charge.ts';
import type { PeriodCharge } from '../../core/period/period-charge.ts';
import { byteaOfHex, date, int4, int8, text } from '../binary.ts';
import { type CopyTable, column, copyIn, rowsFor } from '../copy-in.ts';
import type { Db } from '../db.ts';
import { type Booked, type Dimensions, type Journal, journalRows } from './write-journals.ts';

/**
 * A charge to be booked: of a record, of a month without any (record, revision, source and session are null), or the mirror of one
 * that is booked (`reversalOf`). `hash` is the charge's own, in hex.
 */
export type ChargeToBook = {
  readonly entityId: string;
  readonly sourceId: string | null;
  readonly recordId: bigint | null;
  readonly revision: number | null;
  readonly sessionKey: string | null;
  readonly charge: Charge | PeriodCharge;
  readonly reversalOf: bigint | null;
  readonly hash: string;
};

/** As it goes into the database: under its own id and that of its page. */
export type BookedCharge = { readonly row: ChargeToBook; readonly chargeId: bigint; readonly pageId: string };

/** Charges as the sub-ledger keeps them, without their ids: those the database gives. */
export const unnumberedChargeTable: CopyTable<Omit<BookedCharge, 'chargeId'>> = {
  name: 'rated_charge',
  columns: [
    column('record_id', int8, ({ row }) => row.recordId),
    column('revision', int4, ({ row }) => row.revision),
    column('session_key', text, ({ row }) => row.sessionKey),
    column('contract_id', text, ({ row }) => row.charge.contractId),
    column('clause', text, ({ row }) => row.charge.clause),
    column('role', text, ({ row }) => row.charge.role),
    column('component', text, ({ row }) => row.charge.component),
    column('split_no', int4, ({ row }) => row.charge.splitNo),
    column('contract_version', int4, ({ row }) => row.charge.contractVersion),
    column('payer_account_id', text, ({ row }) => row.charge.payerAccountId),
    column('payee_account_id', text, ({ row }) => row.charge.payeeAccountId),
    column('entity_id', text, ({ row }) => row.entityId),
    column('tariff_version_id', text, ({ row }) => row.charge.tariffVersionId),
    column('currency', text, ({ row }) => row.charge.currency),
    column('net_minor', int8, ({ row }) => row.charge.netMinor),
    column('gross_minor', int8, ({ row }) => row.charge.grossMinor),
    column('book_net_minor', int8, ({ row }) => row.charge.bookNetMinor),
    column('fx_rate', text, ({ row }) => row.charge.fxRate),
    column('vat_code', text, ({ row }) => row.charge.vatCode),
    column('vat_rule', text, ({ row }) => row.charge.vatRule),
    column('rounding_mode', text, ({ row }) => row.charge.roundingMode),
    column('exact_net', text, ({ row }) => row.charge.exactNet),
    column('unit_price', text, ({ row }) => row.charge.unitPrice),
    column('energy_wh', int8, ({ row }) => row.charge.energyWh),
    column('quantity', int8, ({ row }) => row.charge.quantity),
    column('quantity_unit', text, ({ row }) => row.charge.quantityUnit),
    column('gl_account', text, ({ row }) => row.charge.glAccount),
    column('cost_center', text, ({ row }) => row.charge.costCenter),
    column('customer_cost_center', text, ({ row }) => row.charge.customerCostCenter),
    column('unit_id', text, ({ row }) => row.charge.unitId),
    column('site_id', text, ({ row }) => row.charge.siteId),
    column('service_on', date, ({ row }) => row.charge.serviceOn),
    column('service_month', text, ({ row }) => row.charge.serviceMonth),
    column('mapping_version', int4, ({ row }) => row.charge.mappingVersion),
    column('reversal_of', int8, ({ row }) => row.reversalOf),
    column('page_id', text, (r) => r.pageId),
    column('charge_hash', byteaOfHex, ({ row }) => row.hash),
  ],
};
/** The same under ids that were asked for before. */
export const chargeTable: CopyTable<BookedCharge> = {
  name: unnumberedChargeTable.name,
  columns: [column('charge_id', int8, (r: BookedCharge) => r.chargeId), ...unnumberedChargeTable.columns],
};

/**
 * Books charges in the caller's transaction: the charges, and one journal per page and service month. The database gives each its
 * identity (invariant 2) and frees that of what is reversed; it refuses a second live charge for the same, a mirror that is none, and
 * what is reversed already. `wave` numbers the calls of one transaction. Answers the ids of the charges, in their order.
 */
export async function bookCharges(db: Db, rows: readonly ChargeToBook[], wave: number): Promise<bigint[]> {
  if (rows.length === 0) return [];
  const entityId = rows[0]?.entityId ?? '';
  const page = await db.query<{ id: string; charge_ids: string[]; gl: Record<string, string> | null }>(
    `SELECT 'page/' || pg_current_xact_id()::text || '.' || $1::text AS id, ARRAY(SELECT nextval('charge_id_seq') FROM generate_series(1, $2::integer)) AS charge_ids,
       (SELECT jsonb_object_agg(key, gl_account) FROM gl_mapping WHERE entity_id = $3 AND version = (SELECT max(version) FROM gl_mapping WHERE entity_id = $3)) AS gl`,
    [wave, rows.length, entityId],
  );
  const { id: pageId = '', charge_ids: ids = [], gl } = page.rows[0] ?? {};
  const booked = rows.map((row, i): BookedCharge => ({ row, chargeId: BigInt(ids[i] ?? 0), pageId }));
  const sums = new RatedSums();
  for (const row of rows) sums.add(row);
  await copyIn(db, [rowsFor(chargeTable, booked), ...journalRows(sums.journals(pageId), new Map([[entityId, new Map(Object.entries(gl ?? {}))]]))]);
  return booked.map((b) => b.chargeId);
}

/** Charges that are posted alike; the counts are of those that carry money and energy. */
type Sum = { readonly kind: RatedKind; readonly currency: string; readonly of: Dimensions; minor: bigint; book: bigint; energyWh: bigint; freeWh: bigint; withMoney: number; withEnergy: number };
type Month = { readonly entityId: string; readonly sums: Map<string, Sum>; effectiveOn: string };

/** What the charges of a page come to in the ledger, by service month. */
export class RatedSums {
  readonly #months = new Map<string, Month>();

  add({ charge, entityId, sourceId }: Pick<ChargeToBook, 'charge' | 'entityId' | 'sourceId'>): void {
    const { costCenter, siteId, vatCode, serviceMonth, currency, glAccount } = charge;
    let month = this.#months.get(serviceMonth);
    if (month === undefined) {
      month = { entityId, sums: new Map(), effectiveOn: '' };
      this.#months.set(serviceMonth, month);
    }
    invariant(month.entityId === entityId, 'the charges of a page are of one seller');
    if (charge.serviceOn > month.effectiveOn) month.effectiveOn = charge.serviceOn;
    const kind = ratedKindOfRole[charge.role];
    const accountId = charge.payerAccountId ?? charge.payeeAccountId;
    const key = `${kind}\n${currency}\n${costCenter}\n${accountId}\n${siteId}\n${vatCode}\n${glAccount}\n${sourceId}`;
    let sum = month.sums.get(key);
    if (sum === undefined) {
      const of = { accountId, costCenter, siteId, glAccount, vatCode, serviceMonth, sourceId };
      sum = { kind, currency, of, minor: 0n, book: 0n, energyWh: 0n, freeWh: 0n, withMoney: 0, withEnergy: 0 };
      month.sums.set(key, sum);
    }
    sum.minor += charge.netMinor;
    sum.book += charge.bookNetMinor;
    if (charge.netMinor !== 0n) sum.withMoney += 1;
    if (charge.energyWh === 0n) return;
    sum.withEnergy += 1;
    if (isFree(charge)) sum.freeWh += charge.energyWh;
    else sum.energyWh += charge.energyWh;
  }

  journals(pageId: string): Journal[] {
    return [...this.#months].map(([month, { entityId, sums, effectiveOn }]) => ({
      key: `${pageId}/${month}`,
      kind: 'rated',
      entityId,
      effectiveOn,
      period: month,
      sourceRef: pageId,
      fxRate: null,
      booked: [...sums.values()].map(bookedOf),
    }));
  }
}

function bookedOf({ kind, currency, of, minor, book, energyWh, freeWh, withMoney, withEnergy }: Sum): Booked {
  return { event: ratedEvent({ kind, currency, net: { minor, book }, energyWh, freeWh }), of, withMoney, withEnergy };
}
