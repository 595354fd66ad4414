import type { QueryResultRow } from 'pg';
import type { AgreementOf } from '../../contracts/agreement.ts';
import type { AccountSetup, EntitySetup } from '../../core/allocate/setup.ts';
import type { MonthSession, Place, SoldItem } from '../../core/period/month.ts';
import { monthAfter, type SupplyVersion } from '../../core/period/segments.ts';
import type { IssuedRow } from '../../core/period/settle.ts';
import { localDateOf, monthPeriod } from '../../core/time.ts';
import type { Db } from '../db.ts';
import { loadAccounts, loadContracts, loadEntity } from '../intake/load-setup.ts';
import { freeEnergySql } from '../ledger/free-energy.ts';
import { recordKeySql } from '../record-key.ts';
import { issuingStates } from './run-state.ts';
import { amongIds } from './whole-run.ts';

/** A supply contract with what its months are computed of. Sessions and issued rows are by service month. */
export type PeriodContract = {
  readonly account: AccountSetup;
  readonly contractId: string;
  readonly versions: readonly SupplyVersion[];
  readonly firstMonth: string;
  readonly sessions: ReadonlyMap<string, readonly MonthSession[]>;
  readonly issued: ReadonlyMap<string, readonly IssuedRow[]>;
  /** Of one that is left out and has a minimum: its sessions with those that the run leaves out. */
  readonly whole?: ReadonlyMap<string, readonly MonthSession[]>;
};
export type PeriodBook = { readonly entity: EntitySetup; readonly costCenter: string | null; readonly contracts: readonly PeriodContract[] };

/** Before it there is nothing, whatever a contract without beginning says. */
const earliestMs = Date.UTC(2000, 0, 1);
/** Clauses of the month over its sessions. */
const sessionKinds = new Set(['included', 'tiers', 'cap', 'minimum']);
const minimums = new Set(['minimum']);
/** Of a fee or another clause of the month. */
const monthKinds = new Set(['fee', ...sessionKinds]);

/**
 * The supply contracts of accounts that have clauses of the month, with the sessions that count in a run up to its month: what it
 * claims for documents, and what earlier runs issued; without a run what was issued or is claimed for a document, or by none.
 */
export async function loadPeriod(
  db: Db,
  wanted: {
    readonly entityId: string;
    readonly period: string;
    readonly runId: string | null;
    readonly accountIds: readonly string[];
    /** A fee is the same whoever charges: from this month on no sessions are loaded for contracts of fees alone. All are, without it. */
    readonly feesAloneFrom?: string;
    /** Accounts that the run leaves out as a whole, and how. */
    readonly leftOut?: ReadonlyMap<string, { readonly outcome: 'carry' | 'writeOff' }>;
  },
): Promise<PeriodBook> {
  const seller = (await db.query<{ time_zone: string; cost_center: string | null; currency: string }>('SELECT time_zone, cost_center, currency FROM legal_entity WHERE id = $1', [wanted.entityId]))
    .rows[0];
  const accounts = await loadAccounts(db, wanted.accountIds);
  const versions = new Map<string, { accountId: string; versions: SupplyVersion[] }>();
  for (const { agreement, contractId, accountId, ...version } of (await loadContracts(db, wanted.accountIds)).rows) {
    if (agreement.kind !== 'supply') continue;
    const own = versions.get(contractId) ?? { accountId, versions: [] };
    own.versions.push({ ...version, agreement: agreement as AgreementOf<'supply'> });
    versions.set(contractId, own);
  }
  const { startMs, endMs } = monthPeriod(wanted.period, seller?.time_zone ?? 'UTC');
  // A late session, or a fee that waits, may be of any month, and asks for the rate of its day.
  const asksRates = [...accounts.values()].some((a) => a.currency !== seller?.currency);
  const ratesFromMs = asksRates ? [...versions.values()].flatMap((k) => k.versions).reduce((first, v) => Math.min(first, v.fromMs), startMs) : startMs;
  const entity = await loadEntity(db, wanted.entityId, { fromMs: Math.max(ratesFromMs, earliestMs), toMs: endMs + 32 * 86_400_000 });
  const ids = [...versions].filter(([, k]) => k.versions.some((v) => v.agreement.clauses.some((c) => monthKinds.has(c.kind)))).map(([id]) => id);
  const has = (id: string, kinds: ReadonlySet<string>) => versions.get(id)?.versions.some((v) => v.agreement.clauses.some((c) => kinds.has(c.kind))) ?? false;
  const { runId } = wanted;
  const after = monthAfter(wanted.period);
  // Who has none of these clauses has no charge that is asked for.
  const sessionsOf = (contractIds: readonly string[], before = after, withLeftOut?: typeof wanted.leftOut) =>
    loadSessions(db, { runId, contractIds, before, withLeftOut, accountIds: [...new Set(contractIds.flatMap((id) => versions.get(id)?.accountId ?? []))] }, entity);
  const sessions = new Map([
    ...(await sessionsOf(ids.filter((id) => has(id, sessionKinds)))),
    ...(await sessionsOf(
      ids.filter((id) => !has(id, sessionKinds)),
      wanted.feesAloneFrom,
    )),
  ]);
  // What a minimum lacks is what it lacks beside all sessions, also where none of them is billed.
  const lacking = ids.filter((id) => wanted.leftOut?.has(versions.get(id)?.accountId ?? '') && has(id, minimums));
  const whole = await sessionsOf(lacking, after, wanted.leftOut);
  const issued = ids.length === 0 ? new Map() : await loadIssued(db, ids, wanted.accountIds, entity);
  return {
    entity,
    costCenter: seller?.cost_center ?? null,
    contracts: ids.flatMap((contractId): PeriodContract[] => {
      const own = versions.get(contractId);
      const account = own === undefined ? undefined : accounts.get(own.accountId);
      if (own === undefined || account === undefined) return [];
      const firstMs = Math.min(...own.versions.map((v) => v.fromMs));
      const firstMonth = firstMs < earliestMs ? '2000-01' : localDateOf(firstMs, entity.timeZone).slice(0, 7);
      const all = lacking.includes(contractId) ? { whole: whole.get(contractId) ?? new Map() } : {};
      return [{ account, contractId, versions: own.versions, firstMonth, sessions: sessions.get(contractId) ?? new Map(), issued: issued.get(contractId) ?? new Map(), ...all }];
    }),
  };
}

