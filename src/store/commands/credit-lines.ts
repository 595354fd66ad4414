import { formatMinor, vatOfGross } from '../../core/money.ts';
import { lockRun } from '../cycle/run-state.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { newId } from './new-id.ts';
import { Refused } from './refusal.ts';
import { openStates, touch } from './shape-run.ts';

export type CreditLines = {
  readonly documentId: string;
  /** `amountMinor`: what comes off the line, net for business accounts, gross for consumers; negative takes an earlier credit back; all that is left without it. */
  readonly lines: readonly { readonly lineNo: number; readonly amountMinor?: bigint | undefined }[];
  readonly reason: string;
  /** Stands on the credit note. */
  readonly description?: string | undefined;
  /** Leaves lines out of which nothing is left, instead of refusing them. */
  readonly onlyWhatIsLeft?: boolean;
};

/**
 * Orders credits against lines of an issued invoice, without touching its sessions: goodwill, a fee waived. The next run of the account
 * makes the credit note, which names the document and the line. Refused when more would be credited than is left of a line (invariant 8).
 */
export async function creditLines(db: Db, order: CreditLines, by: By, idempotencyKey?: string): Promise<{ readonly ids: readonly string[]; readonly accountId: string }> {
  const document = (
    await db.query<{ type: string; state: string; account_id: string; currency: string; is_net: boolean; legal_number: string | null; vat: { vatCode: string; percent: string }[] }>(
      `SELECT d.type, d.state, d.account_id, d.currency, s.legal_number, convert_from(d.canonical, 'UTF8')::jsonb->'header'->>'roundingMode' = 'netFirst' AS is_net, convert_from(d.canonical, 'UTF8')::jsonb->'vat' AS vat
       FROM document d LEFT JOIN issue_stamp s ON s.document_id = d.id WHERE d.id = $1 FOR UPDATE OF d`,
      [order.documentId],
    )
  ).rows[0];
  if (document === undefined) throw new Refused('notFound', `there is no document "${order.documentId}"`);
  if (document.state !== 'issued') throw new Refused('wrongState', `document ${order.documentId} is ${document.state}: only an issued one is credited`);
  if (document.type !== 'invoice' && document.type !== 'receipt') throw new Refused('invalid', `document ${order.documentId} is a ${document.type}: only invoices and receipts are credited`);
  const idOf = (lineNo: number) => newId('crd', [order.documentId, lineNo, by.actor], idempotencyKey);
  if (idempotencyKey !== undefined) {
    const known = await db.query<{ id: string }>('SELECT id FROM credit_order WHERE id = ANY($1) ORDER BY line_no', [order.lines.map((l) => idOf(l.lineNo))]);
    if (known.rows.length > 0) return { ids: known.rows.map((r) => r.id), accountId: document.account_id };
  }
  const ids: string[] = [];
  await lockCredits(
    db,
    order.documentId,
    order.lines.map((l) => l.lineNo),
  );
  const rows = await linesWithRest(
    db,
    order.documentId,
    order.lines.map((l) => l.lineNo),
  );
  const seen = new Set<number>();
  for (const { lineNo, amountMinor } of order.lines) {
    const line = rows.get(lineNo);
    if (line === undefined || seen.has(lineNo)) throw new Refused('notFound', `document ${order.documentId} has no line ${lineNo}, or it is named twice`);
    seen.add(lineNo);
    // A manual amount about the line takes something of it too, on a document of its own.
    const left = (document.is_net ? line.net : line.gross) + line.adjusted;
    const billed = document.is_net ? line.billed_net : line.billed_gross;
    const amount = amountMinor ?? left;
    if (amount === 0n && order.onlyWhatIsLeft === true) continue;
    const after = left - amount;
    const inBounds = billed >= 0n ? after >= 0n && after <= billed : after <= 0n && after >= billed;
    if (amount === 0n || !inBounds)
      throw new Refused(
        'invalid',
        `line ${lineNo} of ${document.legal_number}: ${formatMinor(left, document.currency)} of ${formatMinor(billed, document.currency)} is left, so ${formatMinor(amount, document.currency)} cannot be credited`,
      );
    const percent = document.vat.find((v) => v.vatCode === line.vat_code)?.percent ?? '0';
    // The last of a line takes the last of its net, and no part more, whatever its sessions and the parts before were rounded to.
    const net = document.is_net ? amount : after === 0n && line.adjusted === 0n ? line.net : line.net - between(line.net - amount + vatOfGross(amount, percent), line.billed_net);
    const id = idOf(lineNo);
    await db.query(
      `INSERT INTO credit_order (id, document_id, line_no, account_id, amount_minor, net_minor, currency, vat_code, gl_account, cost_center, description, reason, author)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
      [
        id,
        order.documentId,
        lineNo,
        document.account_id,
        -amount,
        -net,
        document.currency,
        line.vat_code,
        line.gl_account,
        line.cost_center,
        // The buyer reads it in any language; that it is a credit the document says itself.
        order.description ?? `${line.description} (${document.legal_number}: ${lineNo})`,
        order.reason,
        by.actor,
      ],
    );
    ids.push(id);
  }
  await audit(db, by, { action: 'document.creditLines', subject: order.documentId, reason: order.reason, after: { ids, lines: order.lines } });
  return { ids, accountId: document.account_id };
}

/** A net that is left of a line, between nothing and all that it billed. */
function between(left: bigint, billed: bigint): bigint {
  const [low, high] = billed < 0n ? [billed, 0n] : [0n, billed];
  return left < low ? low : left > high ? high : left;
}

type Line = { readonly line_no: number; readonly description: string; readonly vat_code: string; readonly gl_account: string; readonly cost_center: string } & {
  readonly [Name in 'billed_net' | 'billed_gross' | 'net' | 'gross' | 'adjusted']: bigint;
};

/** Waits for whoever takes something of these lines back, as the database makes manual amounts wait. */
async function lockCredits(db: Db, documentId: string, lineNos: readonly number[]): Promise<void> {
  const inOrder = [...new Set(lineNos)].sort((a, b) => a - b);
  await db.query("SELECT pg_advisory_xact_lock(hashtextextended('credit ' || $1 || '/' || n, 0)) FROM unnest($2::integer[]) WITH ORDINALITY AS t(n, i) ORDER BY i", [documentId, inOrder]);
}

/** Lines with what is left of them after all that credits them: documents that are not discarded, and orders that are on none yet; and with what manual amounts about them take off. */
async function linesWithRest(db: Db, documentId: string, lineNos: readonly number[]): Promise<Map<number, Line>> {
  const { rows } = await db.query<Line>(
    `SELECT l.line_no, l.description, l.vat_code, l.gl_account, l.cost_center, l.net_minor AS billed_net, l.gross_minor AS billed_gross,
       (l.net_minor + coalesce(c.net, 0) + coalesce(o.net, 0))::bigint AS net, (l.gross_minor + coalesce(c.gross, 0) + coalesce(o.gross, 0))::bigint AS gross, adjusted_of_line(l.document_id, l.line_no) AS adjusted
     FROM document_line l
     LEFT JOIN LATERAL (SELECT sum(x.net_minor) AS net, sum(x.gross_minor) AS gross FROM document_line x JOIN document d ON d.id = x.document_id AND d.state <> 'discarded'
       WHERE x.credits_document_id = l.document_id AND x.credits_line_no = l.line_no) c ON true
     LEFT JOIN LATERAL (SELECT sum(y.net_minor) AS net, sum(y.amount_minor) AS gross FROM credit_order y WHERE y.document_id = l.document_id AND y.line_no = l.line_no AND y.withdrawn_at IS NULL
       AND NOT EXISTS (SELECT FROM document_line x JOIN document d ON d.id = x.document_id AND d.state <> 'discarded' WHERE x.adjustment_id = y.id)) o ON true
     WHERE l.document_id = $1 AND l.line_no = ANY($2)`,
    [documentId, lineNos],
  );
  return new Map(rows.map((r) => [r.line_no, r]));
}

/** Those of a document's lines of which something is left, or that billed nothing. */
export async function linesLeft(db: Db, documentId: string, lineNos: readonly number[]): Promise<ReadonlySet<number>> {
  if (lineNos.length === 0) return new Set();
  const { rows } = await db.query<{ is_net: boolean }>("SELECT convert_from(canonical, 'UTF8')::jsonb->'header'->>'roundingMode' = 'netFirst' AS is_net FROM document WHERE id = $1", [documentId]);
  const isNet = rows[0]?.is_net ?? true;
  const lines = await linesWithRest(db, documentId, [...new Set(lineNos)]);
  return new Set([...lines.values()].filter((l) => (isNet ? l.net !== 0n || l.billed_net === 0n : l.gross !== 0n || l.billed_gross === 0n)).map((l) => l.line_no));
}

/** Takes an ordered credit back before its credit note is approved; the account is built again where an open run took it already. Refused between the approval of a run that bills nothing of it and its close. */
export async function withdrawCredit(db: Db, id: string, by: By): Promise<{ readonly runId: string | null }> {
  const order = (await db.query<{ run_id: string | null; account_id: string; document_id: string; withdrawn_at: Date | null }>('SELECT * FROM credit_order WHERE id = $1 FOR UPDATE', [id])).rows[0];
  if (order === undefined) throw new Refused('notFound', `there is no ordered credit "${id}"`);
  if (order.withdrawn_at !== null) return { runId: null };
  const fixed = await db.query("SELECT FROM document_line l JOIN document d ON d.id = l.document_id WHERE l.adjustment_id = $1 AND d.state NOT IN ('draft', 'discarded')", [id]);
  if (fixed.rowCount !== 0) throw new Refused('wrongState', `credit ${id} stands on an approved document: order the opposite amount`);
  await db.query('UPDATE credit_order SET withdrawn_at = now() WHERE id = $1', [id]);
  // A run that took it in vain, or was cancelled, stays as it ended: what it left behind waits by itself.
  const runId = order.run_id !== null && openStates.includes(await lockRun(db, order.run_id)) ? order.run_id : null;
  if (runId !== null) await touch(db, runId, [order.account_id]);
  await audit(db, by, { action: 'document.creditLines.withdraw', subject: order.document_id, after: { id } });
  return { runId };
}
