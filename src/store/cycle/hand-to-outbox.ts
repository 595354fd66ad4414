import type { QueryResultRow } from 'pg';
import type { ErpLine } from '../../contracts/erp-document.ts';
import type { EntitySetup } from '../../core/allocate/setup.ts';
import { owedTo, selfAssessed } from '../../core/document/owed.ts';
import { describeIssue, isIssue } from '../../core/issues.ts';
import { type PayableKey, vendorBillLines } from '../../core/share/vendor-bill.ts';
import type { Db } from '../db.ts';
import { loadEntity } from '../intake/load-setup.ts';
import { enqueue } from '../outbox.ts';
import { handReceipts, isReceiptSql } from './hand-receipts.ts';

/** The connection that takes what is issued on a date, and the accounts of the chart by key. Throws RangeError where there is not exactly one, or an account is missing. */
async function booksOn(db: Db, entityId: string, issueOn: string) {
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
  return { connectionId: connection[0]?.id ?? '', glOf };
}

/** Card receipts that groups of a run have issued, once all of them are: summed up, one journal a site and day. */
export async function receiptsToOutbox(db: Db, runId: string, entityId: string, groups: readonly string[], part: 'canary' | 'rest'): Promise<void> {
  await handReceipts(db, { runId, entityId, groups, part }, (on) => booksOn(db, entityId, on));
}

/** The ERP's posting of each document but card receipts, without a number where the ERP gives it: receivable against revenue per account and cost center, VAT per code, rounding. */
export async function handToOutbox(db: Db, runId: string, entityId: string, documentIds: readonly string[], issueOn: string): Promise<void> {
  const { connectionId, glOf } = await booksOn(db, entityId, issueOn);
  const documents = await db.query(
    `SELECT d.*, s.legal_number, o.legal_number AS credits_number, p.external_id AS credits_external FROM document d LEFT JOIN issue_stamp s ON s.document_id = d.id
     LEFT JOIN issue_stamp o ON o.document_id = d.credits_document_id LEFT JOIN erp_posting p ON p.document_id = d.credits_document_id AND p.connection_id = $2 JOIN legal_entity e ON e.id = d.entity_id WHERE d.id = ANY($1) AND NOT ${isReceiptSql} ORDER BY d.id`,
    [documentIds, connectionId],
  );
  const lines = await db.query(
    'SELECT document_id, gl_account, cost_center, vat_code, sum(net_minor)::bigint AS net FROM document_line WHERE document_id = ANY($1) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4',
    [documentIds],
  );
  const dayMs = Date.parse(issueOn);
  const entity = await loadEntity(db, entityId, { fromMs: dayMs, toMs: dayMs });
  await enqueue(
    db,
    connectionId,
    documents.rows.map((d) => {
      const { header, vat } = JSON.parse(d.canonical.toString('utf8')) as { header: { strategy: string; serviceTo: string | null }; vat: { vatCode: string; baseMinor: string; vatMinor: string }[] };
      const owed = owedTo(d.type, header.strategy);
      const own = lines.rows.filter((l) => l.document_id === d.id);
      const line = (part: ErpLine['part'], glAccount: string, costCenter: string | null, vatCode: string | null, amount: bigint): ErpLine => ({
        part,
        glAccount,
        costCenter,
        vatCode,
        amountMinor: amount.toString(),
      });
      const postings =
        owed !== undefined
          ? []
          : [
              line('party', glOf('receivable'), null, null, d.payable_minor),
              ...own.map((l) => line('net', l.gl_account, l.cost_center, l.vat_code, -(l.net as bigint))),
              ...vat
                .filter((v) => v.vatMinor !== '0')
                .map((v) => ({ ...line('tax', glOf(`outputVat.${v.vatCode}`), null, v.vatCode, -BigInt(v.vatMinor)), baseMinor: (-BigInt(v.baseMinor)).toString() })),
              line('rounding', glOf('rounding'), null, null, -(d.rounding_minor as bigint)),
            ].filter((l) => l.part === 'party' || l.amountMinor !== '0');
      return {
        key: d.id,
        kind: owed !== undefined ? 'vendorBill' : d.type === 'creditNote' ? 'creditNote' : 'invoice',
        runId,
        legalNumber: d.legal_number,
        ...(d.credits_document_id === null ? {} : { credits: { key: d.credits_document_id, legalNumber: d.credits_number, externalId: d.credits_external } }),
        accountId: d.account_id,
        currency: d.currency,
        postedOn: issueOn,
        lines: owed === undefined ? postings : vendorBill(d, own, entity, header.serviceTo ?? issueOn, glOf, `${owed}Payable`),
        documentId: d.id,
        groupName: d.group_name,
        controlMinor: d.payable_minor,
      };
    }),
  );
}

/** What a document of what we owe posts: cost and input VAT against what is owed. */
function vendorBill(document: QueryResultRow, own: readonly QueryResultRow[], entity: EntitySetup, on: string, glOf: (key: string) => string, payableKey: PayableKey) {
  const { vat } = JSON.parse(document['canonical'].toString('utf8')) as { vat: { vatCode: string; percent: string; baseMinor: string; vatMinor: string }[] };
  const stated = vat.map((v) => ({ ...v, baseMinor: BigInt(v.baseMinor), vatMinor: BigInt(v.vatMinor) }));
  const assessed = selfAssessed(entity, { id: document['id'], type: document['type'], on, vat: stated });
  if (isIssue(assessed)) throw new RangeError(describeIssue(assessed));
  const figures = {
    lines: own.map((l) => ({ glAccount: l['gl_account'] as string, costCenter: l['cost_center'] as string, vatCode: l['vat_code'] as string, netMinor: l['net'] as bigint })),
    vat: stated.map((v) => ({ ...v, selfAssessedMinor: assessed.get(v.vatCode) ?? 0n })),
    payableMinor: document['payable_minor'] as bigint,
    roundingMinor: document['rounding_minor'] as bigint,
  };
  return vendorBillLines(figures, glOf, payableKey).map(({ baseMinor, ...l }) => ({
    ...l,
    amountMinor: l.amountMinor.toString(),
    ...(baseMinor === undefined ? {} : { baseMinor: baseMinor.toString() }),
  }));
}
