import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { groupBy } from '../../core/group-by.ts';
import type { Marginal } from '../../core/period/marginals.ts';
import { type DeliveredEnergy, deliveredEnergyOf } from '../../core/share/delivered-energy.ts';
import { segmentsOf, versionAt } from '../../core/share/month-segments.ts';
import { priceSeriesOf } from '../../core/share/pipeline.ts';
import type { StatedShare, StatementInput } from '../../core/share/statement.ts';
import { membersOf } from '../array-text.ts';
import type { Db } from '../db.ts';
import { loadPricePoints } from '../price-points.ts';
import { recordKeySql } from '../record-key.ts';
import { siteHoldings } from '../site-holdings.ts';
import { earnsNothing } from './exclusion-match.ts';
import type { OwnerContract } from './owner-contracts.ts';
import { isPaid } from './paid-sales.ts';
import { payerMarginals } from './payer-months.ts';
import { decided } from './run-state.ts';
import { withinIds } from './whole-run.ts';

/** The months to state of a contract, oldest first, one after the other, and what guarantees had added before them. */
export type OwnerMonths = { readonly contract: OwnerContract; readonly months: readonly StatementInput[]; readonly carriedGuarantees: ReadonlyMap<string, bigint> };

const shareRoles = "('siteShareEstimate', 'energyReimbursement')";
const saleRoles = "('driverSale', 'fleetSale', 'emspSale', 'idleFee')";

type SaleRow = {
  record_id: bigint;
  key: string;
  site_id: string;
  account_id: string;
  start_ms: string;
  end_ms: string;
  service_month: string;
  currency: string;
  net: bigint;
  energy_wh: bigint;
  claimed: boolean;
  paid: boolean;
  written_off: boolean;
  is_new: boolean;
};

/**
 * What a run needs to state the months of these contracts, from their first month (by contract) to `lastMonth`, set-wise: the sessions at the
 * owners' sites whose sale is released (claimed and not carried, or rated where that is the basis), what their records booked and the
 * run or an earlier one has claimed, what was stated before, and prices. `isFew`: looked up site by site instead of over all of their months.
 */
export async function loadOwnerMonths(
  db: Db,
  run: { readonly runId: string; readonly entityId: string; readonly timeZone: string },
  wanted: readonly { readonly contract: OwnerContract; readonly months: readonly string[] }[],
  isFew: boolean,
): Promise<OwnerMonths[]> {
  if (wanted.length === 0) return [];
  const months = [...new Set(wanted.flatMap((w) => w.months))].sort();
  const contractIds = wanted.map((w) => w.contract.contractId);
  const sales = await loadSales(
    db,
    run,
    wanted.map((w) => w.contract.accountId),
    months,
    { isFew, asksPaid: wanted.some((w) => w.contract.versions.some((v) => v.agreement.basis === 'paid')) },
  );
  const strays = await loadStrays(db, contractIds, months);
  const booked = await loadBooked(db, run, contractIds, months, isFew ? [...sales.map((s) => s.record_id), ...strays.map((s) => s.recordId)] : undefined);
  const stated = await loadStated(db, contractIds);
  const needFacts = wanted.some((w) => w.contract.versions.some((v) => priceSeriesOf(v.agreement).length > 0));
  const delivered = needFacts
    ? await loadDelivered(
        db,
        sales.map((s) => s.record_id),
      )
    : new Map<bigint, DeliveredEnergy>();
  const series = [...new Set(wanted.flatMap((w) => w.contract.versions.flatMap((v) => priceSeriesOf(v.agreement))))];
  const prices = await loadPricePoints(
    db,
    series.flatMap((seriesId) => sales.map((s) => ({ seriesId, fromMs: Number(s.start_ms), toMs: Number(s.end_ms) }))),
  );
  const marginals = wanted.some((w) => w.contract.versions.some((v) => sharesRevenue(v.agreement)))
    ? await payerMarginals(
        db,
        run,
        sales.map((s) => s.record_id),
        months,
      )
    : new Map<string, Marginal>();
  const salesOf = new Map<string, SaleRow[]>();
  for (const s of sales) {
    const key = `${s.account_id} ${s.currency} ${s.service_month}`;
    const own = salesOf.get(key);
    if (own === undefined) salesOf.set(key, [s]);
    else own.push(s);
  }
  const strayed = (contractId: string, month: string): StatedShare[] =>
    bookedBy(
      (booked.get(contractId) ?? []).filter((b) => b.serviceMonth === month),
      new Set(strays.filter((s) => s.contractId === contractId).map((s) => `${s.recordId}`)),
    );
  return wanted.map(({ contract, months: own }): OwnerMonths => {
    const before = stated.filter((s) => s.contractId === contract.contractId);
    return {
      contract,
      carriedGuarantees: carriedBefore(contract, before, own[0] ?? ''),
      months: own.map((serviceMonth): StatementInput => {
        const earlier = before.filter((s) => s.serviceMonth === serviceMonth);
        const records = new Set<string>();
        const sessions = (salesOf.get(`${contract.accountId} ${contract.currency} ${serviceMonth}`) ?? []).flatMap((s): StatementInput['sessions'][number][] => {
          const [startMs, endMs] = [Number(s.start_ms), Number(s.end_ms)];
          const version = versionAt(contract.versions, startMs);
          if (version === undefined || !counts(s, version.agreement.basis)) return [];
          records.add(`${s.record_id}`);
          const energy = delivered.get(s.record_id) ?? { energyWh: s.energy_wh, stretches: [{ startMs, endMs, energyWh: s.energy_wh }] };
          return [
            {
              key: s.key,
              siteId: s.site_id,
              startMs,
              endMs,
              contractVersion: version.version,
              saleNetMinor: s.net,
              delivered: energy,
              isWrittenOff: s.written_off,
              periodNetMinor: marginals.get(s.key)?.netMinor ?? 0n,
              includedWh: marginals.get(s.key)?.includedWh ?? 0n,
              isLate: s.is_new,
            },
          ];
        });
        return {
          contractId: contract.contractId,
          ownerAccountId: contract.accountId,
          currency: contract.currency,
          serviceMonth,
          segments: segmentsOf(
            contract.versions,
            serviceMonth,
            run.timeZone,
            sessions.map((s) => s.startMs),
          ),
          sessions,
          booked: bookedBy(booked.get(contract.contractId) ?? [], records),
          prices,
          statementNo: 1 + Math.max(0, ...earlier.map((s) => s.no)),
          // What records booked that are another owner's by now comes off again.
          stated: [...earlier, ...strayed(contract.contractId, serviceMonth)],
        };
      }),
    };
  });
}

