import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Store } from '../../store/db.ts';
import { type BalanceDetail, type BalanceRow, energyBalance, energyBalanceDetails } from '../../store/reads/energy-balance.ts';
import { balancesBy, ledgerDimensions, listEntries, trialBalance } from '../../store/reads/ledger.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { json, money, monthText, pageOf, pageQuery, problems, wh } from '../schemas.ts';

const tags = ['Ledger'];
const text = z.string().min(1).max(200);
const amount = money.openapi({ description: 'Debit positive, credit negative; Wh where the unit is Wh.' });
const balance = z.object({
  entityId: z.string(),
  ledgerAccount: z.string(),
  unit: z.string().openapi({ description: 'A currency, or Wh.' }),
  amount,
  book: money.openapi({ description: 'In the currency of the books; zero for energy.' }),
  books: z.string().openapi({ description: 'The currency of the books.' }),
});
const accountBalance = balance.openapi('LedgerBalance');
const dimensionBalance = balance.extend({ value: z.string().nullable(), entries: z.string() }).openapi('LedgerDimensionBalance');
const dimensions = { account: text, costCenter: text, site: text, glAccount: text, vatCode: text, serviceMonth: monthText, source: text };
const entry = balance
  .extend({
    entryId: z.string(),
    transactionKey: z.string(),
    kind: z.string(),
    sourceRef: z.string().openapi({ description: 'What was booked: a page of charges, a document, a run.' }),
    effectiveOn: z.string(),
    postedAt: z.string(),
    charges: z.int(),
    dimensions: z.object({
      account: z.string().nullable(),
      costCenter: z.string().nullable(),
      site: z.string().nullable(),
      glAccount: z.string().nullable(),
      vatCode: z.string().nullable(),
      serviceMonth: z.string().nullable(),
      source: z.string().nullable(),
    }),
  })
  .openapi('LedgerEntry');
const general = { entityId: text.optional(), until: z.iso.date().optional().openapi({ description: 'Only what is effective until that date.' }) };
const filters = z.object({
  ...general,
  ledgerAccount: text.optional(),
  ...(Object.fromEntries(Object.entries(dimensions).map(([name, schema]) => [name, schema.optional()])) as { [Name in keyof typeof dimensions]: z.ZodOptional<z.ZodString> }),
});
const energyRow = z
  .object({
    month: z.string().openapi({ description: 'Service month; `unknown` for records without a readable end.' }),
    sourceId: z.string().nullable(),
    siteId: z.string().nullable(),
    kind: z.enum(['own', 'foreign', 'home', 'unknown']).openapi({ description: 'Where the charger belongs; each is a balance of its own.' }),
    ...{ received: wh, billed: wh, open: wh, carried: wh, parked: wh, held: wh, free: wh, excluded: wh, rejected: wh, billedElsewhere: wh },
    included: wh.openapi({ description: 'Within billed: covered by allowances.' }),
    linked: wh.openapi({ description: 'Within rejected: gave way to the same session by another route.' }),
    difference: wh.openapi({ description: 'Zero, always.' }),
  })
  .openapi('EnergyBalance');
const energyMonth = energyRow.omit({ sourceId: true, siteId: true, kind: true }).openapi('EnergyBalanceOfMonth');
const asOf = {
  asOf: z.iso.datetime({ offset: true }).optional().openapi({ description: 'As it stood at this instant: by what had arrived, was booked, issued and written off by then. As it stands without.' }),
};

/** The ledger: what each account holds in money and energy, by what, of which entries. */
export function ledgerRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/ledger/trial-balance',
      tags,
      summary: 'What each ledger account holds, per currency, in the books, and in Wh',
      middleware: allow(...readers),
      request: { query: pageQuery.extend(general) },
      responses: {
        200: json(
          pageOf(accountBalance).extend({
            rest: z
              .array(z.object({ unit: z.string(), amount }))
              .readonly()
              .openapi({ description: 'Sums over the whole ledger: zero, always.' }),
          }),
          'By seller, ledger account and unit.',
        ),
        ...problems,
      },
    }),
    async (c) => {
      const { cursor, limit, ...filter } = c.req.valid('query');
      return c.json(await trialBalance(store.pool, filter, { cursor, limit }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/ledger/balances',
      tags,
      summary: 'What each ledger account holds per account, cost center, site, GL account, VAT code, service month or source',
      middleware: allow(...readers),
      request: { query: pageQuery.extend(filters.shape).extend({ by: z.enum(ledgerDimensions) }) },
      responses: { 200: json(pageOf(dimensionBalance), 'By the value of the dimension; null where an entry has none.'), ...problems },
    }),
    async (c) => {
      const { cursor, limit, by, ...filter } = c.req.valid('query');
      return c.json(await balancesBy(store.pool, by, filter, { cursor, limit }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/ledger/entries',
      tags,
      summary: 'Ledger entries',
      middleware: allow(...readers),
      request: { query: pageQuery.extend(filters.shape).extend({ transactionKey: text.optional() }) },
      responses: { 200: json(pageOf(entry), 'In the order they were booked.'), ...problems },
    }),
    async (c) => {
      const { cursor, limit, ...filter } = c.req.valid('query');
      return c.json(await listEntries(store.pool, filter, { cursor, limit }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/energy-balance',
      tags,
      summary: 'Where the energy of each service month, source and site is: billed, open, held, free, and so on',
      middleware: allow(...readers),
      request: { query: pageQuery.extend({ month: text.optional(), sourceId: text.optional(), siteId: text.optional(), kind: z.enum(['own', 'foreign', 'home', 'unknown']).optional(), ...asOf }) },
      responses: { 200: json(pageOf(energyRow), 'By service month, source and site.'), ...problems },
    }),
    async (c) => {
      const { cursor, limit, asOf: at, ...filter } = c.req.valid('query');
      const { items, nextCursor } = await energyBalanceDetails(store.pool, { ...filter, asOf: instantOf(at) }, { cursor, limit });
      return c.json({ items: items.map(energyText), nextCursor }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/energy-balance/months',
      tags,
      summary: 'The energy balance of each service month',
      middleware: allow(...readers),
      request: { query: z.object(asOf) },
      responses: { 200: json(z.object({ items: z.array(energyMonth) }), 'By service month.'), ...problems },
    }),
    async (c) => c.json({ items: (await energyBalance(store.pool, { asOf: instantOf(c.req.valid('query').asOf) })).map(monthView) }, 200),
  );
}

function monthView({ month, ...figures }: BalanceRow): z.infer<typeof energyMonth> {
  return { month, ...(Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, value.toString()])) as { [Name in keyof typeof figures]: string }) };
}

const instantOf = (at: string | undefined) => (at === undefined ? undefined : new Date(at));

function energyText(row: BalanceDetail): z.infer<typeof energyRow> {
  const { month, sourceId, siteId, kind, ...figures } = row;
  return {
    month,
    sourceId,
    siteId,
    kind,
    ...(Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, value.toString()])) as { [Name in keyof typeof figures]: string }),
  };
}
