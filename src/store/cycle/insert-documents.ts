import type { Db } from '../db.ts';
import type { MadeDocument } from './make-documents.ts';
import { linkDrafts } from './period-charges.ts';

/** Writes drafts with their lines, and puts what they bill on these. */
export async function insertDocuments(db: Db, runId: string, made: readonly MadeDocument[]): Promise<void> {
  if (made.length === 0) return;
  await db.query(
    `INSERT INTO document (id, run_id, group_name, account_id, entity_id, type, state, currency, net_minor, vat_minor, rounding_minor, payable_minor, energy_wh, charge_count, canonical, content_hash, credits_document_id, service_from, service_to)
     SELECT id, $1, 'all', account_id, entity_id, type, 'draft', currency, net, vat, rounding, payable, wh, n, canonical, hash, credits, from_on, to_on
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
      made.map((d) => d.value.canonical),
      made.map((d) => d.value.contentHash),
      made.map((d) => d.type),
      made.map((d) => d.credits?.documentId ?? null),
      made.map((d) => d.value.serviceFrom),
      made.map((d) => d.value.serviceTo),
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
      credits_document_id: l.credits?.documentId ?? null,
      credits_line_no: l.credits?.lineNo ?? null,
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
