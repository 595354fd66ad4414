import { type Conversion, conversionOn } from '../../core/allocate/convert.ts';
import type { EntitySetup } from '../../core/allocate/setup.ts';
import { owedTo, selfAssessed } from '../../core/document/owed.ts';
import { groupBy } from '../../core/group-by.ts';
import { describeIssue, isIssue } from '../../core/issues.ts';
import { adjustedEvent, eventsOfDocument, type IssuedFigures, owedEvent, soldEvent } from '../../core/ledger/events-of-document.ts';
import { amountInBooks } from '../../core/ledger/in-books.ts';
import type { Db } from '../db.ts';
import { loadEntity } from '../intake/load-setup.ts';
import { freeEnergySql } from './free-energy.ts';
import { type Booked, type Dimensions, type Journal, writeJournals } from './write-journals.ts';

/** A document at issue, as its row has it. */
export type IssuedDocument = {
  readonly id: string;
  readonly entity_id: string;
  readonly account_id: string;
  readonly type: string;
  readonly currency: string;
  readonly payable_minor: bigint;
  readonly canonical: Buffer;
};

/** What a document sums up, by its dimensions: charges and manual amounts. */
export type Part = {
  readonly document_id: string;
  readonly is_adjustment: boolean;
  readonly cost_center: string | null;
  readonly site_id: string | null;
  readonly gl_account: string | null;
  readonly vat_code: string | null;
  readonly service_month: string | null;
  readonly source_id: string | null;
  readonly net: bigint;
  /** Null for an adjustment: it has no rate but that of the issue date. */
  readonly book: bigint | null;
  readonly wh: bigint;
  readonly with_money: bigint;
  readonly with_energy: bigint;
};

/**
 * Books issued documents of one seller: what was unbilled, by its dimensions, against the receivable, with VAT per code, rounding and fx
 * difference. Statements are as many for a hundred documents as for one. Throws RangeError where a rate of exchange is missing.
 */
export async function bookDocuments(db: Db, documents: readonly IssuedDocument[], issueOn: string): Promise<void> {
  const [first] = documents;
  if (first === undefined) return;
  const parts = await partsOf(
    db,
    documents.map((d) => d.id),
  );
  const dayMs = Date.parse(issueOn);
  const entity = await loadEntity(db, first.entity_id, { fromMs: dayMs, toMs: dayMs });
  await writeJournals(
    db,
    documents.map((d) => journalOf(d, parts.get(d.id) ?? [], entity, issueOn)),
  );
}

