import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { groupBy } from '../../core/group-by.ts';
import type { Marginal } from '../../core/period/marginals.ts';
import { type DeliveredEnergy, deliveredEnergyOf } from '../../core/share/delivered-energy.ts';
import { segmentsOf, versionAt } from '../../core/share/month-segments.ts';
import { priceSeriesOf } from '../../core/share/pipeline.ts';
import { type OtherCurrency, otherCurrencyOf, type StatedShare, type StatementInput } from '../../core/share/statement.ts';
import type { Db } from '../db.ts';
import { loadPricePoints } from '../price-points.ts';
import { type Booked, bookedBy, loadBooked, siteShareRoles } from './booked-shares.ts';
import type { OwnerContract } from './owner-contracts.ts';
import { loadSales, type SaleRow } from './owner-sales.ts';
import { payerMarginals } from './payer-months.ts';
import { type SettledShares, sumSettledShares, withSettledShares } from './settled-shares.ts';

type Run = { readonly runId: string; readonly entityId: string; readonly timeZone: string };
type Wanted = { readonly contract: OwnerContract; readonly months: readonly string[] };

/** The months to state of a contract, oldest first, one after the other, and what guarantees had added before them. */
export type OwnerMonths = { readonly contract: OwnerContract; readonly months: readonly StatementInput[]; readonly carriedGuarantees: ReadonlyMap<string, bigint> };

/**
 * What a run needs to state the months of these contracts, from their first month (by contract) to `lastMonth`, set-wise: the sessions at the
 * owners' sites whose sale is released (claimed and not carried, or rated where that is the basis), what their records booked and the
 * run or an earlier one has claimed, what was stated before, and prices. Sessions whose shares stand as booked are summed, where a contract allows it.
 * `isFew`: looked up site by site instead of over all of their months.
 */
export async function loadOwnerMonths(db: Db, run: Run, wanted: readonly Wanted[], isFew: boolean): Promise<OwnerMonths[]> {
  if (wanted.length === 0) return [];
  const months = [...new Set(wanted.flatMap((w) => w.months))].sort();
  const contractIds = wanted.map((w) => w.contract.contractId);
  const stated = await loadStated(db, contractIds);
  const settled = await settledOf(db, run, wanted, stated, isFew);
  const told = wanted.filter((w) => !settled.of.has(w.contract.contractId)).map((w) => w.contract);
  const summed = wanted.filter((w) => settled.of.has(w.contract.contractId)).map((w) => w.contract);
  const toldSales = await loadSales(
    db,
    run,
    told.map((c) => c.accountId),
    months,
    { isFew, asksPaid: told.some((c) => c.versions.some((v) => v.agreement.basis === 'paid')) },
  );
  const restSales = await loadSales(
    db,
    run,
    summed.map((c) => c.accountId),
    months.slice(-1),
    { isFew, asksPaid: false, recordIds: settled.rest },
  );
  const sales = [...toldSales, ...restSales];
  const strays = await loadStrays(db, contractIds, months);
  const toldBooked = await loadBooked(
    db,
    run,
    told.map((c) => c.contractId),
    months,
    isFew ? [...toldSales.map((s) => s.record_id), ...strays.map((s) => s.recordId)] : undefined,
  );
  const booked = new Map([...toldBooked, ...settled.booked]);
  const needFacts = wanted.some((w) => w.contract.versions.some((v) => priceSeriesOf(v.agreement).length > 0));
  const delivered = needFacts ? await loadDelivered(db, sales) : new Map<bigint, DeliveredEnergy>();
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
  const strayed = (contractId: string) => new Set(strays.filter((s) => s.contractId === contractId).map((s) => `${s.recordId}`));
  return wanted.map(({ contract, months: own }): OwnerMonths => {
    const before = stated.filter((s) => s.contractId === contract.contractId);
    return {
      contract,
      carriedGuarantees: carriedBefore(contract, before, own[0] ?? '', run.timeZone),
      months: own.map((serviceMonth): StatementInput => {
        const earlier = before.filter((s) => s.serviceMonth === serviceMonth);
        const bookedIn = groupBy(
          (booked.get(contract.contractId) ?? []).filter((b) => b.serviceMonth === serviceMonth),
          (b) => b.currency,
        );
        const inOwn = bookedIn.get(contract.currency) ?? [];
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
          settled: settled.of.get(contract.contractId),
          booked: [...bookedBy(inOwn, records), ...(settled.of.get(contract.contractId)?.shares ?? [])],
          prices,
          statementNo: 1 + Math.max(0, ...earlier.map((s) => s.no)),
          // What records booked that are another owner's by now comes off again.
          stated: [...earlier.filter((s) => s.currency === undefined), ...bookedBy(inOwn, strayed(contract.contractId))],
          elsewhere: otherCurrencies(contract, {
            bookedIn,
            stated: earlier,
            writtenOff: (currency) => (salesOf.get(`${contract.accountId} ${currency} ${serviceMonth}`) ?? []).filter((s) => s.written_off),
          }),
        };
      }),
    };
  });
}

type Elsewhere = { readonly bookedIn: ReadonlyMap<string, readonly Booked[]>; readonly stated: readonly Stated[]; readonly writtenOff: (currency: string) => readonly SaleRow[] };