/** Whether what a sale came to decides what is earned. */
function sharesRevenue({ clauses }: StatementInput['segments'][number]['agreement']): boolean {
  return clauses.some((c) => c.kind === 'netShare' || c.kind === 'tieredShare');
}

/** Whether a sale earns by now (D16). */
function counts(sale: SaleRow, basis: 'rated' | 'billed' | 'paid'): boolean {
  return basis === 'rated' || (sale.claimed && (basis === 'billed' || sale.paid));
}

/** FROM clause: sites that are or were the owners', with the charges `c` of all, or with the records `r` of few, which are found by site. */
const siteOf = (of: 'c' | 'r') =>
  `(SELECT DISTINCT site_id AS id FROM held) s JOIN ${of === 'c' ? 'rated_charge c ON c.site_id = s.id' : 'charge_record r ON r.site_id = s.id AND r.service_month = ANY($4)'}`;

/**
 * Sales at the sites of owners, by session, each for whose the site was at its start (D06), as the run sees it: what arrived since, or was corrected, is not there until it is claimed, so that
 * it changes nothing. Written off: left out of its document by this or an earlier run. What is too small to be billed earns nothing (D25).
 * Whether a sale is paid is told where some contract asks it (`asksPaid`).
 */
async function loadSales(
  db: Db,
  run: { readonly runId: string; readonly entityId: string },
  accountIds: readonly string[],
  months: readonly string[],
  { isFew, asksPaid }: { readonly isFew: boolean; readonly asksPaid: boolean },
): Promise<SaleRow[]> {
  const { rows } = await db.query<SaleRow>(
    `WITH held AS MATERIALIZED (SELECT h.* FROM ${siteHoldings} h JOIN site s ON s.id = h.site_id AND s.kind = 'own' WHERE h.owner_account_id = ANY($3)),
     at_site AS MATERIALIZED (
       SELECT c.charge_id, c.record_id, c.revision, c.reversal_of, c.site_id, c.service_month, c.currency, c.net_minor
       FROM ${isFew ? `${siteOf('r')} JOIN rated_charge c ON c.record_id = r.record_id AND c.revision = r.revision AND c.site_id = s.id` : siteOf('c')}
       WHERE c.entity_id = $2 AND c.service_month = ANY($4) AND c.role IN ${saleRoles} AND c.clause <> 'smallSession'),
     sold AS MATERIALIZED (
       SELECT c.*, k.disposition, k.run_id, ${earnsNothing} AS written_off, CASE WHEN $5 THEN ${isPaid} ELSE true END AS paid
       FROM at_site c JOIN claim k ON k.charge_id = c.charge_id AND ${withinIds('k.charge_id', 'at_site')} JOIN billing_run b ON b.id = k.run_id WHERE ${decided}),
     -- Few beside the rest: looked through, not joined to itself.
     taken_back AS MATERIALIZED (SELECT reversal_of FROM sold WHERE reversal_of IS NOT NULL AND disposition <> 'carried'),
     revised AS (
       SELECT o.record_id, o.revision, o.site_id, o.service_month, o.currency, sum(o.net_minor)::bigint AS net, bool_and(o.disposition <> 'carried') AS claimed, bool_and(o.paid) AS paid, bool_or(o.written_off) AS written_off,
         bool_or(o.run_id = $1) AS is_new
       FROM sold o WHERE o.reversal_of IS NULL AND NOT EXISTS (SELECT FROM taken_back m WHERE m.reversal_of = o.charge_id) GROUP BY 1, 2, 3, 4, 5),
     latest AS MATERIALIZED (SELECT DISTINCT ON (record_id) * FROM revised ORDER BY record_id, claimed DESC, revision DESC)
     SELECT l.record_id, h.source_id || '/' || ${recordKeySql} AS key, l.site_id, t.owner_account_id AS account_id, (extract(epoch FROM r.start_at) * 1000)::bigint::text AS start_ms,
       (extract(epoch FROM r.end_at) * 1000)::bigint::text AS end_ms, l.service_month, l.currency, l.net, r.energy_wh, l.claimed, l.paid, l.written_off, l.is_new
     FROM latest l JOIN charge_record r ON r.record_id = l.record_id AND r.revision = l.revision AND ${withinIds('r.record_id', 'latest')}
     JOIN record_head h ON h.record_id = l.record_id AND ${withinIds('h.record_id', 'latest')}
     JOIN held t ON t.site_id = l.site_id AND t.valid_from <= r.start_at AND r.start_at < t.valid_to`,
    [run.runId, run.entityId, accountIds, months, asksPaid],
  );
  return rows;
}