/**
 * SQL that holds when charge `c` takes the place of one of an invoice that was credited as a whole and written off, by run $1 or one that has
 * issued. It counts as it was billed: what the month made of it is credited by its line, and nothing of it comes back.
 */
const isCreditedAway = `($1::text IS NULL OR k.run_id = $1 OR EXISTS (SELECT FROM billing_run w WHERE w.id = k.run_id AND w.state IN ${issuingStates}))
  AND EXISTS (SELECT FROM rebilled_record b JOIN rebill_order o ON o.id = b.order_id AND o.kind = 'credit' AND o.outcome = 'writeOff' WHERE b.record_id = c.record_id AND b.revision = c.revision)`;

async function loadSessions(
  db: Db,
  {
    runId,
    accountIds,
    contractIds,
    before,
    withLeftOut,
  }: {
    readonly runId: string | null;
    readonly accountIds: readonly string[];
    readonly contractIds: readonly string[];
    /** The first month of which none are loaded. */
    readonly before: string;
    /** With what the run leaves out of these: what it carries comes back, what it writes off alone stays out of what waits. */
    readonly withLeftOut: ReadonlyMap<string, { readonly outcome: 'carry' | 'writeOff' }> | undefined;
  },
  entity: EntitySetup,
): Promise<Map<string, Map<string, MonthSession[]>>> {
  if (contractIds.length === 0) return new Map();
  const { rows } = await db.query(
    `WITH sold AS MATERIALIZED (
       SELECT c.contract_id, c.service_month, c.record_id, c.component, c.vat_code, c.vat_rule, c.cost_center, c.customer_cost_center, c.site_id, c.rounding_mode,
         sum(c.net_minor)::bigint AS net, sum(c.gross_minor)::bigint AS gross, sum(c.energy_wh)::bigint AS wh, max(c.revision) AS revision, (array_agg(c.charge_id ORDER BY c.revision DESC, c.charge_id))[1] AS first, (array_agg(${freeEnergySql} ORDER BY c.revision DESC))[1] AS is_free, bool_or(coalesce(k.run_id = $1, false)) AS is_new
       FROM rated_charge c LEFT JOIN claim k ON k.charge_id = c.charge_id LEFT JOIN document d ON d.id = k.document_id
       WHERE c.payer_account_id = ANY($2) AND c.contract_id = ANY($3) AND c.service_month < $4 AND c.record_id IS NOT NULL AND c.role IN ('driverSale', 'fleetSale', 'idleFee')
         AND (d.state = 'issued' OR k.run_id = $1 AND (k.disposition = 'document' OR k.disposition = 'carried' AND c.payer_account_id = ANY($5) OR k.disposition = 'excluded' AND c.payer_account_id = ANY($6) AND c.clause IS DISTINCT FROM 'smallSession') OR $1::text IS NULL AND coalesce(k.disposition, 'document') = 'document' AND c.clause <> 'smallSession'
           OR k.disposition = 'excluded' AND ${isCreditedAway})
       GROUP BY c.contract_id, c.service_month, c.record_id, c.component, c.vat_code, c.vat_rule, c.cost_center, c.customer_cost_center, c.site_id, c.rounding_mode),
     -- Looked up at once: a head by its record alone is sought in each of its partitions.
     heads AS MATERIALIZED (SELECT h.record_id, h.source_id || '/' || ${recordKeySql} AS key FROM record_head h WHERE ${amongIds('h.record_id', 'sold')})
     SELECT s.*, t.kind AS site_kind, h.key, (extract(epoch FROM r.start_at) * 1000)::bigint AS start_ms, (extract(epoch FROM r.end_at) * 1000)::bigint AS end_ms
     FROM (SELECT *, max(revision) OVER (PARTITION BY contract_id, record_id) AS latest FROM sold) s JOIN heads h ON h.record_id = s.record_id
     JOIN charge_record r ON r.record_id = s.record_id AND r.revision = s.latest JOIN site t ON t.id = s.site_id ORDER BY s.contract_id, s.record_id, s.first`,
    [runId, accountIds, contractIds, before, [...(withLeftOut?.keys() ?? [])], [...(withLeftOut ?? [])].flatMap(([id, { outcome }]) => (outcome === 'writeOff' ? [id] : []))],
  );
  const found = new Map<string, Map<string, Map<string, Omit<MonthSession, 'items' | 'isNew'> & { isNew: boolean; items: SoldItem[] }>>>();
  for (const r of rows) {
    const ofMonth = nested(nested(found, r.contract_id), r.service_month);
    let session = ofMonth.get(r.key);
    if (session === undefined) {
      session = { key: r.key, startMs: Number(r.start_ms), endMs: Number(r.end_ms), siteId: r.site_id, siteKind: r.site_kind, isNew: false, items: [] };
      ofMonth.set(r.key, session);
    }
    session.isNew ||= r.is_new;
    if (r.net === 0n && r.gross === 0n && r.wh === 0n) continue;
    session.items.push({ component: r.component, energyWh: r.wh, amount: r.rounding_mode === 'grossFirst' ? r.gross : r.net, place: placeOf(r, entity), isFree: r.is_free });
  }
  return new Map([...found].map(([contract, months]) => [contract, new Map([...months].map(([month, own]) => [month, [...own.values()]]))]));
}

