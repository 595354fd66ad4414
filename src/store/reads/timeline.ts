import { describeIssue, type Issue } from '../../core/issues.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { type RecordView, withToken } from './records.ts';

export type TimelineEvent = { readonly at: string; readonly event: string; readonly text: string };
/** What happened to a CDR, oldest first, and why it is (not) on an invoice. */
export type Timeline = { readonly sourceId: string; readonly recordKey: string; readonly state: string; readonly answer: string; readonly events: readonly TimelineEvent[] };

type Row = { at: Date; event: string; text: string };

/** The timeline of a CDR by its key; undefined when nothing of that key was ever received. `record` is what was found of it. */
export async function timelineOf(db: Db, key: { readonly sourceId: string; readonly recordKey: string }, record: RecordView | undefined): Promise<Timeline | undefined> {
  const received = await db.query<Row>(
    `SELECT m.received_at AS at, 'received' AS event, 'message ' || m.id || coalesce(', line ' || m.line_no || ' of ' || b.file_name || ' (batch ' || b.id || ')', ' by the API') AS text
     FROM raw_message m LEFT JOIN import_batch b ON b.id = m.batch_id WHERE m.source_id = $1 AND m.record_key = $2 ORDER BY m.id`,
    [key.sourceId, key.recordKey],
  );
  if (received.rows.length === 0) return undefined;
  const expunged = await db.query<Row>(
    `SELECT b.expunged_at AS at, 'expunged' AS event, 'the bytes of message ' || m.id || ' by ' || b.expunged_by || ': ' || b.expunge_reason AS text
     FROM raw_message m JOIN raw_body b ON b.received_month = m.received_month AND b.hash = m.body_hash WHERE m.source_id = $1 AND m.record_key = $2 AND b.expunged_at IS NOT NULL ORDER BY m.id`,
    [key.sourceId, key.recordKey],
  );
  const later = record === undefined ? [] : await laterEvents(db, record);
  const events = [...received.rows, ...expunged.rows, ...later].sort((a, b) => a.at.getTime() - b.at.getTime()).map((r) => ({ at: r.at.toISOString(), event: r.event, text: r.text }));
  return { ...key, state: record?.state ?? 'received', answer: answerOf(record, later), events };
}

