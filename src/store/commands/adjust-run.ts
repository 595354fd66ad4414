import { adjustmentAccountOf } from '../../core/allocate/gl-account.ts';
import { lastDaySql } from '../cycle/exclusion-match.ts';
import { runAsItStands, selected } from '../cycle/selection.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { newId } from './new-id.ts';
import { Refused } from './refusal.ts';
import { lockOpen, touch } from './shape-run.ts';

/** `amountMinor`: net for business accounts, gross for consumers (D03), in minor units; negative in the customer's favour. */
export type NewAdjustment = {
  readonly accountId: string;
  readonly amountMinor: bigint;
  readonly vatCode: string;
  /** Of the entity's mapping; or an account of the chart that the mapping names. */
  readonly glKey?: string | undefined;
  readonly glAccount?: string | undefined;
  /** Of the seller: its own, or a site's. */
  readonly costCenter: string;
  readonly description: string;
  readonly reason: string;
  /** The month whose revenue it is; the run's, or that of the line or charge it is about, unless told. */
  readonly serviceMonth?: string | undefined;
  /** What it is about: a charge of the account, or a line of an issued document, whose worth its credits never exceed (invariant 8). */
  readonly chargeId?: string | undefined;
  readonly line?: { readonly documentId: string; readonly lineNo: number } | undefined;
  /** A later month whose run takes it back (D28). */
  readonly twinPeriod?: string | undefined;
  readonly attachment?: { readonly ref: string; readonly sha256: string } | undefined;
};

type Run = { readonly id: string; readonly entity_id: string; readonly month: string; readonly currency: string };
type Subject = { readonly chargeId: string | null; readonly documentId: string | null; readonly lineNo: number | null; readonly serviceMonth: string };

/**
 * Adds a manual line to an account's document of the run, and the row that takes it back later, which is approved together with it. The VAT code
 * is mandatory (D28); an account may have nothing but an adjustment. Refused for an account that the run does not bill, for what is not set up, and for more credit than a line is worth.
 */