async function loadIssued(db: Db, contractIds: readonly string[], accountIds: readonly string[], entity: EntitySetup): Promise<Map<string, Map<string, IssuedRow[]>>> {
  const { rows } = await db.query('SELECT * FROM rated_charge WHERE contract_id = ANY($1) AND record_id IS NULL ORDER BY charge_id', [contractIds]);
  const mirrored = new Set(rows.map((r) => r.reversal_of));
  const away = await creditedAway(db, accountIds);
  const found = new Map<string, Map<string, IssuedRow[]>>();
  for (const r of rows) {
    const months = nested(found, r.contract_id) as unknown as Map<string, IssuedRow[]>;
    const row: IssuedRow = {
      clause: r.clause,
      component: r.component,
      role: r.role,
      version: r.contract_version,
      netMinor: r.net_minor,
      grossMinor: r.gross_minor,
      place: placeOf(r, entity),
      quantity: r.quantity,
      unit: r.quantity_unit,
      unitPrice: r.unit_price,
      ...(r.reversal_of === null ? {} : { isMirror: true }),
      ...(away.has(r.charge_id) && !mirrored.has(r.charge_id) ? { creditedAway: true } : {}),
    };
    months.set(r.service_month, [...(months.get(r.service_month) ?? []), row]);
  }
  return found;
}

/** Charges of issued lines of which orders credit all there is. */
async function creditedAway(db: Db, accountIds: readonly string[]): Promise<ReadonlySet<bigint>> {
  const { rows } = await db.query<{ charge_id: bigint }>(
    `SELECT k.charge_id FROM (SELECT document_id, line_no, sum(net_minor) AS net FROM credit_order WHERE account_id = ANY($1) AND withdrawn_at IS NULL GROUP BY 1, 2) o
     JOIN document_line l ON l.document_id = o.document_id AND l.line_no = o.line_no AND l.net_minor = -o.net JOIN document_claim k ON k.document_id = l.document_id AND k.line_no = l.line_no`,
    [accountIds],
  );
  return new Set(rows.map((r) => r.charge_id));
}

function placeOf(r: QueryResultRow, entity: EntitySetup): Place {
  const percent = entity.vatRules.find((v) => v.code === r['vat_code'])?.percent ?? '0';
  return { costCenter: r['cost_center'], customerCostCenter: r['customer_cost_center'], siteId: r['site_id'], vat: { code: r['vat_code'], percent, rule: r['vat_rule'] } };
}

function nested<K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map();
    map.set(key, inner);
  }
  return inner;
}