async function laterEvents(db: Db, { recordId, token }: RecordView): Promise<Row[]> {
  const checked = await db.query<{ at: Date; raw_id: bigint; outcome: string; issues: Issue[] }>(
    'SELECT processed_at AS at, raw_id, outcome, issues FROM raw_outcome WHERE record_id = $1 ORDER BY raw_id',
    [recordId],
  );
  const sealed = await db.query<Row>(
    `SELECT sealed_at AS at, 'sealed' AS event, 'revision ' || revision || ', ' || energy_wh || ' Wh, hash ' || encode(record_hash, 'hex') AS text FROM charge_record WHERE record_id = $1 ORDER BY revision`,
    [recordId],
  );
  const booked = await db.query<{ at: Date; role: string; component: string; net: bigint; currency: string; account: string | null; reversal: boolean }>(
    `SELECT created_at AS at, role, component, net_minor AS net, currency, coalesce(payer_account_id, payee_account_id) AS account, reversal_of IS NOT NULL AS reversal
     FROM rated_charge WHERE record_id = $1 ORDER BY charge_id`,
    [recordId],
  );
  const decided = await db.query<Row>(
    `SELECT decided_at AS at, 'decided' AS event, action || coalesce(' ' || correction::text, '') || ' by ' || actor || coalesce(' for ' || run_id, '') || CASE WHEN needs_second THEN ' (above the limit: two have to agree)' ELSE '' END || ': ' || reason AS text FROM decision WHERE subject_kind = 'record' AND subject_id = $1 ORDER BY id`,
    [recordId],
  );
  const billed = await db.query<Row>(
    `SELECT DISTINCT ON (k.run_id, k.document_id) coalesce(s.issued_at, r.set_closed_at, r.planned_at) AS at,
            CASE WHEN s.document_id IS NOT NULL THEN 'invoiced' ELSE 'assigned' END AS event,
            'run ' || k.run_id || ': ' || CASE k.disposition WHEN 'excluded' THEN 'excluded and written off' WHEN 'carried' THEN 'carried to the next run'
              ELSE 'document ' || coalesce(s.legal_number, k.document_id, 'being built') || coalesce(' (' || d.state || ')', '') END
              || coalesce(', ERP ' || p.state || coalesce(' as ' || p.external_id, ''), '') AS text
     FROM rated_charge c JOIN claim k ON k.charge_id = c.charge_id JOIN billing_run r ON r.id = k.run_id
     LEFT JOIN document d ON d.id = k.document_id LEFT JOIN issue_stamp s ON s.document_id = d.id LEFT JOIN LATERAL (SELECT state, external_id FROM document_posting y WHERE y.document_id = d.id ORDER BY progress, key LIMIT 1) p ON true
     WHERE c.record_id = $1 ORDER BY k.run_id, k.document_id`,
    [recordId],
  );
  const paid = await db.query<Row>(
    `WITH own AS (SELECT DISTINCT p.id, p.decided_at, p.execute_on, i.no, y.document_id, s.legal_number, i.account_id FROM rated_charge c JOIN claim k ON k.charge_id = c.charge_id JOIN payment_document y ON y.document_id = k.document_id
       JOIN payment p ON p.id = y.payment_id AND p.state = 'approved' JOIN payment_item i ON i.payment_id = p.id AND i.account_id = y.account_id JOIN issue_stamp s ON s.document_id = y.document_id WHERE c.record_id = $1)
     SELECT decided_at AS at, 'paid' AS event, 'document ' || legal_number || ' to ' || account_id || ' by payment ' || id || ', to be carried out on ' || execute_on AS text FROM own
     UNION ALL SELECT r.stated_at, 'sentBack', 'document ' || o.legal_number || ' to ' || o.account_id || ': payment ' || o.id || ' came back on ' || r.returned_on || ' and is owed again, by ' || r.author || ': ' || r.reason
     FROM own o JOIN payment_return r ON r.payment_id = o.id AND r.no = o.no ORDER BY 1, 3`,
    [recordId],
  );
  return [
    ...checked.rows.map((r) => ({
      at: r.at,
      event: 'checked',
      text: `message ${r.raw_id}: ${r.outcome}${withToken(r.issues, token)
        .map((i) => `; ${describeIssue(i)}`)
        .join('')}`,
    })),
    ...sealed.rows,
    ...booked.rows.map((r) => ({
      at: r.at,
      event: r.reversal ? 'reversed' : 'rated',
      text: `${r.role} ${r.component}: ${formatMinor(r.net, r.currency)} ${r.currency} net, ${r.account ?? 'no account'}`,
    })),
    ...decided.rows,
    ...billed.rows,
    ...paid.rows,
  ];
}

function answerOf(record: RecordView | undefined, events: readonly Row[]): string {
  if (record === undefined) return 'Not on an invoice yet: the message is stored and waits to be processed.';
  const last = events.filter((e) => e.event === 'invoiced' || e.event === 'assigned').at(-1);
  switch (record.state) {
    case 'quarantined':
      return `Not on an invoice: it waits for ${record.waitingFor ?? 'a decision'}. ${record.issues.map((i) => i.text).join(' ')}`;
    case 'parked':
      return `Not on an invoice: it is parked. ${record.issues.map((i) => i.text).join(' ')}`;
    case 'rejected':
      return record.linkedTo === null ? 'Not on an invoice: it was rejected.' : `Not on an invoice: record ${record.linkedTo} of another route is the same session, and is billed instead.`;
    default:
      if (record.waitingFor !== null)
        return `A correction waits for ${record.waitingFor}: ${record.issues.map((i) => i.text).join(' ')} What was booked before stands. ${last === undefined ? '' : `It is in ${last.text}.`}`.trim();
      if (last === undefined) return 'Not on an invoice yet: rated and booked, it waits for the next run of its month.';
      return last.event === 'invoiced' ? `On an invoice: ${last.text}.` : `Not on an issued invoice yet: ${last.text}.`;
  }
}
