import { randomUUID } from 'node:crypto';
import { conversionOn } from '../../core/allocate/convert.ts';
import { groupBy } from '../../core/group-by.ts';
import { describeIssue, type Issue, isIssue } from '../../core/issues.ts';
import { billLinesOf, eventsOfInvoice } from '../../core/purchase/book-invoice.ts';
import { type AccruedPart, type AccruedSession, type Bearer, type InvoiceLine, type MatchedLine, matchInvoice, purchaseVat } from '../../core/purchase/match-invoice.ts';
import type { Db } from '../db.ts';
import { loadEntity } from '../intake/load-setup.ts';
import { writeJournals } from '../ledger/write-journals.ts';
import { enqueue } from '../outbox.ts';
import { recordKeySql } from '../record-key.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type PartnerInvoice = {
  readonly accountId: string;
  readonly number: string;
  readonly issuedOn: string;
  /** The date it counts for in the books. */
  readonly postedOn: string;
  readonly currency: string;
  readonly vatMinor: bigint;
  readonly lines: readonly InvoiceLine[];
};
export type MatchedPartnerInvoice = {
  readonly invoiceId: string;
  readonly netMinor: bigint;
  readonly selfAssessedMinor: bigint;
  readonly acceptedMinor: bigint;
  readonly disputedMinor: bigint;
  readonly lines: readonly Pick<MatchedLine, 'cdrId' | 'netMinor' | 'accruedMinor' | 'outcome'>[];
  readonly connectionId: string;
};

/**
 * Matches an operator's invoice CDR by CDR against what we accrued for its sessions, books it, and puts it into the outbox as a vendor bill. What the invoice
 * does not name stays accrued. Each invoice (account and number) once: again with the same figures answers as before is refused as known. Refused when nothing of it is a session of ours,
 * its sessions have several VAT codes, or a rate, a VAT rule or an account of the chart is missing.
 */
