import type { DocumentLine } from '../../core/document/compose.ts';
import { arrayOf, bytea, int4, int8, text } from '../binary.ts';
import { type CopyTable, column, copyIn, rowsFor } from '../copy-in.ts';
import type { Db } from '../db.ts';
import { linkDrafts } from './drafts.ts';
import type { MadeDocument } from './make-documents.ts';

type LineRow = { readonly documentId: string; readonly lineNo: number; readonly line: DocumentLine };

const lineTable: CopyTable<LineRow> = {
  name: 'document_line',
  columns: [
    column('document_id', text, (r) => r.documentId),
    column('line_no', int4, (r) => r.lineNo),
    column('kind', text, ({ line }) => line.kind),
    column('description', text, ({ line }) => line.description),
    column('quantity', int8, ({ line }) => line.quantity),
    column('quantity_unit', text, ({ line }) => line.quantityUnit),
    column('unit_price', text, ({ line }) => line.unitPrice),
    column('net_minor', int8, ({ line }) => line.netMinor),
    column('gross_minor', int8, ({ line }) => line.grossMinor),
    column('vat_code', text, ({ line }) => line.vatCode),
    column('gl_account', text, ({ line }) => line.glAccount),
    column('cost_center', text, ({ line }) => line.costCenter),
    column('customer_cost_center', text, ({ line }) => line.customerCostCenter),
    column('site_id', text, ({ line }) => line.siteId),
    column('service_month', text, ({ line }) => line.serviceMonth),
    column('energy_wh', int8, ({ line }) => line.energyWh),
    column('charge_count', int4, ({ line }) => line.chargeCount),
    column('adjustment_id', text, ({ line }) => line.adjustmentId),
    column('mapping_version', int4, ({ line }) => line.mappingVersion),
    column('credits_document_id', text, ({ line }) => line.credits?.documentId ?? null),
    column('credits_line_no', int4, ({ line }) => line.credits?.lineNo ?? null),
  ],
};

/** Writes drafts with their lines, and puts on these what the month decided. */
export async function insertDocuments(db: Db, runId: string, made: readonly MadeDocument[]): Promise<void> {
  if (made.length === 0) return;
  await db.query(
    `INSERT INTO document (id, run_id, group_name, account_id, entity_id, type, state, currency, net_minor, vat_minor, rounding_minor, payable_minor, energy_wh, charge_count, canonical, content_hash, credits_document_id, service_from, service_to)
     SELECT id, $1, (SELECT x.group_name FROM run_account x WHERE x.run_id = $1 AND x.account_id = t.account_id), account_id, entity_id, type, 'draft', currency, net, vat, rounding, payable, wh, n, canonical, hash, credits, from_on, to_on
     FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::integer[], $12::bytea[], $13::bytea[], $14::text[], $15::text[], $16::date[], $17::date[])
       AS t(id, account_id, entity_id, currency, net, vat, rounding, payable, wh, n, canonical, hash, type, credits, from_on, to_on)`,
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
      arrayOf(bytea, made, (d) => d.value.canonical),
      arrayOf(bytea, made, (d) => d.value.contentHash),
      made.map((d) => d.type),
      made.map((d) => d.credits?.documentId ?? null),
      made.map((d) => d.value.serviceFrom),
      made.map((d) => d.value.serviceTo),
    ],
  );
  await copyIn(db, [
    rowsFor(
      lineTable,
      made.flatMap((d) => d.value.lines.map((line, i) => ({ documentId: d.id, lineNo: i + 1, line }))),
    ),
  ]);
  await linkDrafts(
    db,
    made.flatMap((d) => d.value.lines.flatMap((l, i) => l.chargeIds.flatMap((id) => (id < 0n ? [{ draftId: -id, documentId: d.id, lineNo: i + 1 }] : [])))),
  );
}