/** Shares that are alike in all that statements tell apart, with the records that booked them and how much each, as PostgreSQL writes arrays. */
type Booked = StatedShare & { readonly contractId: string; readonly serviceMonth: string; readonly recordIds: readonly string[]; readonly nets: string };

/** What of them these records booked, in sum. */
function bookedBy(shares: readonly Booked[], records: ReadonlySet<string>): StatedShare[] {
  return shares.flatMap(({ clause, payeeAccountId, siteId, netMinor, recordIds, nets }) => {
    const own = recordIds.map((id) => records.has(id));
    if (!own.includes(true)) return [];
    const sum = own.includes(false) ? membersOf(nets).reduce((total, net, i) => (own[i] ? total + BigInt(net) : total), 0n) : netMinor;
    return [{ clause, payeeAccountId, siteId, netMinor: sum }];
  });
}

/** Shares of records (of all, or of those given) that the run bills, or an earlier one did, and none of them took back, by contract. */
async function loadBooked(
  db: Db,
  run: { readonly runId: string; readonly entityId: string },
  contractIds: readonly string[],
  months: readonly string[],
  recordIds: readonly bigint[] | undefined,
): Promise<ReadonlyMap<string, readonly Booked[]>> {
  const { rows } = await db.query<{ contract_id: string; clause: string; payee_account_id: string; site_id: string; service_month: string; net_minor: bigint; records: string; nets: string }>(
    `WITH earned AS MATERIALIZED (
       SELECT c.charge_id, c.reversal_of, c.record_id, c.contract_id, c.clause, c.payee_account_id, c.site_id, c.net_minor, c.service_month FROM rated_charge c
       WHERE c.contract_id = ANY($2) AND c.service_month = ANY($3) AND c.entity_id = $4 AND c.payer_account_id IS NULL AND c.role IN ${shareRoles} AND ${recordIds === undefined ? 'c.record_id IS NOT NULL' : 'c.record_id = ANY($5)'}),
     shared AS MATERIALIZED (
       SELECT c.* FROM earned c JOIN claim k ON k.charge_id = c.charge_id AND ${withinIds('k.charge_id', 'earned')} JOIN billing_run b ON b.id = k.run_id WHERE k.disposition <> 'carried' AND ${decided}),
     taken_back AS MATERIALIZED (SELECT reversal_of FROM shared WHERE reversal_of IS NOT NULL)
     SELECT contract_id, clause, payee_account_id, site_id, service_month, sum(net_minor)::bigint AS net_minor, array_agg(record_id)::text AS records, array_agg(net_minor)::text AS nets
     FROM shared c WHERE c.reversal_of IS NULL AND NOT EXISTS (SELECT FROM taken_back m WHERE m.reversal_of = c.charge_id) GROUP BY 1, 2, 3, 4, 5`,
    [run.runId, contractIds, months, run.entityId, ...(recordIds === undefined ? [] : [recordIds])],
  );
  return groupBy(
    rows.map(
      (r): Booked => ({
        contractId: r.contract_id,
        serviceMonth: r.service_month,
        clause: r.clause,
        payeeAccountId: r.payee_account_id,
        siteId: r.site_id,
        netMinor: r.net_minor,
        recordIds: membersOf(r.records),
        nets: r.nets,
      }),
    ),
    (b) => b.contractId,
  );
}

