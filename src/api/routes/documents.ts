import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { reconciliationRecords } from '../../core/document/reconciliation.ts';
import { describeIssue } from '../../core/issues.ts';
import type { Store } from '../../store/db.ts';
import { findDocument, issueStampOf } from '../../store/reads/documents.ts';
import { allow, readers } from '../auth.ts';
import { documentFile, issuedDocument } from '../document-files.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { inPath, json, money, paymentReturn, problems, wh } from '../schemas.ts';

const credited = z.object({ documentId: z.string(), legalNumber: z.string() });

export const documentSummary = z
  .object({
    documentId: z.string(),
    runId: z.string(),
    accountId: z.string(),
    accountName: z.string(),
    strategy: z.string(),
    type: z.string(),
    state: z.string(),
    legalNumber: z.string().nullable(),
    issuedOn: z.string().nullable(),
    dueOn: z.string().nullable(),
    ocr: z.string().nullable(),
    currency: z.string(),
    net: money,
    vat: money,
    rounding: money,
    payable: money,
    energyWh: wh,
    chargeCount: z.int(),
    serviceFrom: z.string().nullable().openapi({ description: 'First day of what it bills.' }),
    serviceTo: z.string().nullable(),
    credits: credited.nullable().openapi({ description: 'The document that it is the credit note of.' }),
    contentHash: z.string(),
    payment: z
      .object({ state: z.enum(['unpaid', 'part', 'paid', 'writtenOff']), open: money, toldAt: z.string() })
      .nullable()
      .openapi({ description: 'As the ERP told it last.' }),
    erp: z.object({ state: z.string(), externalId: z.string().nullable(), answer: z.string().nullable() }).nullable(),
  })
  .openapi('Document');
const line = z.object({
  lineNo: z.int(),
  kind: z.string(),
  description: z.string(),
  quantity: z.string(),
  quantityUnit: z.string(),
  unitPrice: z.string().nullable(),
  net: money,
  vatCode: z.string(),
  glAccount: z.string(),
  costCenter: z.string(),
  customerCostCenter: z.string().nullable(),
  siteId: z.string().nullable(),
  serviceMonth: z.string(),
  energyWh: wh,
  charges: z.int(),
  credits: credited.extend({ lineNo: z.int().nullable() }).nullable().openapi({ description: 'The issued line that it takes something back from.' }),
});
const paidBy = z.array(z.object({ paymentId: z.string(), state: z.string(), executeOn: z.string(), returned: paymentReturn.nullable() })).readonly();
const creditedBy = z.array(z.object({ documentId: z.string(), legalNumber: z.string().nullable(), type: z.string(), net: money })).readonly();

const reconciliation = z
  .object({
    country_code: z.string().length(2),
    party_id: z.string().max(3),
    id: z.string().max(36),
    invoice_id: z.string().max(255),
    cdrs: z.array(z.string().max(36)).min(1).readonly(),
    last_updated: z.string(),
  })
  .openapi('InvoiceReconciliationRecord');
const vatByCode = z.array(z.object({ vatCode: z.string(), percent: z.string(), base: money, vat: money })).readonly();

/** Single documents. */
export function documentRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/documents/{id}',
      tags: ['Documents'],
      summary: 'A document with its lines',
      description:
        'Also as `{id}.json`; issued ones as `{id}.pdf` and, where they can be e-invoices, as `{id}.xml` (UBL, Peppol BIS Billing 3.0); the annex of sessions as `{id}.csv`. PDF and UBL are the bytes that were archived at issue.',
      middleware: allow(...readers),
      request: {
        params: inPath('id'),
        query: z.object({
          language: z
            .string()
            .regex(/^[a-z]{2}$/, 'must be a language such as sv')
            .optional()
            .openapi({ description: 'Of a PDF; without it the language of the receiver’s country.' }),
        }),
      },
      responses: {
        200: {
          description: 'The document.',
          content: {
            'application/json': { schema: documentSummary.extend({ vatByCode, lines: z.array(line).readonly(), creditedBy, paidBy }) },
            'application/pdf': { schema: z.string().openapi({ format: 'binary' }) },
            'application/xml': { schema: z.string() },
            'text/csv': { schema: z.string() },
          },
        },
        ...problems,
      },
    }),
    async (c) => {
      const { id: named } = c.req.valid('param');
      const form = /\.(pdf|xml|csv)$/.exec(named)?.[1];
      if (form === 'pdf' || form === 'xml' || form === 'csv') return (await documentFile(store.pool, named.slice(0, -4), form, c.req.valid('query').language)) as never;
      const id = named.replace(/\.json$/, '');
      const found = await findDocument(store.pool, id);
      if (found === undefined) throw new Problem(404, 'notFound', `There is no document "${id}".`);
      return c.json(found, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/documents/{id}/invoice-reconciliation',
      tags: ['Documents'],
      summary: 'Which CDRs a settlement is for, as OCPI 2.3.0 tells a partner (InvoiceReconciliationRecord)',
      description: 'One record per owner of CDRs.',
      middleware: allow(...readers),
      request: {
        params: inPath('id'),
      },
      responses: { 200: json(z.object({ records: z.array(reconciliation).readonly() }), 'The records.'), ...problems },
    }),
    async (c) => {
      const document = await issuedDocument(store.pool, c.req.valid('param').id);
      const { issuedAt } = (await issueStampOf(store.pool, document.documentId)) ?? { issuedAt: `${document.issuedOn}T00:00:00.000Z` };
      const made = reconciliationRecords(document, issuedAt);
      if ('issues' in made) throw new Problem(422, 'noSettlement', made.issues.map(describeIssue).join(' '), { errors: made.issues });
      return c.json({ records: made.records as z.infer<typeof reconciliation>[] }, 200);
    },
  );
}
