import { ocrReference } from '../../core/document/ocr.ts';
import { type LedgerEvent, postingsFor } from '../../core/ledger/postings.ts';
import type { Db } from '../db.ts';
import { enqueue } from '../outbox.ts';
import { lockRun } from './run-state.ts';

const batch = 100;

/**
 * Issues up to 100 approved documents of a run in the caller's transaction: gapless numbers under the series' row lock, the issue
 * stamp, the ledger, the outbox. Issues exactly the approved content: a document whose group hash is not the approved one stops it.
 * `issueOn` is the calendar date of issue in the entity's zone; it picks the series (D40). Answers how many are left.
 */
export async function issueDocuments(db: Db, runId: string, issueOn: string): Promise<{ readonly issued: number; readonly left: number }> {
  const state = await lockRun(db, runId);
  if (state !== 'issuing') throw new RangeError(`run ${runId} is ${state}: only an issuing run issues documents`);
  const approved = await db.query(`SELECT 1 FROM billing_run r JOIN approval a ON a.run_id = r.id AND a.decision = 'approve' AND a.content_hash = r.content_hash WHERE r.id = $1`, [runId]);
  if (approved.rowCount === 0) throw new RangeError(`run ${runId} has no approval of the content it holds`);
  const documents = await db.query(
    `SELECT d.*, a.payment_terms_days, a.strategy FROM document d JOIN account a ON a.id = d.account_id WHERE d.run_id = $1 AND d.state = 'approved' ORDER BY d.account_id, d.id LIMIT $2 FOR UPDATE OF d`,
    [runId, batch],
  );
  if (documents.rows.length > 0) {
    const [first] = documents.rows;
    await stamp(
      db,
      first['entity_id'],
      documents.rows.map((d) => ({ id: d.id, terms: d.payment_terms_days, transfer: d.strategy === 'driverInvoice' || d.strategy === 'fleetInvoice' })),
      issueOn,
    );
    for (const d of documents.rows) await book(db, d, issueOn);
    await handToOutbox(
      db,
      runId,
      first['entity_id'],
      documents.rows.map((d) => d.id),
      issueOn,
    );
    await db.query("UPDATE document SET state = 'issued' WHERE id = ANY($1)", [documents.rows.map((d) => d.id)]);
  }
  const { rows } = await db.query<{ n: bigint }>("SELECT count(*) AS n FROM document WHERE run_id = $1 AND state = 'approved'", [runId]);
  return { issued: documents.rows.length, left: Number(rows[0]?.n ?? 0n) };
}

/** Books what the run's exclusions write off: out of revenue and unbilled, with its energy. Repeatable: once a run. */
export async function bookWriteOffs(db: Db, runId: string, issueOn: string): Promise<void> {
  const key = `writeOff/${runId}`;
  const excluded = await db.query<{ account_id: string; entity_id: string; cost_center: string; site_id: string | null; currency: string; service_month: string; net: bigint; wh: bigint; n: bigint }>(
    `SELECT k.account_id, c.entity_id, c.cost_center, c.site_id, c.currency, c.service_month, sum(c.net_minor)::bigint AS net, sum(c.energy_wh)::bigint AS wh, count(*) AS n
     FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND k.disposition = 'excluded' GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 3, 4, 6`,
    [runId],
  );
  const [first] = excluded.rows;
  if (first === undefined || (await db.query('SELECT 1 FROM ledger_transaction WHERE key = $1', [key])).rowCount !== 0) return;
  const entries = excluded.rows.flatMap((row) =>
    postingsFor({ kind: 'excludedWrittenOff', currency: row.currency, netMinor: row.net, energyWh: row.wh })
      .filter((posting) => posting.amount !== 0n)
      .map((posting) => ({ posting, row })),
  );
  await db.query("INSERT INTO ledger_transaction (key, entity_id, kind, effective_on, source_ref) VALUES ($1, $2, 'writtenOff', $3, $4)", [key, first.entity_id, issueOn, runId]);
  await db.query(
    `INSERT INTO ledger_entry (transaction_key, ledger_account, unit, amount, account_id, cost_center, site_id, service_month, charge_count)
     SELECT $1, a, u, m, p, c, s, month, n FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::integer[]) AS t(a, u, m, p, c, s, month, n)`,
    [
      key,
      entries.map((e) => e.posting.ledgerAccount),
      entries.map((e) => e.posting.unit),
      entries.map((e) => e.posting.amount),
      entries.map((e) => e.row.account_id),
      entries.map((e) => e.row.cost_center),
      entries.map((e) => e.row.site_id),
      entries.map((e) => e.row.service_month),
      entries.map((e) => Number(e.row.n)),
    ],
  );
}

