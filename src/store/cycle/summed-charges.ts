import { monthsOfPeriod } from '../../core/cycle/billing-period.ts';
import type { CreditRef, DocumentCharge } from '../../core/document/compose.ts';
import { membersOf } from '../array-text.ts';
import type { Db } from '../db.ts';
import type { DocumentSetup } from './document-setup.ts';
import { isSaid } from './left-out-fee-rows.ts';

const key = `role, component, unit_price, quantity_unit, currency, rounding_mode, vat_code, gl_account, cost_center, customer_cost_center, site_id, service_month, mapping_version`;
const of = (alias: string) =>
  key
    .split(', ')
    .map((name) => `${alias}.${name}`)
    .join(', ');
const ofCharge = of('c');
const sums = `sum(c.quantity)::bigint AS quantity, sum(c.net_minor)::bigint AS net_minor, sum(c.gross_minor)::bigint AS gross_minor, sum(c.energy_wh)::bigint AS energy_wh, min(c.service_on) AS service_from, max(c.service_on) AS service_on,
  array_agg(c.charge_id)::text AS ids, encode(string_agg(c.charge_hash, ''), 'hex') AS hashes`;

/** SQL list of why an invoice is held, and with it what is on it. */
const holds = "('late', 'minimum', 'zero', 'purchaseOrder')";
/** SQL: the month since which the fee that a draft `c` is waits, where its invoice was held at any time since; null for what was not held so. */
const feeHeldSince = (c: string) => `(SELECT b.period FROM left_out_fee f JOIN billing_run b ON b.id = f.first_run_id
    WHERE (f.run_id, f.contract_id, f.clause, f.component, f.service_month) = (${c}.run_id, ${c}.contract_id, ${c}.clause, ${c}.component, ${c}.service_month)
      AND f.split_no = CASE ${c}.role WHEN 'minimumTrueUp' THEN 0 ELSE ${c}.split_no END
      AND (f.before_cause IN ${holds} OR EXISTS (
        SELECT FROM left_out_fee p WHERE (p.contract_id, p.service_month, p.clause, p.component, p.split_no, p.first_run_id) = (f.contract_id, f.service_month, f.clause, f.component, f.split_no, f.first_run_id)
          AND p.cause IN ${holds} AND ${isSaid('p')})))`;

/** Accounts of $2 whose sums were kept as the set closed, and hold: but for those that have a document for each session by now ($5). */
const isKept = 'a.id <> ALL ($5) AND EXISTS (SELECT FROM claim_sum s WHERE s.run_id = $1 AND s.account_id = a.id)';
/**
 * What run $1 claims of accounts $2: as it was summed when the set closed, or where something moved since, in one pass over its charges, and the drafts of
 * their months. A mirror stands alone, and so does what is among $3: each has a document of its own to go to; of accounts $5 each session has. The run's months are from $4 to $6. What is
 * asked of each session is asked by its index: as EXISTS it might be hashed, over all charges there ever were.
 */
const summed = `SELECT s.account_id, 'document' AS disposition, s.document_id, s.line_no, NULL AS held_since, ${of('s')}, s.tariff_version_id, NULL::bigint AS reversal_of, s.of_month, false AS is_small, false AS is_correction, s.is_unshared,
    NULL::bigint AS apart, NULL AS session_key, s.quantity, s.net_minor, s.gross_minor, s.energy_wh, s.service_from, s.service_on, s.charge_ids::text AS ids, encode(s.hashes, 'hex') AS hashes, s.record_ids::text AS records
  FROM claim_sum s WHERE s.run_id = $1 AND s.account_id = ANY($2) AND s.account_id <> ALL ($5)
  UNION ALL
  SELECT k.account_id, k.disposition, k.document_id, k.line_no, k.held_since, ${ofCharge}, c.tariff_version_id, c.reversal_of, c.record_id IS NULL AS of_month, coalesce(c.clause = 'smallSession', false) AS is_small,
    c.reversal_of IS NOT NULL OR c.revision > 1 AND (
      SELECT true FROM rated_charge m JOIN claim mk ON mk.charge_id = m.charge_id WHERE m.record_id = c.record_id AND m.reversal_of IS NOT NULL AND mk.run_id = $1 LIMIT 1) IS NOT NULL AS is_correction,
    c.payer_account_id IS NOT NULL AND c.record_id IS NOT NULL AND c.service_month BETWEEN $4 AND $6 AND (
      SELECT true FROM rated_charge s WHERE s.record_id = c.record_id AND s.service_month = c.service_month AND s.payer_account_id IS NULL AND s.payee_account_id IS NOT NULL LIMIT 1) IS NULL AS is_unshared,
    CASE WHEN c.charge_id = ANY($3::bigint[]) THEN c.charge_id END AS apart, CASE WHEN k.account_id = ANY($5) THEN c.session_key END AS session_key, ${sums}, array_agg(c.record_id)::text AS records
  FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND k.account_id = ANY (ARRAY(SELECT a.id FROM unnest($2::text[]) AS a(id) WHERE NOT (${isKept})))
  GROUP BY k.account_id, k.disposition, k.document_id, k.line_no, k.held_since, ${ofCharge}, c.tariff_version_id, c.reversal_of, of_month, is_small, is_correction, is_unshared, apart, CASE WHEN k.account_id = ANY($5) THEN c.session_key END
  UNION ALL
  SELECT c.account_id, 'document', NULL, NULL, ${feeHeldSince('c')}, ${ofCharge}, NULL, NULL, true, false, false, false, NULL, NULL,
    c.quantity, c.net_minor, c.gross_minor, c.energy_wh, c.service_on, c.service_on, '{' || -c.id || '}', encode(c.charge_hash, 'hex'), '{NULL}'
  FROM period_charge c WHERE c.run_id = $1 AND c.account_id = ANY($2)`;

