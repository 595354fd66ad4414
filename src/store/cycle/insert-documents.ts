import { chargeIdsOf, type DocumentLine } from '../../core/document/compose.ts';
import { bytea, date, int4, int8, text } from '../binary.ts';
import { type CopyTable, column, copyIn, RowsWriter } from '../copy-in.ts';
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

const documentTable = (runId: string): CopyTable<MadeDocument> => ({
  // By its full name: a dry run has a view over it, and nothing is copied into a view.
  name: 'public.document',
  columns: [
    column('id', text, (d) => d.id),
    column('run_id', text, () => runId),
    column('group_name', text, (d) => d.groupName),
    column('account_id', text, (d) => d.accountId),
    column('entity_id', text, (d) => d.entityId),
    column('type', text, (d) => d.type),
    column('state', text, () => 'draft'),
    column('currency', text, (d) => d.currency),
    column('net_minor', int8, ({ value }) => value.netMinor),
    column('vat_minor', int8, ({ value }) => value.vatMinor),
    column('rounding_minor', int8, ({ value }) => value.roundingMinor),
    column('payable_minor', int8, ({ value }) => value.payableMinor),
    column('energy_wh', int8, ({ value }) => value.energyWh),
    column('charge_count', int4, ({ value }) => value.chargeCount),
    column('canonical', bytea, ({ value }) => value.canonical),
    column('content_hash', bytea, ({ value }) => value.contentHash),
    column('credits_document_id', text, (d) => d.credits?.documentId ?? null),
    column('service_from', date, ({ value }) => value.serviceFrom),
    column('service_to', date, ({ value }) => value.serviceTo),
    column('strategy', text, ({ value }) => value.strategy),
  ],
});

type DraftLink = { readonly draftId: bigint; readonly documentId: string; readonly lineNo: number };

/** Drafts of documents with their lines: each is encoded as it comes, so that what it was made of need not outlive it. */
export class DocumentWriter {
  readonly #documents: RowsWriter<MadeDocument>;
  readonly #lines = new RowsWriter(lineTable);
  readonly #drafts: DraftLink[] = [];

  constructor(runId: string) {
    this.#documents = new RowsWriter(documentTable(runId));
  }

  add(made: readonly MadeDocument[]): void {
    for (const d of made) {
      this.#documents.add(d);
      for (const [i, line] of d.value.lines.entries()) {
        this.#lines.add({ documentId: d.id, lineNo: i + 1, line });
        if (!line.charges.some((c) => c.ofMonth)) continue;
        for (const id of chargeIdsOf(line)) if (id < 0n) this.#drafts.push({ draftId: -id, documentId: d.id, lineNo: i + 1 });
      }
    }
  }

  /** Stores what was added, and puts on the lines what the month decided. */
  async insert(db: Db): Promise<void> {
    if (this.#documents.count === 0) return;
    await copyIn(db, [this.#documents.finish(), this.#lines.finish()]);
    await linkDrafts(db, this.#drafts);
  }
}