export async function addAdjustment(db: Db, runId: string, adjustment: NewAdjustment, by: By, idempotencyKey?: string): Promise<{ readonly id: string }> {
  await lockOpen(db, runId);
  const run = await runFor(db, runId, adjustment.accountId);
  const subject = await subjectOf(db, run, adjustment);
  await refuseVatCode(db, adjustment.vatCode, subject.serviceMonth);
  const { glKey, glAccount } = await accountOfChart(db, run, adjustment);
  await refuseCostCenter(db, run, adjustment.costCenter);
  const { twinPeriod } = adjustment;
  if (twinPeriod !== undefined) {
    if (twinPeriod <= run.month) throw new Refused('invalid', `twinPeriod ${twinPeriod} is not after ${run.month}: name the later month whose run takes it back`);
    await refuseVatCode(db, adjustment.vatCode, twinPeriod);
  }
  const id = newId('adj', [runId, by.actor], idempotencyKey);
  if ((await db.query('SELECT FROM adjustment WHERE id = $1', [id])).rowCount !== 0) return { id };
  await touch(db, runId, [adjustment.accountId]);
  const write = (row: { id: string; runId: string | null; amountMinor: bigint; subject: Subject; reversalOf: string | null; duePeriod: string | null }) =>
    db.query(
      `INSERT INTO adjustment (id, run_id, account_id, charge_id, amount_minor, currency, vat_code, gl_key, gl_account, cost_center, description, reason, author, reversal_of, due_period, service_month, document_id, line_no, attachment_ref, attachment_sha256)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
      [
        row.id,
        row.runId,
        adjustment.accountId,
        row.subject.chargeId,
        row.amountMinor,
        run.currency,
        adjustment.vatCode,
        glKey,
        glAccount,
        adjustment.costCenter,
        adjustment.description,
        adjustment.reason,
        by.actor,
        row.reversalOf,
        row.duePeriod,
        row.subject.serviceMonth,
        row.subject.documentId,
        row.subject.lineNo,
        adjustment.attachment?.ref ?? null,
        adjustment.attachment?.sha256 ?? null,
      ],
    );
  await withinCredit(write({ id, runId, amountMinor: adjustment.amountMinor, subject, reversalOf: null, duePeriod: null }));
  if (twinPeriod !== undefined) {
    const nothing = { chargeId: null, documentId: null, lineNo: null, serviceMonth: twinPeriod };
    await write({ id: `${id}_twin`, runId: null, amountMinor: -adjustment.amountMinor, subject: nothing, reversalOf: id, duePeriod: twinPeriod });
  }
  await audit(db, by, { action: 'run.adjust', subject: runId, reason: adjustment.reason, after: { id, ...adjustment, glKey, glAccount } });
  return { id };
}

/** Takes an adjustment back before approval, and with it what was to take it back later; such a twin alone leaves the run and waits for the next. */
export async function withdrawAdjustment(db: Db, runId: string, id: string, by: By): Promise<void> {
  await lockOpen(db, runId);
  const row = await adjustmentIn(db, runId, id);
  if (row.withdrawn_at !== null) return;
  await touch(db, runId, [row.account_id]);
  if (row.reversal_of === null) await db.query('UPDATE adjustment SET withdrawn_at = now() WHERE id = $1 OR reversal_of = $1', [id]);
  else await db.query('UPDATE adjustment SET run_id = NULL WHERE id = $1', [id]);
  await audit(db, by, { action: row.reversal_of === null ? 'run.adjust.withdraw' : 'run.adjust.wait', subject: runId, after: { id } });
}

/** A second person signs an adjustment, as large ones need it. Refused for its author; who signs does not approve the run. */
export async function signAdjustment(db: Db, runId: string, id: string, comment: string, by: By): Promise<void> {
  await lockOpen(db, runId);
  const row = await adjustmentIn(db, runId, id);
  if (row.author === by.actor) throw new Refused('forbidden', `adjustment ${id} is your own: a second person signs it`);
  if (row.withdrawn_at !== null) throw new Refused('wrongState', `adjustment ${id} is withdrawn`);
  if (row.signed_by !== null) return;
  await touch(db, runId, [row.account_id]);
  await db.query('UPDATE adjustment SET signed_by = $2, signed_at = now() WHERE id = $1', [id, by.actor]);
  await audit(db, by, { action: 'run.adjust.sign', subject: runId, reason: comment, after: { id } });
}

type Row = { readonly account_id: string; readonly author: string; readonly reversal_of: string | null; readonly withdrawn_at: Date | null; readonly signed_by: string | null };

async function adjustmentIn(db: Db, runId: string, id: string): Promise<Row> {
  const { rows } = await db.query<Row>('SELECT account_id, author, reversal_of, withdrawn_at, signed_by FROM adjustment WHERE id = $1 AND run_id = $2 FOR UPDATE', [id, runId]);
  if (rows[0] === undefined) throw new Refused('notFound', `run ${runId} has no adjustment ${id}`);
  return rows[0];
}

async function runFor(db: Db, runId: string, accountId: string): Promise<Run> {
  const { rows } = await db.query<Run & { readonly billed: boolean }>(
    `SELECT r.id, r.entity_id, to_char(${lastDaySql}, 'YYYY-MM') AS month, a.currency,
       EXISTS (SELECT FROM run_account x WHERE x.run_id = r.id AND x.account_id = a.id) OR EXISTS (SELECT FROM ${runAsItStands} b WHERE ${selected('a.id', 'b')}) AS billed
     FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id JOIN account a ON a.entity_id = e.id WHERE r.id = $1 AND a.id = $2`,
    [runId, accountId],
  );
  const [found] = rows;
  if (found === undefined) throw new Refused('notFound', `the entity of run ${runId} has no account ${accountId}`);
  // Its month would be billed with the line, without its sessions.
  if (!found.billed) throw new Refused('wrongState', `run ${runId} does not bill account ${accountId}: enter it in the run of its calendar, or plan a run of this account alone`);
  return found;
}

async function subjectOf(db: Db, run: Run, { accountId, chargeId, line, serviceMonth }: NewAdjustment): Promise<Subject> {
  if (serviceMonth !== undefined && !/^\d{4}-(0[1-9]|1[0-2])$/.test(serviceMonth)) throw new Refused('invalid', `serviceMonth "${serviceMonth}" is not a month: write 2019-12`);
  if (serviceMonth !== undefined && serviceMonth > run.month) throw new Refused('invalid', `serviceMonth ${serviceMonth} is after ${run.month}, the month of run ${run.id}`);
  let about = line;
  let month = serviceMonth;
  if (chargeId !== undefined) {
    const { rows } = await db.query<{ service_month: string; currency: string; document_id: string | null; line_no: number | null }>(
      `SELECT c.service_month, c.currency, d.id AS document_id, k.line_no FROM rated_charge c LEFT JOIN claim k ON k.charge_id = c.charge_id LEFT JOIN document d ON d.id = k.document_id AND d.state = 'issued'
       WHERE c.charge_id::text = $1 AND $2 IN (c.payer_account_id, c.payee_account_id)`,
      [chargeId, accountId],
    );
    const [charge] = rows;
    if (charge === undefined) throw new Refused('notFound', `account ${accountId} has no charge ${chargeId}`);
    if (about !== undefined && (about.documentId !== charge.document_id || about.lineNo !== charge.line_no))
      throw new Refused('invalid', `charge ${chargeId} is not on line ${about.lineNo} of document ${about.documentId}`);
    // What is issued counts against its line, whichever way it is named.
    if (charge.document_id !== null && charge.line_no !== null) about = { documentId: charge.document_id, lineNo: charge.line_no };
    refuseOtherCurrency(run, accountId, `charge ${chargeId}`, charge.currency);
    month ??= charge.service_month;
  }
  if (about !== undefined) {
    const { rows } = await db.query<{ service_month: string; currency: string }>(
      'SELECT l.service_month, d.currency FROM document_line l JOIN document d ON d.id = l.document_id WHERE l.document_id = $1 AND l.line_no = $2',
      [about.documentId, about.lineNo],
    );
    if (rows[0] === undefined) throw new Refused('notFound', `there is no line ${about.lineNo} of a document ${about.documentId}`);
    refuseOtherCurrency(run, accountId, `document ${about.documentId}`, rows[0].currency);
    month ??= rows[0].service_month;
  }
  return { chargeId: chargeId ?? null, documentId: about?.documentId ?? null, lineNo: about?.lineNo ?? null, serviceMonth: month ?? run.month };
}

/** Its worth says nothing of an amount in another currency. */
function refuseOtherCurrency(run: Run, accountId: string, about: string, currency: string): void {
  if (currency === run.currency) return;
  throw new Refused('invalid', `${about} is in ${currency}, and manual amounts of account ${accountId} are in ${run.currency}: credit its lines by a credit note, or name neither charge nor line`);
}

/** The tax date is the last day of the service month (D07). */
async function refuseVatCode(db: Db, code: string, month: string): Promise<void> {
  const { rows } = await db.query<{ code: string }>(
    "SELECT code FROM vat_rule CROSS JOIN (SELECT (($1 || '-01')::date + interval '1 month' - interval '1 day')::date AS day) t WHERE valid_from <= day AND (valid_to IS NULL OR day < valid_to) ORDER BY code",
    [month],
  );
  if (rows.some((r) => r.code === code)) return;
  throw new Refused('notFound', `there is no VAT rule ${code} in ${month}: use ${rows.map((r) => r.code).join(', ')}, or add the rule`);
}

async function accountOfChart(db: Db, run: Run, { glKey, glAccount, vatCode }: NewAdjustment): Promise<{ readonly glKey: string; readonly glAccount: string }> {
  const { rows } = await db.query<{ key: string; gl_account: string }>(
    'SELECT key, gl_account FROM gl_mapping WHERE entity_id = $1 AND version = (SELECT max(version) FROM gl_mapping WHERE entity_id = $1) ORDER BY key',
    [run.entity_id],
  );
  const glAccounts = new Map(rows.map((r) => [r.key, r.gl_account]));
  if ((glKey === undefined) === (glAccount === undefined)) throw new Refused('invalid', 'give either glKey or glAccount');
  const found = adjustmentAccountOf({ glAccounts }, glKey === undefined ? { glAccount: glAccount ?? '' } : { glKey }, vatCode);
  if (found !== undefined) return found;
  throw new Refused(
    'invalid',
    glKey === undefined
      ? `the GL mapping of ${run.entity_id} has no account ${glAccount} for manual amounts: name a key of the mapping, or add one`
      : `the GL mapping of ${run.entity_id} has no key ${glKey} for manual amounts: add it, or use another`,
  );
}

async function refuseCostCenter(db: Db, run: Run, costCenter: string): Promise<void> {
  const { rows } = await db.query<{ known: boolean }>(
    'SELECT EXISTS (SELECT FROM legal_entity WHERE id = $1 AND cost_center = $2) OR EXISTS (SELECT FROM site WHERE entity_id = $1 AND cost_center = $2) AS known',
    [run.entity_id, costCenter],
  );
  if (rows[0]?.known !== true) throw new Refused('invalid', `${run.entity_id} has no cost center ${costCenter}: use its own or a site's, or give one of them this cost center first`);
}

const creditRefused = 'WL004';

/** The database has the last word on credits, so that two of them at once are no way around it. */
async function withinCredit<T>(writing: Promise<T>): Promise<T> {
  try {
    return await writing;
  } catch (error) {
    if ((error as { code?: string }).code === creditRefused) throw new Refused('invalid', `${(error as Error).message} (in minor units): lower the amount, or name another line`);
    throw error;
  }
}