export async function matchPartnerInvoice(db: Db, invoice: PartnerInvoice, by: By): Promise<MatchedPartnerInvoice> {
  const { accountId, number, issuedOn, postedOn, currency, lines } = invoice;
  // One at a time per operator: a charge is on one invoice.
  const account = (
    await db.query<{ entity_id: string; category: string; books_center: string | null }>(
      'SELECT a.entity_id, a.category, e.cost_center AS books_center FROM account a JOIN legal_entity e ON e.id = a.entity_id WHERE a.id = $1 FOR UPDATE OF a',
      [accountId],
    )
  ).rows[0];
  if (account === undefined) throw new Refused('notFound', `there is no account "${accountId}"`);
  if ((await db.query('SELECT FROM partner_invoice WHERE account_id = $1 AND number = $2', [accountId, number])).rowCount !== 0)
    throw new Refused('wrongState', `invoice ${number} of ${accountId} is matched already`);
  const found = await accruedSessions(
    db,
    accountId,
    currency,
    lines.map((l) => l.cdrId.toLowerCase()),
  );
  const matched = orRefused(matchInvoice(lines, found.sessions));
  const codes = [...new Set(matched.lines.flatMap((l) => l.session?.vatCode ?? []))];
  const [vatCode, ...others] = codes;
  if (vatCode === undefined)
    throw new Refused('invalid', `invoice ${number} names no session that is accrued for ${accountId} in ${currency}: check the CDR ids, or that they are not invoiced already`);
  if (others.length > 0) throw new Refused('invalid', `sessions of invoice ${number} stand under ${codes.join(', ')}: split it by VAT`);
  const dayMs = Date.parse(postedOn);
  const entity = await loadEntity(db, account.entity_id, { fromMs: dayMs, toMs: dayMs });
  const vat = orRefused(purchaseVat(entity, { vatCode, netMinor: matched.netMinor, statedMinor: invoice.vatMinor, on: issuedOn, subject: number }));
  const conversion = orRefused(conversionOn(entity, currency, postedOn, number));
  const glOf = (key: string) => {
    const gl = entity.glAccounts.get(key);
    if (gl === undefined) throw new Refused('wrongState', `no GL account is mapped to ${key}: add it to the GL mapping`);
    return gl;
  };
  if (matched.lines.some((l) => l.session === null) && account.books_center === null)
    throw new Refused('wrongState', 'the seller has no cost center for what no session of ours bears: give the legal entity its own');
  const elsewhere: Bearer = {
    glAccount: matched.lines.some((l) => l.session === null) ? glOf('dispute') : '',
    costCenter: account.books_center ?? '',
    siteId: null,
    serviceMonth: null,
    sourceId: null,
  };
  const id = `pinv_${randomUUID().replaceAll('-', '').slice(0, 20)}`;
  await db.query(
    `INSERT INTO partner_invoice (id, entity_id, account_id, number, issued_on, posted_on, currency, net_minor, vat_code, vat_minor, self_assessed_minor, accrued_minor, accepted_minor, disputed_minor, author)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [
      id,
      account.entity_id,
      accountId,
      number,
      issuedOn,
      postedOn,
      currency,
      matched.netMinor,
      vatCode,
      vat.inputMinor,
      vat.selfAssessedMinor,
      matched.accruedMinor,
      matched.acceptedMinor,
      matched.disputedMinor,
      by.actor,
    ],
  );
  await db.query(
    `INSERT INTO partner_invoice_line (invoice_id, line_no, cdr_id, record_id, net_minor, accrued_minor, outcome)
     SELECT $1, t.no, t.cdr, t.record, t.net, t.accrued, t.outcome FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[]) WITH ORDINALITY AS t(cdr, record, net, accrued, outcome, no)`,
    [
      id,
      matched.lines.map((l) => l.cdrId),
      matched.lines.map((l) => l.session?.recordId ?? null),
      matched.lines.map((l) => l.netMinor),
      matched.lines.map((l) => l.accruedMinor),
      matched.lines.map((l) => l.outcome),
    ],
  );
  const records = new Set(matched.lines.flatMap((l) => l.session?.recordId ?? []));
  await db.query('INSERT INTO partner_invoice_charge (charge_id, invoice_id) SELECT unnest($1::bigint[]), $2', [found.charges.flatMap((c) => (records.has(c.recordId) ? [c.chargeId] : [])), id]);
  await writeJournals(db, [
    {
      key: `partnerInvoice/${id}`,
      kind: 'matched',
      entityId: account.entity_id,
      effectiveOn: postedOn,
      period: postedOn.slice(0, 7),
      sourceRef: id,
      fxRate: conversion.name,
      booked: eventsOfInvoice(matched, vat, currency, conversion, entity.currency, elsewhere).map(({ event, bearer, vatCode: code }) => ({
        event,
        of: {
          accountId,
          vatCode: code,
          siteId: bearer.siteId,
          serviceMonth: bearer.serviceMonth,
          sourceId: bearer.sourceId,
          costCenter: bearer.costCenter === '' ? null : bearer.costCenter,
          glAccount: bearer.glAccount === '' ? null : bearer.glAccount,
        },
        withMoney: 1,
        withEnergy: 0,
      })),
    },
  ]);
  const connections = await db.query<{ id: string }>('SELECT id FROM erp_connection WHERE entity_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR $2 < valid_to)', [account.entity_id, postedOn]);
  const [connection] = connections.rows;
  if (connection === undefined || connections.rows.length > 1)
    throw new Refused('wrongState', `${account.entity_id} has ${connections.rows.length} ERP connections on ${postedOn}: exactly one must hold`);
  const billLines = billLinesOf(matched, vat, elsewhere, glOf);
  const bill = {
    key: `partnerInvoice/${id}`,
    kind: 'vendorBill',
    runId: null,
    legalNumber: number,
    accountId,
    currency,
    postedOn,
    lines: billLines,
    documentId: null,
    controlMinor: matched.netMinor + vat.inputMinor,
  };
  await enqueue(db, connection.id, [bill]);
  await audit(db, by, { action: 'partnerInvoice.matched', subject: id, after: { accountId, number, net: matched.netMinor, accepted: matched.acceptedMinor, disputed: matched.disputedMinor } });
  return {
    invoiceId: id,
    netMinor: matched.netMinor,
    selfAssessedMinor: vat.selfAssessedMinor,
    acceptedMinor: matched.acceptedMinor,
    disputedMinor: matched.disputedMinor,
    lines: matched.lines,
    connectionId: connection.id,
  };
}

/**
 * What is accrued for these CDRs of an operator and on no invoice of theirs, with the charges behind it, mirrors included; by where it stands, as a correction may have
 * moved it. A CDR is named by its own id, or with its owner's country and party before it.
 */
async function accruedSessions(
  db: Db,
  accountId: string,
  currency: string,
  cdrIds: readonly string[],
): Promise<{ readonly sessions: readonly AccruedSession[]; readonly charges: readonly { readonly chargeId: bigint; readonly recordId: bigint }[] }> {
  const { rows } = await db.query<{ record_id: bigint; cdr: string; key: string; charge_ids: bigint[]; tolerance: string | null } & AccruedPart>(
    `SELECT c.record_id, h.cdr_id AS cdr, ${recordKeySql} AS key, array_agg(c.charge_id) AS charge_ids, sum(c.net_minor)::bigint AS minor, sum(c.book_net_minor)::bigint AS "bookMinor",
       c.vat_code AS "vatCode", c.gl_account AS "glAccount", c.cost_center AS "costCenter", c.site_id AS "siteId", c.service_month AS "serviceMonth", h.source_id AS "sourceId",
       (SELECT l->>'tolerancePercent' FROM contract_version v CROSS JOIN LATERAL jsonb_array_elements(v.clauses->'clauses') l WHERE v.contract_id = c.contract_id AND v.version = c.contract_version AND l->>'id' = c.clause) AS tolerance
     FROM rated_charge c JOIN record_head h ON h.record_id = c.record_id
     WHERE c.payee_account_id = $1 AND c.role = 'roamingPurchase' AND c.currency = $2 AND (lower(h.cdr_id) = ANY($3) OR ${recordKeySql} = ANY($3)) AND NOT EXISTS (SELECT FROM partner_invoice_charge x WHERE x.charge_id = c.charge_id)
     GROUP BY c.record_id, h.cdr_id, h.owner_country, h.owner_party, h.source_id, c.vat_code, c.gl_account, c.cost_center, c.site_id, c.service_month, c.contract_id, c.contract_version, c.clause
     ORDER BY c.record_id, max(c.charge_id) FILTER (WHERE c.reversal_of IS NULL) DESC NULLS LAST, max(c.charge_id) DESC`,
    [accountId, currency, cdrIds],
  );
  const sessions = [...groupBy(rows, (r) => r.record_id.toString()).values()].flatMap((own): AccruedSession[] => {
    // The newest charge stands where the session does now.
    const [now] = own;
    const minor = own.reduce((sum, r) => sum + r.minor, 0n);
    if (now === undefined || minor === 0n) return [];
    const { record_id: recordId, cdr, key, vatCode, tolerance, glAccount, costCenter, siteId, serviceMonth, sourceId } = now;
    return [{ recordId, cdrId: cdr, key, minor, vatCode, tolerancePercent: tolerance ?? '1', glAccount, costCenter, siteId, serviceMonth, sourceId, parts: own }];
  });
  return { sessions, charges: rows.flatMap((r) => r.charge_ids.map((chargeId) => ({ chargeId: BigInt(chargeId), recordId: r.record_id }))) };
}

function orRefused<T>(result: T | Issue): T {
  if (isIssue(result)) throw new Refused('invalid', describeIssue(result));
  return result;
}
