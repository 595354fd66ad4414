import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Store } from '../../store/db.ts';
import { allowancesOf } from '../../store/reads/allowance.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { inPath, instant, json, money, problems, wh } from '../schemas.ts';

const allowance = z
  .object({
    contractId: z.string(),
    clause: z.string(),
    from: z.string(),
    to: z.string().openapi({ description: 'Not included.' }),
    includedWh: wh,
    rolledInWh: wh,
    usedWh: wh,
    leftWh: wh,
    lapsesWh: wh,
    currency: z.string(),
    sessions: z.array(z.object({ session: z.string(), endAt: instant, energyWh: wh, coveredWh: wh, value: money })).readonly(),
    sentences: z.array(z.string()).readonly().openapi({ description: 'The same for the customer to read.' }),
  })
  .openapi('Allowance');

/** What of an account's included energy is used. */
export function allowanceRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/accounts/{id}/allowance',
      tags: ['Charges'],
      summary: 'Included energy of an account in a month: used, left, and by which sessions',
      middleware: allow(...readers),
      request: {
        params: inPath('id'),
        query: z.object({ month: z.string().regex(/^20\d\d-(0[1-9]|1[0-2])$/, 'a month such as 2026-03') }),
      },
      responses: { 200: json(z.object({ items: z.array(allowance).readonly() }), 'One for each plan of the month; sessions in the order in which they use it.'), ...problems },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const items = await allowancesOf(store.pool, id, c.req.valid('query').month);
      if (items === undefined) throw new Problem(404, 'notFound', `There is no account "${id}".`);
      return c.json({ items }, 200);
    },
  );
}
