import type { QueryResultRow } from 'pg';
import { vatStatusOn } from '../../core/allocate/setup.ts';
import { combineHashes, composeDocument, type DocumentAdjustment, type DocumentCharge, type DocumentValue } from '../../core/document/compose.ts';
import { groupBy } from '../../core/group-by.ts';
import { sha256 } from '../../core/seal/charge-record.ts';
import { ownerDocumentType } from '../../core/share/statement-charges.ts';
import type { Db } from '../db.ts';
import { loadAccounts, loadContracts } from '../intake/load-setup.ts';
import { checkPreview } from './check-preview.ts';
import { draftPeriodCharges, linkDrafts } from './period-charges.ts';
import { recordPreview } from './record-preview.ts';
import { lockRun } from './run-state.ts';

const accountsPerChunk = 500;

const chargeColumns = `c.charge_hash, c.role, c.component, c.unit_price, c.quantity, c.quantity_unit, c.net_minor, c.gross_minor, c.vat_code, c.gl_account, c.cost_center, c.customer_cost_center,
  c.site_id, c.service_month, c.energy_wh, c.mapping_version, c.service_on, c.split_no, c.contract_id, c.clause`;
/**
 * What a document needs of its charges: claimed ones, and those of the month that become charges when it is issued, under the negated
 * id of their draft. Conditions name run_id, account_id, document_id or disposition of `c`.
 */
export const claimedCharges = `SELECT c.* FROM (
  SELECT k.run_id, k.account_id, k.document_id, k.line_no, k.disposition, c.charge_id, c.session_key, c.revision, c.reversal_of, ${chargeColumns} FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id
  UNION ALL
  SELECT c.run_id, c.account_id, c.document_id, c.line_no, 'document', -c.id, NULL, NULL, NULL, ${chargeColumns} FROM period_charge c LEFT JOIN document d ON d.id = c.document_id WHERE d.state IS DISTINCT FROM 'issued') c`;
/** The order of a document's charges; it is hashed. */
export const annexOrder = 'c.service_on, c.session_key COLLATE "C", c.revision, c.reversal_of IS NOT NULL, c.role, c.component, c.split_no, c.contract_id, c.clause, c.service_month';

export type Preview = { readonly contentHash: string; readonly documents: number; readonly approved: boolean };

/**
 * Builds the draft documents of a run's pending accounts (what is new, or was touched since) and the hashes of its group and of the
 * run. Exclusions and adjustments of the run are applied; the same inputs give the same hash. An approved run is fixed: nothing is
 * built, and `approved` tells so, also to a workflow that missed the answer.
 */
export async function buildDocuments(db: Db, runId: string): Promise<Preview> {
  const state = await lockRun(db, runId);
  if (state === 'approved') return fixedPreview(db, runId);
  if (state !== 'previewing' && state !== 'inReview') throw new RangeError(`run ${runId} is ${state}: documents are built in preview and review only`);
  const pending = await db.query<{ account_id: string }>("SELECT account_id FROM run_account WHERE run_id = $1 AND state IN ('pending', 'parked') ORDER BY account_id", [runId]);
  const accounts = pending.rows.map((r) => r.account_id);
  for (let from = 0; from < accounts.length; from += accountsPerChunk) await buildChunk(db, runId, accounts.slice(from, from + accountsPerChunk));
  const preview = await writeHashes(db, runId);
  await recordPreview(db, runId, accounts, preview.contentHash);
  await checkPreview(db, runId, accounts);
  return preview;
}

async function fixedPreview(db: Db, runId: string): Promise<Preview> {
  const { rows } = await db.query<{ hash: string; n: bigint }>(
    "SELECT encode(r.content_hash, 'hex') AS hash, (SELECT count(*) FROM document d WHERE d.run_id = r.id) AS n FROM billing_run r WHERE r.id = $1",
    [runId],
  );
  return { contentHash: rows[0]?.hash ?? '', documents: Number(rows[0]?.n ?? 0n), approved: true };
}