/** Records with shares of these contracts that began when their site was another's: it changed hands after they were booked. */
async function loadStrays(db: Db, contractIds: readonly string[], months: readonly string[]): Promise<{ readonly recordId: bigint; readonly contractId: string }[]> {
  const { rows } = await db.query<{ record_id: bigint; contract_id: string }>(
    `SELECT DISTINCT c.record_id, c.contract_id FROM site_holder x JOIN rated_charge c ON c.site_id = x.site_id AND c.contract_id = ANY($1) AND c.service_month = ANY($2) AND c.role IN ${shareRoles} AND c.record_id IS NOT NULL
     JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision AND r.start_at >= x.valid_from AND r.start_at < x.valid_to
     JOIN contract q ON q.id = c.contract_id AND q.account_id IS DISTINCT FROM x.owner_account_id ORDER BY 1, 2`,
    [contractIds, months],
  );
  return rows.map((r) => ({ recordId: r.record_id, contractId: r.contract_id }));
}

type Stated = StatedShare & { readonly contractId: string; readonly serviceMonth: string; readonly no: number };

/** Rows of all statements of these contracts; `no` is the statement's number within its month. */
async function loadStated(db: Db, contractIds: readonly string[]): Promise<Stated[]> {
  const { rows } = await db.query<{ contract_id: string; clause: string; payee_account_id: string; site_id: string | null; net_minor: bigint; service_month: string; component: string }>(
    `SELECT contract_id, clause, payee_account_id, site_id, net_minor, service_month, component FROM rated_charge
     WHERE contract_id = ANY($1) AND record_id IS NULL AND role IN ('statement', 'energyReimbursement') ORDER BY charge_id`,
    [contractIds],
  );
  return rows.map((r) => ({
    contractId: r.contract_id,
    clause: r.clause,
    payeeAccountId: r.payee_account_id,
    siteId: r.site_id,
    netMinor: r.net_minor,
    serviceMonth: r.service_month,
    no: Number(/#(\d+)$/.exec(r.component)?.[1] ?? 1),
  }));
}

/** What guarantees that are carried forward added in the months before, less what they took back. */
function carriedBefore(contract: OwnerContract, stated: readonly Stated[], firstMonth: string): Map<string, bigint> {
  const carrying = new Set(contract.versions.flatMap((v) => v.agreement.clauses.flatMap((c) => (c.kind === 'guarantee' && c.carryForward ? [c.id] : []))));
  const carried = new Map<string, bigint>();
  for (const s of stated) if (s.serviceMonth < firstMonth && carrying.has(s.clause)) carried.set(s.clause, (carried.get(s.clause) ?? 0n) + s.netMinor);
  return carried;
}

/** When records delivered their energy, from their sealed facts; only what a price series asks for. */
async function loadDelivered(db: Db, recordIds: readonly bigint[]): Promise<Map<bigint, DeliveredEnergy>> {
  const { rows } = await db.query<{ record_id: bigint; facts: ChargeFacts }>(
    `SELECT DISTINCT ON (record_id) record_id, convert_from(canonical, 'UTF8')::jsonb->'facts' AS facts FROM charge_record WHERE record_id = ANY($1) ORDER BY record_id, revision DESC`,
    [recordIds],
  );
  return new Map(rows.map((r) => [r.record_id, deliveredEnergyOf(r.facts)]));
}