/** What documents sum up, by document; two statements for all of them. */
export async function partsOf(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, readonly Part[]>> {
  const charges = await db.query<Part>(
    `SELECT k.document_id, false AS is_adjustment, c.cost_center, c.site_id, NULL AS gl_account, c.vat_code, c.service_month, r.source_id, sum(c.net_minor)::bigint AS net, sum(c.book_net_minor)::bigint AS book,
       coalesce(sum(c.energy_wh) FILTER (WHERE NOT ${freeEnergySql}), 0)::bigint AS wh, count(*) FILTER (WHERE c.net_minor <> 0) AS with_money,
       count(*) FILTER (WHERE c.energy_wh <> 0 AND NOT ${freeEnergySql}) AS with_energy
     FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id LEFT JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision
     WHERE k.document_id = ANY($1) GROUP BY 1, c.cost_center, c.site_id, c.vat_code, c.service_month, r.source_id ORDER BY 1, 3, 4, 6, 7, 8`,
    [ids],
  );
  const adjustments = await db.query<Part>(
    `SELECT document_id, true AS is_adjustment, cost_center, site_id, gl_account, vat_code, service_month, NULL AS source_id, net_minor AS net, NULL::bigint AS book, 0::bigint AS wh, 0::bigint AS with_money, 0::bigint AS with_energy
     FROM document_line WHERE document_id = ANY($1) AND kind = 'adjustment' ORDER BY document_id, line_no`,
    [ids],
  );
  return groupBy([...charges.rows, ...adjustments.rows], (p) => p.document_id);
}

function journalOf(document: IssuedDocument, parts: readonly Part[], entity: EntitySetup, issueOn: string): Journal {
  const { account_id: accountId, currency, payable_minor: payableMinor } = document;
  const books = entity.currency;
  const conversion = conversionInto(entity, currency, issueOn);
  const { header, vat } = JSON.parse(document.canonical.toString('utf8')) as Pinned;
  const owed = owedTo(document.type, header.strategy);
  const isCredit = document.type === 'creditNote';
  const stated = vat.map((v) => ({ vatCode: v.vatCode, baseMinor: BigInt(v.baseMinor), vatMinor: BigInt(v.vatMinor) }));
  const assessed = selfAssessed(entity, { id: document.id, type: document.type, on: header.serviceTo ?? issueOn, vat: stated });
  if (isIssue(assessed)) throw new RangeError(describeIssue(assessed));
  const figures = stated.map((v) => ({ ...v, selfAssessedMinor: assessed.get(v.vatCode) ?? 0n }));
  return {
    key: `issue/${document.id}`,
    kind: owed === undefined ? (isCredit ? 'credited' : 'invoiced') : owed === 'owner' ? 'stated' : 'reimbursed',
    entityId: document.entity_id,
    effectiveOn: issueOn,
    period: issueOn.slice(0, 7),
    sourceRef: document.id,
    fxRate: conversion.name,
    booked: bookedOf({ accountId, currency, payableMinor, vat: figures, owedTo: owed, isCredit }, parts, conversion, books),
  };
}

/** The figures of a document that its parts do not tell. */
export type StatedFigures = Pick<IssuedFigures, 'currency' | 'payableMinor' | 'vat' | 'owedTo' | 'isCredit'> & { readonly accountId: string };

/** The events of a document at issue, each with its dimensions: of its parts, then of the whole. */
export function bookedOf({ accountId, ...figures }: StatedFigures, parts: readonly Part[], conversion: Conversion, books: string): Booked[] {
  const { currency, owedTo: owed, isCredit } = figures;
  const booked: Booked[] = [];
  let [netMinor, bookedNet] = [0n, 0n];
  for (const part of parts) {
    const dimensions: Dimensions = {
      accountId,
      costCenter: part.cost_center,
      siteId: part.site_id,
      glAccount: part.gl_account,
      vatCode: part.vat_code,
      serviceMonth: part.service_month,
      sourceId: part.source_id,
    };
    const net = part.book === null ? amountInBooks(part.net, currency, conversion, books) : { minor: part.net, book: part.book };
    const counts = { withMoney: Number(part.with_money), withEnergy: Number(part.with_energy) };
    if (part.is_adjustment) booked.push({ event: adjustedEvent(currency, net, owed), of: dimensions, ...counts });
    const event = owed === undefined ? soldEvent(currency, { net, energyWh: part.wh }, isCredit === true) : owedEvent(currency, { net }, owed);
    booked.push({ event, of: dimensions, ...counts });
    netMinor += net.minor;
    bookedNet += net.book;
  }
  for (const { vatCode, event } of eventsOfDocument({ ...figures, netMinor, bookedNet }, conversion, books)) {
    booked.push({ event, of: { ...ofAccount, accountId, vatCode }, withMoney: 0, withEnergy: 0 });
  }
  return booked;
}

/** The part of a document's bytes that booking needs. */
type Pinned = {
  readonly header: { readonly strategy: string; readonly serviceTo: string | null };
  readonly vat: readonly { readonly vatCode: string; readonly baseMinor: string; readonly vatMinor: string }[];
};
const ofAccount = { costCenter: null, siteId: null, glAccount: null, serviceMonth: null, sourceId: null };

/** The rate of a date into the books. */
function conversionInto(entity: EntitySetup, currency: string, on: string): Conversion {
  const conversion = conversionOn(entity, currency, on, entity.entityId);
  if (isIssue(conversion)) throw new RangeError(describeIssue(conversion));
  return conversion;
}