async function buildChunk(db: Db, runId: string, accounts: readonly string[]): Promise<void> {
  // Claims point at documents: free them before the drafts go.
  await db.query(
    `UPDATE claim k SET document_id = NULL, line_no = NULL, disposition = coalesce(CASE WHEN own.clause = 'smallSession' THEN 'excluded' END,
       (SELECT CASE WHEN bool_or(x.outcome = 'writeOff') THEN 'excluded' WHEN bool_or(x.outcome = 'carry') THEN 'carried' END
        FROM exclusion_rule x JOIN rated_charge c ON c.charge_id = k.charge_id
        WHERE x.run_id = k.run_id AND x.withdrawn_at IS NULL AND x.subject_id = CASE x.scope WHEN 'account' THEN k.account_id WHEN 'site' THEN c.site_id WHEN 'record' THEN c.record_id::text END), 'document')
     FROM rated_charge own WHERE own.charge_id = k.charge_id AND k.run_id = $1 AND k.account_id = ANY($2)`,
    [runId, accounts],
  );
  await db.query("DELETE FROM document WHERE run_id = $1 AND account_id = ANY($2) AND state = 'draft'", [runId, accounts]);
  await draftPeriodCharges(db, runId, accounts);
  const charges = await db.query(`${claimedCharges} WHERE c.run_id = $1 AND c.account_id = ANY($2) AND c.disposition = 'document' ORDER BY c.account_id, ${annexOrder}`, [runId, accounts]);
  const adjustments = await db.query('SELECT * FROM adjustment WHERE run_id = $1 AND account_id = ANY($2) AND withdrawn_at IS NULL ORDER BY id', [runId, accounts]);
  const details = await db.query(`SELECT a.id, a.strategy, a.currency, a.rounding_mode, r.entity_id, r.period FROM account a JOIN billing_run r ON r.id = $1 WHERE a.id = ANY($2) ORDER BY a.id`, [
    runId,
    accounts,
  ]);
  const vatPercents = new Map((await db.query('SELECT code, percent::text FROM vat_rule')).rows.map((r) => [r.code as string, r.percent as string]));
  const chargesOf = groupBy(charges.rows, (r) => r.account_id);
  const adjustmentsOf = groupBy(adjustments.rows, (r) => r.account_id);
  const owners = await ownersOf(
    db,
    runId,
    details.rows.filter((a) => a.strategy === 'selfBilling').map((a) => a.id),
  );
  const typeOf = (accountId: string) => owners.get(accountId) ?? (() => 'invoice');
  const made: MadeDocument[] = [];
  for (const account of details.rows) {
    const value = composeDocument({
      entityId: account.entity_id,
      accountId: account.id,
      strategy: account.strategy,
      currency: account.currency,
      roundingMode: account.rounding_mode,
      period: account.period,
      charges: (chargesOf.get(account.id) ?? []).map(chargeOf),
      adjustments: (adjustmentsOf.get(account.id) ?? []).map(adjustmentOf),
      // Who bills himself, or is not registered, gets a statement without VAT (D46).
      vatPercents: typeOf(account.id)(0n) === 'settlementStatement' ? withoutVat(vatPercents) : vatPercents,
    });
    if (value === undefined) continue;
    const id = `doc_${sha256(`${runId}\n${account.id}\n${account.currency}`).toString('hex').slice(0, 20)}`;
    made.push({ id, type: typeOf(account.id)(value.netMinor), accountId: account.id, entityId: account.entity_id, currency: account.currency, value });
  }
  await insertDocuments(db, runId, made);
}

type MadeDocument = { readonly id: string; readonly type: string; readonly accountId: string; readonly entityId: string; readonly currency: string; readonly value: DocumentValue };

/** What each site owner's document is, by its net: as the owner is registered and agreed at the end of the period. */
async function ownersOf(db: Db, runId: string, accountIds: readonly string[]): Promise<ReadonlyMap<string, (netMinor: bigint) => string>> {
  if (accountIds.length === 0) return new Map();
  const run = (
    await db.query<{ period_end: Date; last: string }>(
      "SELECT period_end, ((period_end - interval '1 second') AT TIME ZONE e.time_zone)::date::text AS last FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1",
      [runId],
    )
  ).rows[0];
  const accounts = await loadAccounts(db, accountIds);
  const contracts = await loadContracts(db, accountIds);
  const endMs = (run?.period_end.getTime() ?? 0) - 1;
  return new Map(
    accountIds.map((id) => {
      const account = accounts.get(id);
      const agreement = contracts.inForce(id, 'revenueShare', endMs)[0]?.agreement;
      const party = account === undefined ? undefined : vatStatusOn(account, run?.last ?? '');
      return [id, (netMinor) => (agreement === undefined ? 'settlementStatement' : ownerDocumentType(party, agreement, run?.last ?? '', netMinor))];
    }),
  );
}

function withoutVat(percents: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...percents.keys()].map((code) => [code, '0']));
}