/** Of a contract's month the sales in other currencies than its own. What is another owner's by now stays with whom it was booked for. */
function otherCurrencies({ currency: ownCurrency, versions }: OwnerContract, { bookedIn, stated, writtenOff }: Elsewhere): OtherCurrency[] {
  const currencies = new Set([...bookedIn.keys(), ...stated.flatMap((s) => s.currency ?? [])]);
  currencies.delete(ownCurrency);
  return [...currencies].sort().map((currency) => {
    const lost = groupBy(writtenOff(currency), (s) => `${versionAt(versions, Number(s.start_ms))?.version}`);
    return {
      currency,
      givenUp: versions.map(({ version, agreement }) => ({ agreement, shares: bookedBy(bookedIn.get(currency) ?? [], new Set(lost.get(`${version}`)?.map((s) => `${s.record_id}`))) })),
      stated: stated.filter((s) => s.currency === currency),
    };
  });
}

/** Sums what stands as booked of the newest month, where a contract states that alone and nothing of it was stated. */
async function settledOf(db: Db, run: Run, wanted: readonly Wanted[], stated: readonly Stated[], isFew: boolean): Promise<SettledShares> {
  const last = wanted.flatMap((w) => w.months).reduce((a, b) => (a > b ? a : b), '');
  const fresh = wanted.filter((w) => w.months.length === 1 && w.months[0] === last && !stated.some((s) => s.contractId === w.contract.contractId && s.serviceMonth === last));
  const contracts = await withSettledShares(
    db,
    run,
    fresh.map((w) => w.contract),
    last,
  );
  return contracts.length === 0 ? { of: new Map(), booked: new Map(), rest: [] } : sumSettledShares(db, run, contracts, last, isFew);
}

/** Whether what a sale came to decides what is earned. */
function sharesRevenue({ clauses }: StatementInput['segments'][number]['agreement']): boolean {
  return clauses.some((c) => c.kind === 'netShare' || c.kind === 'tieredShare');
}

/** Whether a sale earns by now (D16). */
function counts(sale: SaleRow, basis: 'rated' | 'billed' | 'paid'): boolean {
  return basis === 'rated' || (sale.claimed && (basis === 'billed' || sale.paid));
}

/** Records with shares of these contracts that began when their site was another's: it changed hands after they were booked. */
async function loadStrays(db: Db, contractIds: readonly string[], months: readonly string[]): Promise<{ readonly recordId: bigint; readonly contractId: string }[]> {
  const { rows } = await db.query<{ record_id: bigint; contract_id: string }>(
    `SELECT DISTINCT c.record_id, c.contract_id FROM site_holder x JOIN rated_charge c ON c.site_id = x.site_id AND c.contract_id = ANY($1) AND c.service_month = ANY($2) AND c.role IN ${siteShareRoles} AND c.record_id IS NOT NULL
     JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision AND r.start_at >= x.valid_from AND r.start_at < x.valid_to
     JOIN contract q ON q.id = c.contract_id AND q.account_id IS DISTINCT FROM x.owner_account_id ORDER BY 1, 2`,
    [contractIds, months],
  );
  return rows.map((r) => ({ recordId: r.record_id, contractId: r.contract_id }));
}

type Stated = StatedShare & { readonly contractId: string; readonly serviceMonth: string; readonly no: number; readonly currency: string | undefined };

/** Rows of all statements of these contracts; `no` is the statement's number within its month, `currency` told where it is not the contract's. */
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
    currency: otherCurrencyOf(r.component),
    no: Number(/#(\d+)$/.exec(r.component)?.[1] ?? 1),
  }));
}

/** What guarantees added in the months before that carried them forward, less what they took back; a month's clause is as its last version says it. */
function carriedBefore(contract: OwnerContract, stated: readonly Stated[], firstMonth: string, timeZone: string): Map<string, bigint> {
  const carrying = new Set(contract.versions.flatMap((v) => v.agreement.clauses.flatMap((c) => (c.kind === 'guarantee' && c.carryForward ? [c.id] : []))));
  const carried = new Map<string, bigint>();
  const before = stated.filter((s) => s.serviceMonth < firstMonth && carrying.has(s.clause));
  for (const [month, own] of groupBy(before, (s) => s.serviceMonth)) {
    const clauses = new Map(segmentsOf(contract.versions, month, timeZone, []).flatMap(({ agreement }) => agreement.clauses.map((c) => [c.id, c])));
    for (const s of own) {
      const clause = clauses.get(s.clause);
      if (clause?.kind === 'guarantee' && clause.carryForward) carried.set(s.clause, (carried.get(s.clause) ?? 0n) + s.netMinor);
    }
  }
  return carried;
}

/** When sales delivered their energy, from the sealed facts of the revision that the run sees; only what a price series asks for. */
async function loadDelivered(db: Db, sales: readonly SaleRow[]): Promise<Map<bigint, DeliveredEnergy>> {
  const { rows } = await db.query<{ record_id: bigint; facts: ChargeFacts }>(
    `SELECT r.record_id, convert_from(r.canonical, 'UTF8')::jsonb->'facts' AS facts
     FROM unnest($1::bigint[], $2::integer[]) AS w(record_id, revision) JOIN charge_record r ON r.record_id = w.record_id AND r.revision = w.revision`,
    [sales.map((s) => s.record_id), sales.map((s) => s.revision)],
  );
  return new Map(rows.map((r) => [r.record_id, deliveredEnergyOf(r.facts)]));
}
