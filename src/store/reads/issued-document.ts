import { letterheadSchema } from '../../contracts/letterhead.ts';
import { type AnnexRow, type DocumentType, type IssuedDocument, type IssuedLine, type IssuedVat, isWrittenForSeller } from '../../core/document/issued-document.ts';
import { groupBy } from '../../core/group-by.ts';
import type { Db } from '../db.ts';

type Canonical = {
  readonly header: {
    readonly strategy: string;
    readonly roundingMode: 'grossFirst' | 'netFirst';
    readonly serviceFrom: string | null;
    readonly serviceTo: string | null;
    readonly purchaseOrder?: string;
    readonly credits?: { readonly documentId: string; readonly legalNumber: string } | null;
  };
  readonly vat: readonly { vatCode: string; percent: string; baseMinor: string; vatMinor: string }[];
};

/** Issued documents as renderers take them, in the order of the ids; those that are not issued or do not exist are left out. */
export async function issuedDocuments(db: Db, ids: readonly string[]): Promise<IssuedDocument[]> {
  const heads = await db.query(
    `SELECT d.id, d.type, d.currency, d.net_minor, d.vat_minor, d.rounding_minor, d.payable_minor, d.energy_wh, d.canonical, d.account_id, a.party_id, r.label AS period,
       s.legal_number, s.issued_on, s.due_on, s.ocr, e.id AS entity_id, e.name AS entity_name, e.country AS entity_country, e.currency AS entity_currency, e.org_number AS entity_org, e.letterhead, e.time_zone,
       (SELECT coalesce(jsonb_object_agg(v.country, v.number ORDER BY v.valid_from), '{}') FROM vat_registration v WHERE v.entity_id = e.id AND v.valid_from <= s.issued_on AND (v.valid_to IS NULL OR v.valid_to > s.issued_on)) AS entity_vat,
       p.name, p.country, p.org_number, p.address, p.email,
       coalesce((SELECT v.vat_number FROM vat_status v WHERE v.account_id = a.id AND v.valid_from <= s.issued_on ORDER BY v.valid_from DESC LIMIT 1), p.vat_number) AS party_vat,
       abs(coalesce((SELECT sum(l.book_minor) FROM ledger_entry l WHERE l.transaction_key = 'issue/' || d.id AND l.ledger_account IN ('outputVat', 'inputVat', 'selfAssessedVat')), 0))::bigint AS book_vat
     FROM document d JOIN issue_stamp s ON s.document_id = d.id JOIN account a ON a.id = d.account_id JOIN party p ON p.id = a.party_id JOIN billing_run r ON r.id = d.run_id JOIN legal_entity e ON e.id = d.entity_id
     WHERE d.id = ANY($1) AND d.state = 'issued'`,
    [ids],
  );
  const lines = await db.query(
    `SELECT l.*, s.name AS site_name, o.legal_number AS corrects_number, o.issued_on::text AS corrects_on FROM document_line l JOIN document d ON d.id = l.document_id LEFT JOIN site s ON s.id = l.site_id
       LEFT JOIN issue_stamp o ON o.document_id = l.credits_document_id AND l.credits_document_id IS DISTINCT FROM d.credits_document_id
     WHERE l.document_id = ANY($1) ORDER BY l.document_id, l.line_no`,
    [ids],
  );
  const vatRules = new Map(
    (await db.query<{ code: string; category: string; country: string }>('SELECT code, trim(category) AS category, trim(country) AS country FROM vat_rule')).rows.map((r) => [r.code, r]),
  );
  const contents = new Map<string, Canonical>(heads.rows.map((h) => [h.id, JSON.parse(h.canonical.toString('utf8'))]));
  const credited = [...contents.values()].flatMap(({ header }) => (header.credits == null ? [] : [header.credits.documentId]));
  const creditedOn = new Map(
    (await db.query<{ id: string; on: string }>('SELECT document_id AS id, issued_on AS on FROM issue_stamp WHERE document_id = ANY($1)', [credited])).rows.map((r) => [r.id, r.on]),
  );
  const annex = await annexOf(db, ids);
  const linesOf = groupBy(lines.rows, (l) => l.document_id as string);
  const headOf = new Map(heads.rows.map((h) => [h.id as string, h]));
  return ids.flatMap((id) => {
    const h = headOf.get(id);
    const canonical = contents.get(id);
    if (h === undefined || canonical === undefined) return [];
    const { credits } = canonical.header;
    const isNegative = (h['vat_minor'] as bigint) < 0n;
    return [
      {
        documentId: id,
        type: h['type'] as DocumentType,
        strategy: canonical.header.strategy,
        legalNumber: h['legal_number'],
        issuedOn: h['issued_on'],
        dueOn: h['due_on'],
        ocr: h['ocr'],
        accountId: h['account_id'],
        purchaseOrder: canonical.header.purchaseOrder ?? null,
        currency: h['currency'],
        roundingMode: canonical.header.roundingMode,
        period: h['period'],
        serviceFrom: canonical.header.serviceFrom,
        serviceTo: canonical.header.serviceTo,
        timeZone: h['time_zone'],
        entity: {
          name: h['entity_name'],
          country: h['entity_country'],
          currency: h['entity_currency'],
          orgNumber: h['entity_org'],
          vatNumber: h['entity_vat'][soldIn(h['type'], canonical, vatRules) ?? ''] ?? h['entity_vat'][h['entity_country']] ?? null,
          letterhead: letterheadSchema.parse(h['letterhead']),
          address: letterheadSchema.parse(h['letterhead']).address ?? {},
        },
        party: { name: h['name'], country: h['country'], orgNumber: h['org_number'], vatNumber: h['party_vat'], address: h['address'] },
        email: h['email'],
        lines: (linesOf.get(id) ?? []).map(
          (l): IssuedLine => ({
            lineNo: l['line_no'],
            kind: l['kind'],
            description: l['description'],
            unitPrice: l['unit_price'],
            quantity: l['quantity'],
            quantityUnit: l['quantity_unit'],
            netMinor: l['net_minor'],
            grossMinor: l['gross_minor'],
            vatCode: l['vat_code'],
            customerCostCenter: l['customer_cost_center'],
            siteName: l['site_name'],
            serviceMonth: l['service_month'],
            energyWh: l['energy_wh'],
            chargeCount: l['charge_count'],
            corrects: l['corrects_number'] === null ? null : { legalNumber: l['corrects_number'], issuedOn: l['corrects_on'] },
          }),
        ),
        vat: canonical.vat.map(
          (v): IssuedVat => ({ vatCode: v.vatCode, category: vatRules.get(v.vatCode)?.category ?? '', percent: v.percent, baseMinor: BigInt(v.baseMinor), vatMinor: BigInt(v.vatMinor) }),
        ),
        netMinor: h['net_minor'],
        vatMinor: h['vat_minor'],
        roundingMinor: h['rounding_minor'],
        payableMinor: h['payable_minor'],
        energyWh: h['energy_wh'],
        bookVatMinor: isNegative ? -h['book_vat'] : h['book_vat'],
        credits: credits == null ? [] : [{ legalNumber: credits.legalNumber, issuedOn: creditedOn.get(credits.documentId) ?? null }],
        annex: annex.get(id) ?? [],
      } satisfies IssuedDocument,
    ];
  });
}

