import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Store } from '../../store/db.ts';
import { siteLosses } from '../../store/reads/site-losses.ts';
import { vehicleEvidence } from '../../store/reads/vehicle-evidence.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { knownSource } from '../known-source.ts';
import { json, month, problems, sourceId, wh } from '../schemas.ts';

const tags = ['Completeness'];
const losses = z
  .object({
    siteId: z.string(),
    connectors: z.int(),
    sessions: z.int(),
    meteredWh: wh.openapi({ description: 'What the registers rose by from the first to the last session of the month.' }),
    receivedWh: wh,
    lossesWh: wh.openapi({ description: 'Counted during sessions and not in their energy.' }),
    missingWh: wh.openapi({ description: 'Counted between sessions: no CDR tells of it.' }),
    wentBackWh: wh.openapi({ description: 'By which registers went back: a meter was changed or reset.' }),
    gaps: z.int(),
  })
  .openapi('SiteLosses');
const evidence = z
  .object({
    recordId: z.string(),
    cdrId: z.string(),
    siteId: z.string(),
    accountId: z.string(),
    startAt: z.string(),
    endAt: z.string(),
    vehicleWh: wh,
    meteredWh: wh.nullable(),
    meteredRecords: z.array(z.string()),
    status: z.enum(['agrees', 'vehicleMore', 'meterMore', 'noMeter']),
  })
  .openapi('VehicleEvidence');

/** What others counted of a source's sessions, held against them: vehicles, and the registers between sessions. */
export function countedEnergyRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  const db = store.pool;

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/evidence',
      tags,
      summary: 'What vehicles told of charging at homes, held against the meters there',
      description: 'Evidence, never billed: the meter is what is reimbursed.',
      middleware: allow(...readers),
      request: { params: sourceId, query: month },
      responses: { 200: json(z.object({ items: z.array(evidence) }), 'In order of time; the limits are those of the rule vehicleDiffers.'), ...problems },
    }),
    async (c) => {
      const { month: of } = c.req.valid('query');
      const found = await vehicleEvidence(db, { sourceIds: [await knownSource(db, c.req.valid('param'))], firstMonth: of, lastMonth: of });
      const items = found.map(({ sourceId: _source, startAt, endAt, ...e }) => ({
        ...e,
        recordId: e.recordId.toString(),
        startAt: startAt.toISOString(),
        endAt: endAt.toISOString(),
        vehicleWh: e.vehicleWh.toString(),
        meteredWh: e.meteredWh?.toString() ?? null,
        meteredRecords: e.meteredRecords.map(String),
      }));
      return c.json({ items }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/losses',
      tags,
      summary: 'What registers counted in a month, held against what was received, per site',
      description: 'metered = received + losses + missing − went back, exactly. GET …/register-gaps names each gap. Sessions without readings are left out.',
      middleware: allow(...readers),
      request: { params: sourceId, query: month },
      responses: { 200: json(z.object({ items: z.array(losses).readonly() }), 'By site, the largest missing first.'), ...problems },
    }),
    async (c) => c.json({ items: await siteLosses(db, { sourceId: await knownSource(db, c.req.valid('param')), month: c.req.valid('query').month }) }, 200),
  );
}
