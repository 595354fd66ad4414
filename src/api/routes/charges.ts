import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Store } from '../../store/db.ts';
import { chargesOfRecord, findCharge } from '../../store/reads/charges.ts';
import { findRecord } from '../../store/reads/records.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { json, money, number, problems, wh } from '../schemas.ts';
import { noRecord, recordId } from './record-lookup.ts';

const explanation = z
  .object({
    sentence: z.string(),
    clause: z.object({
      contractId: z.string(),
      version: z.int(),
      id: z.string(),
      terms: z.any().openapi({ description: 'The clause as the contract says it; null where it is not one of its clauses, such as the sale itself.' }),
    }),
    price: z.object({ unitPrice: z.string(), per: z.string(), currency: z.string(), tariffVersionId: z.string().nullable() }),
    quantity: z.object({ amount: z.string(), unit: z.string(), text: z.string() }),
    rounding: z.object({ exactNet: z.string(), net: money, mode: z.enum(['grossFirst', 'netFirst']), rule: z.literal('halfAwayFromZero'), text: z.string() }),
    vat: z.object({ code: z.string(), rule: z.string(), amount: money, gross: money }),
    books: z.object({ net: money, currency: z.string(), rate: z.string().nullable() }),
    accounting: z.object({ glAccount: z.string(), costCenter: z.string(), mappingVersion: z.int() }),
  })
  .openapi('Explanation');
const charge = z
  .object({
    chargeId: z.string(),
    recordId: z.string().nullable(),
    revision: z.int().nullable(),
    role: z.string(),
    component: z.string(),
    payerAccountId: z.string().nullable(),
    payeeAccountId: z.string().nullable(),
    siteId: z.string().nullable(),
    customerCostCenter: z.string().nullable(),
    unitId: z.string().nullable(),
    energyWh: wh,
    serviceOn: z.string(),
    serviceMonth: z.string(),
    reversalOf: z.string().nullable(),
    live: z.boolean().openapi({ description: 'False: a reversal, or reversed.' }),
    explanation,
  })
  .openapi('Charge');
const margin = z.object({ currency: z.string(), sold: money, bought: money, shared: money, margin: money }).openapi('Margin', { description: 'Net, in the currency of the books.' });

/** What a session, or a month, was billed: each charge with the clause, price, quantity and rounding it came of. */
export function chargeRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/charges/{id}',
      tags: ['Charges'],
      summary: 'A charge, explained in one sentence and as data',
      middleware: allow(...readers),
      request: { params: z.object({ id: number.openapi({ param: { name: 'id', in: 'path' } }) }) },
      responses: { 200: json(charge, 'The charge.'), ...problems },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const found = await findCharge(store.pool, id);
      if (found === undefined) throw new Problem(404, 'notFound', `There is no charge ${id}.`);
      return c.json(found, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/records/{id}/charges',
      tags: ['Charges'],
      summary: 'All charges of a session, and what it earned us',
      middleware: allow(...readers),
      request: { params: recordId },
      responses: { 200: json(z.object({ charges: z.array(charge).readonly(), margin: margin.nullable() }), 'In the order they were made; `margin` is null while nothing is booked.'), ...problems },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const record = await findRecord(store.pool, id);
      if (record === undefined) throw noRecord(id);
      return c.json(await chargesOfRecord(store.pool, record.recordId), 200);
    },
  );
}