/** The one country whose VAT a sale bears, by which the seller names its number there (D23); undefined where it is several, and of what we buy. */
function soldIn(type: DocumentType, { vat }: Canonical, rules: ReadonlyMap<string, { readonly category: string; readonly country: string }>): string | undefined {
  if (isWrittenForSeller(type)) return undefined;
  const countries = new Set(vat.flatMap((v) => rules.get(v.vatCode)?.country ?? []));
  return countries.size === 1 ? [...countries][0] : undefined;
}

/** Sessions of each document in the order of their start; one that stands at several sites, cost centers or units has a row of each, in their order. */
async function annexOf(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, AnnexRow[]>> {
  const { rows } = await db.query(
    `SELECT k.document_id, c.session_key, min(r.start_at) AS start_at, max(r.end_at) AS end_at, max(c.service_on)::text AS service_on, s.name AS site_name, c.customer_cost_center, coalesce(u.label, c.unit_id) AS unit,
       sum(CASE WHEN c.role IN ('homeReimbursement', 'homePurchase') THEN c.quantity ELSE c.energy_wh END)::bigint AS energy_wh, sum(c.net_minor)::bigint AS net_minor, sum(c.gross_minor)::bigint AS gross_minor
     FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id LEFT JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision LEFT JOIN site s ON s.id = c.site_id LEFT JOIN fleet_unit u ON u.id = c.unit_id
     WHERE k.document_id = ANY($1) AND k.disposition = 'document' AND c.session_key IS NOT NULL
     GROUP BY k.document_id, c.session_key, s.name, c.customer_cost_center, c.unit_id, u.label ORDER BY k.document_id, min(r.start_at), c.session_key COLLATE "C", s.name COLLATE "C", c.customer_cost_center COLLATE "C", c.unit_id COLLATE "C"`,
    [ids],
  );
  const row = (r: (typeof rows)[number]): AnnexRow => ({
    sessionKey: r.session_key,
    startAt: r.start_at,
    endAt: r.end_at,
    serviceOn: r.service_on,
    siteName: r.site_name,
    costCenter: r.customer_cost_center,
    unit: r.unit,
    energyWh: r.energy_wh,
    netMinor: r.net_minor,
    grossMinor: r.gross_minor,
  });
  return new Map([...groupBy(rows, (r) => r.document_id as string)].map(([id, own]) => [id, own.map(row)]));
}