async function stamp(db: Db, entityId: string, documents: readonly { id: string; terms: number; transfer: boolean }[], issueOn: string): Promise<void> {
  const year = Number(issueOn.slice(0, 4));
  const seriesId = `${entityId}/invoice/${year}`;
  await db.query(`INSERT INTO number_series (id, entity_id, document_type, year, prefix) VALUES ($1, $2, 'invoice', $3, $4) ON CONFLICT DO NOTHING`, [seriesId, entityId, year, `${year}-`]);
  const taken = await db.query<{ first: bigint; prefix: string }>('UPDATE number_series SET next = next + $2 WHERE id = $1 RETURNING next - $2 AS first, prefix', [seriesId, documents.length]);
  const series = taken.rows[0];
  if (series === undefined) throw new Error(`series ${seriesId} is missing`);
  const numbers = documents.map((_d, i) => series.first + BigInt(i));
  await db.query(
    `INSERT INTO issue_stamp (document_id, series_id, number, legal_number, issued_on, due_on, ocr)
     SELECT d, $1, n, $2 || lpad(n::text, 6, '0'), $3, $3::date + terms, ocr FROM unnest($4::text[], $5::bigint[], $6::integer[], $7::text[]) AS t(d, n, terms, ocr)`,
    [
      seriesId,
      series.prefix,
      issueOn,
      documents.map((d) => d.id),
      numbers,
      documents.map((d) => d.terms),
      documents.map((d, i) => (d.transfer ? ocrReference(`${year}${(numbers[i] ?? 0n).toString().padStart(6, '0')}`) : null)),
    ],
  );
}

async function book(db: Db, document: Record<string, unknown>, issueOn: string): Promise<void> {
  const d = document as { id: string; entity_id: string; account_id: string; currency: string; net_minor: bigint; vat_minor: bigint; payable_minor: bigint; energy_wh: bigint };
  const key = `issue/${d.id}`;
  const adjusted = await db.query<{ net: bigint }>("SELECT coalesce(sum(net_minor), 0)::bigint AS net FROM document_line WHERE document_id = $1 AND kind = 'adjustment'", [d.id]);
  const events: LedgerEvent[] = [
    { kind: 'adjusted', currency: d.currency, netMinor: adjusted.rows[0]?.net ?? 0n },
    { kind: 'saleInvoiced', currency: d.currency, netMinor: d.net_minor, vatMinor: d.vat_minor, payableMinor: d.payable_minor, energyWh: d.energy_wh },
  ];
  const postings = events.flatMap(postingsFor).filter((p) => p.amount !== 0n);
  await db.query("INSERT INTO ledger_transaction (key, entity_id, kind, effective_on, source_ref) VALUES ($1, $2, 'invoiced', $3, $4)", [key, d.entity_id, issueOn, d.id]);
  await db.query('INSERT INTO ledger_entry (transaction_key, ledger_account, unit, amount, account_id) SELECT $1, a, u, m, $2 FROM unnest($3::text[], $4::text[], $5::bigint[]) AS t(a, u, m)', [
    key,
    d.account_id,
    postings.map((p) => p.ledgerAccount),
    postings.map((p) => p.unit),
    postings.map((p) => p.amount),
  ]);
}

/** The ERP's posting of each document: receivable against revenue per account and cost center, VAT per code, rounding. */
async function handToOutbox(db: Db, runId: string, entityId: string, documentIds: readonly string[], issueOn: string): Promise<void> {
  const connection = (await db.query<{ id: string }>('SELECT id FROM erp_connection WHERE entity_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR $2 < valid_to)', [entityId, issueOn])).rows;
  if (connection.length !== 1) throw new RangeError(`${entityId} has ${connection.length} ERP connections on ${issueOn}: exactly one must hold`);
  const gl = new Map(
    (await db.query('SELECT key, gl_account FROM gl_mapping m WHERE entity_id = $1 AND version = (SELECT max(version) FROM gl_mapping WHERE entity_id = $1)', [entityId])).rows.map((r) => [
      r.key as string,
      r.gl_account as string,
    ]),
  );
  const glOf = (key: string) => {
    const account = gl.get(key);
    if (account === undefined) throw new RangeError(`no GL account is mapped to ${key}: add it to the GL mapping`);
    return account;
  };
  const documents = await db.query(`SELECT d.*, s.legal_number FROM document d JOIN issue_stamp s ON s.document_id = d.id WHERE d.id = ANY($1) ORDER BY d.id`, [documentIds]);
  const lines = await db.query(
    'SELECT document_id, gl_account, cost_center, vat_code, sum(net_minor)::bigint AS net FROM document_line WHERE document_id = ANY($1) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4',
    [documentIds],
  );
  await enqueue(
    db,
    connection[0]?.id ?? '',
    documents.rows.map((d) => {
      const line = (glAccount: string, costCenter: string | null, vatCode: string | null, amount: bigint) => ({ glAccount, costCenter, vatCode, amountMinor: amount.toString() });
      const vat = (JSON.parse(d.canonical.toString('utf8')) as { vat: { vatCode: string; vatMinor: string }[] }).vat;
      const postings = [
        line(glOf('receivable'), null, null, d.payable_minor),
        ...lines.rows.filter((l) => l.document_id === d.id).map((l) => line(l.gl_account, l.cost_center, l.vat_code, -(l.net as bigint))),
        ...vat.map((v) => line(glOf(`outputVat.${v.vatCode}`), null, v.vatCode, -BigInt(v.vatMinor))),
        line(glOf('rounding'), null, null, -(d.rounding_minor as bigint)),
      ].filter((l) => l.amountMinor !== '0');
      return {
        key: d.id,
        kind: 'invoice',
        runId,
        legalNumber: d.legal_number,
        accountId: d.account_id,
        currency: d.currency,
        postedOn: issueOn,
        lines: postings,
        documentId: d.id,
        controlMinor: d.payable_minor,
      };
    }),
  );
}