/** A row of `summed`, column by column: as arrays, rows of so many columns take a quarter of the memory. */
type SumRow = readonly [
  accountId: string,
  disposition: 'document' | 'carried' | 'excluded',
  documentId: string | null,
  lineNo: number | null,
  heldSince: string | null,
  role: string,
  component: string,
  unitPrice: string,
  quantityUnit: string,
  currency: string,
  roundingMode: 'grossFirst' | 'netFirst',
  vatCode: string,
  glAccount: string,
  costCenter: string,
  customerCostCenter: string | null,
  siteId: string | null,
  serviceMonth: string,
  mappingVersion: number,
  tariffVersionId: string | null,
  reversalOf: bigint | null,
  ofMonth: boolean,
  isSmall: boolean,
  isCorrection: boolean,
  isUnshared: boolean,
  apart: bigint | null,
  sessionKey: string | null,
  quantity: bigint,
  netMinor: bigint,
  grossMinor: bigint,
  energyWh: bigint,
  serviceFrom: string,
  serviceOn: string,
  ids: string,
  hashes: string,
  records: string,
];

/** Charges of an account in a run that are alike in all that documents, lines and previews tell apart; as composing takes them. Ids are read when they are asked for. */
export class SummedCharges implements DocumentCharge {
  readonly accountId: string;
  readonly disposition: 'document' | 'carried' | 'excluded';
  /** Where its claims stand; null for nowhere, and for drafts of the month. */
  readonly documentId: string | null;
  readonly lineNo: number | null;
  readonly role: string;
  readonly component: string;
  readonly unitPrice: string;
  readonly quantity: bigint;
  readonly quantityUnit: string;
  readonly currency: string;
  readonly roundingMode: 'grossFirst' | 'netFirst';
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
  readonly vatCode: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly customerCostCenter: string | null;
  readonly siteId: string | null;
  readonly sessionKey: string | null;
  readonly ofMonth: boolean;
  readonly serviceFrom: string;
  readonly serviceOn: string;
  readonly serviceMonth: string;
  readonly energyWh: bigint;
  readonly mappingVersion: number;
  readonly heldSince: string | null;
  readonly tariffVersionId: string | null;
  readonly reversalOf: bigint | null;
  /** Takes something back, or stands in its place. */
  readonly isCorrection: boolean;
  /** Sold in the run's months in sessions that nobody earns a share of. */
  readonly isUnshared: boolean;
  /** Too small to be billed. */
  readonly isSmall: boolean;
  readonly chargeHashes: readonly string[];
  /** The issued line it takes back: told once that is known. */
  credits: CreditRef | null = null;
  readonly #ids: string;
  readonly #records: string;
  #chargeIds: readonly bigint[] | undefined;

  constructor(row: SumRow) {
    let hashes: string;
    let serviceFrom: string;
    [
      this.accountId,
      this.disposition,
      this.documentId,
      this.lineNo,
      this.heldSince,
      this.role,
      this.component,
      this.unitPrice,
      this.quantityUnit,
      this.currency,
      this.roundingMode,
      this.vatCode,
      this.glAccount,
      this.costCenter,
      this.customerCostCenter,
      this.siteId,
      this.serviceMonth,
      this.mappingVersion,
      this.tariffVersionId,
      this.reversalOf,
      this.ofMonth,
      this.isSmall,
      this.isCorrection,
      this.isUnshared,
      ,
      this.sessionKey,
      this.quantity,
      this.netMinor,
      this.grossMinor,
      this.energyWh,
      serviceFrom,
      this.serviceOn,
      this.#ids,
      hashes,
      this.#records,
    ] = row;
    // What no session made is of its whole month.
    this.serviceFrom = this.ofMonth ? `${this.serviceMonth}-01` : serviceFrom;
    this.chargeHashes = hashesOf(hashes);
  }

  get chargeIds(): readonly bigint[] {
    this.#chargeIds ??= membersOf(this.#ids).map(BigInt);
    return this.#chargeIds;
  }

  /** Decided by its month and booked when its document is issued: no charge yet, but a draft under its negated id. */
  get isDraft(): boolean {
    return this.#ids.startsWith('{-');
  }

  /** Adds the records of its sessions to a set. */
  addRecords(to: Set<string>): void {
    for (const id of membersOf(this.#records)) if (id !== 'NULL') to.add(id);
  }
}

/** To be called after `planForSums`. Asked some hundred times for a run: by its name a connection plans it once, since to plan it takes half as long as to run it. */
export async function sumCharges(db: Db, { runId, period, ordered, accounts }: Pick<DocumentSetup, 'runId' | 'period' | 'ordered' | 'accounts'>): Promise<SummedCharges[]> {
  const perSession = accounts.filter((a) => a.strategy === 'cardReceipt');
  const { firstMonth, lastMonth } = monthsOfPeriod(period);
  const ids = (of: typeof accounts) => of.map((a) => a.id);
  const { rows } = await db.query<SumRow & unknown[]>({ name: 'summed charges', text: summed, values: [runId, ids(accounts), [...ordered], firstMonth, ids(perSession), lastMonth], rowMode: 'array' });
  return rows.map((row) => new SummedCharges(row));
}

/** Of hashes in hex, end to end. */
function hashesOf(text: string): string[] {
  const hashes: string[] = [];
  for (let at = 0; at < text.length; at += 64) hashes.push(text.slice(at, at + 64));
  return hashes;
}