async function insertDocuments(db: Db, runId: string, made: readonly MadeDocument[]): Promise<void> {
  if (made.length === 0) return;
  await db.query(
    `INSERT INTO document (id, run_id, group_name, account_id, entity_id, type, state, currency, net_minor, vat_minor, rounding_minor, payable_minor, energy_wh, charge_count, canonical, content_hash)
     SELECT id, $1, 'all', account_id, entity_id, type, 'draft', currency, net, vat, rounding, payable, wh, n, canonical, hash
     FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::integer[], $12::bytea[], $13::bytea[], $14::text[])
       AS t(id, account_id, entity_id, currency, net, vat, rounding, payable, wh, n, canonical, hash, type)`,
    [
      runId,
      made.map((d) => d.id),
      made.map((d) => d.accountId),
      made.map((d) => d.entityId),
      made.map((d) => d.currency),
      made.map((d) => d.value.netMinor),
      made.map((d) => d.value.vatMinor),
      made.map((d) => d.value.roundingMinor),
      made.map((d) => d.value.payableMinor),
      made.map((d) => d.value.energyWh),
      made.map((d) => d.value.chargeCount),
      made.map((d) => d.value.canonical),
      made.map((d) => d.value.contentHash),
      made.map((d) => d.type),
    ],
  );
  const lines = made.flatMap((d) =>
    d.value.lines.map((l, i) => ({
      document_id: d.id,
      line_no: i + 1,
      kind: l.kind,
      description: l.description,
      quantity: l.quantity,
      quantity_unit: l.quantityUnit,
      unit_price: l.unitPrice,
      net_minor: l.netMinor,
      gross_minor: l.grossMinor,
      vat_code: l.vatCode,
      gl_account: l.glAccount,
      cost_center: l.costCenter,
      customer_cost_center: l.customerCostCenter,
      site_id: l.siteId,
      service_month: l.serviceMonth,
      energy_wh: l.energyWh,
      charge_count: l.chargeCount,
      adjustment_id: l.adjustmentId,
      mapping_version: l.mappingVersion,
    })),
  );
  const text = JSON.stringify(lines, (_key, v) => (typeof v === 'bigint' ? v.toString() : v));
  await db.query('INSERT INTO document_line SELECT * FROM jsonb_populate_recordset(NULL::document_line, $1::jsonb)', [text]);
  const links = made.flatMap((d) => d.value.lines.flatMap((l, i) => l.chargeIds.map((chargeId) => ({ chargeId, documentId: d.id, lineNo: i + 1 }))));
  await db.query(
    `UPDATE claim k SET document_id = t.document_id, line_no = t.line_no FROM unnest($1::bigint[], $2::text[], $3::integer[]) AS t(charge_id, document_id, line_no) WHERE k.charge_id = t.charge_id AND t.charge_id > 0`,
    [links.map((l) => l.chargeId), links.map((l) => l.documentId), links.map((l) => l.lineNo)],
  );
  await linkDrafts(
    db,
    links.flatMap((l) => (l.chargeId < 0n ? [{ ...l, draftId: -l.chargeId }] : [])),
  );
}

/** Group hash over its document hashes in account order; the run's over its groups. */
async function writeHashes(db: Db, runId: string): Promise<Preview> {
  const hashes = await documentHashes(db, runId);
  const group = combineHashes(hashes);
  const run = combineHashes([group]);
  await db.query('UPDATE release_group SET content_hash = $2 WHERE run_id = $1', [runId, group]);
  await db.query('UPDATE billing_run SET content_hash = $2 WHERE id = $1', [runId, run]);
  await db.query("UPDATE run_account SET state = 'ready' WHERE run_id = $1 AND state = 'pending'", [runId]);
  return { contentHash: run.toString('hex'), documents: hashes.length, approved: false };
}

/** Content hashes of a run's documents in the order in which the run's hash covers them. */
export async function documentHashes(db: Db, runId: string): Promise<Buffer[]> {
  const { rows } = await db.query<{ content_hash: Buffer }>('SELECT content_hash FROM document WHERE run_id = $1 ORDER BY account_id, currency, id', [runId]);
  return rows.map((r) => r.content_hash);
}

/** A row of `claimedCharges` as composing takes it. */
export function chargeOf(r: QueryResultRow): DocumentCharge {
  return {
    chargeId: r['charge_id'],
    chargeHash: r['charge_hash'],
    role: r['role'],
    component: r['component'],
    unitPrice: r['unit_price'],
    quantity: r['quantity'],
    quantityUnit: r['quantity_unit'],
    netMinor: r['net_minor'],
    grossMinor: r['gross_minor'],
    vatCode: r['vat_code'],
    glAccount: r['gl_account'],
    costCenter: r['cost_center'],
    customerCostCenter: r['customer_cost_center'],
    siteId: r['site_id'],
    serviceMonth: r['service_month'],
    energyWh: r['energy_wh'],
    mappingVersion: r['mapping_version'],
  };
}

/** An adjustment row as composing takes it. */
export function adjustmentOf(r: QueryResultRow): DocumentAdjustment {
  return { id: r['id'], amountMinor: r['amount_minor'], vatCode: r['vat_code'], glAccount: r['gl_account'], costCenter: r['cost_center'], description: r['description'] };
}
