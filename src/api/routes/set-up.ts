import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { SetUp } from '../../store/prisma.ts';
import {
  findAccount,
  findContract,
  findSite,
  findSource,
  findTariffVersion,
  listAccounts,
  listContracts,
  listMappings,
  listPriceAssignments,
  listSites,
  listSources,
  listTariffVersions,
} from '../../store/reads/set-up.ts';
import type { Page, PageRequest } from '../../store/reads/set-up-page.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { json, pageOf, pageQuery, problems } from '../schemas.ts';

const validity = { validFrom: z.string().nullable().openapi({ description: 'Null: without beginning.' }), validTo: z.string().nullable().openapi({ description: 'Null: without end.' }) };
const source = z
  .object({
    id: z.string(),
    entityId: z.string(),
    name: z.string(),
    route: z.string(),
    format: z.string(),
    ownerCountry: z.string(),
    ownerParty: z.string(),
    timeZone: z.string(),
    repeatProfile: z.string(),
    correctionChannel: z.string(),
  })
  .openapi('Source');
const site = z
  .object({
    id: z.string(),
    entityId: z.string(),
    name: z.string(),
    country: z.string(),
    timeZone: z.string(),
    ownerAccountId: z.string().nullable(),
    costCenter: z.string(),
    connectorPowerW: z.string(),
  })
  .openapi('Site');
const account = z
  .object({
    id: z.string(),
    entityId: z.string(),
    category: z.string(),
    strategy: z.string(),
    roundingMode: z.string(),
    currency: z.string(),
    paymentTermsDays: z.int(),
    party: z.object({ id: z.string(), name: z.string(), country: z.string(), vatNumber: z.string().nullable(), orgNumber: z.string().nullable() }),
  })
  .openapi('Account');
const contract = z
  .object({
    id: z.string(),
    accountId: z.string(),
    kind: z.string(),
    versions: z.array(z.object({ version: z.int(), ...validity, clauses: z.record(z.string(), z.any()), author: z.string(), secondPerson: z.string().nullable() })),
  })
  .openapi('Contract');
const tariff = z
  .object({
    id: z.string(),
    tariffId: z.string(),
    version: z.int(),
    currency: z.string(),
    ...validity,
    body: z.record(z.string(), z.any()),
    bodyHash: z.string(),
    author: z.string(),
    secondPerson: z.string().nullable(),
  })
  .openapi('TariffVersion');
const assignment = z
  .object({ id: z.string(), entityId: z.string(), tariffId: z.string(), segment: z.string(), siteId: z.string().nullable(), evseId: z.string().nullable(), ...validity, author: z.string() })
  .openapi('PriceAssignment');
const mapping = z
  .object({ sourceId: z.string(), kind: z.string(), externalKey: z.string(), internalId: z.string(), costCenter: z.string().nullable(), ...validity, author: z.string() })
  .openapi('Mapping');

/** Lists and single reads of what sessions are resolved by. */
export function setUpRoutes(app: OpenAPIHono<ApiEnv>, { setUp }: { readonly setUp: SetUp }): void {
  const kind = <T extends z.ZodType>(
    path: string,
    what: string,
    schema: T,
    list: (setUp: SetUp, page: PageRequest) => Promise<Page<unknown>>,
    find?: (setUp: SetUp, id: string) => Promise<unknown>,
  ) => {
    const page = pageOf(schema);
    app.openapi(
      createRoute({
        method: 'get',
        path,
        tags: ['Set-up'],
        summary: what,
        middleware: allow(...readers),
        request: { query: pageQuery },
        responses: { 200: json(page, 'In order of id.'), ...problems },
      }),
      async (c) => c.json(page.parse(plain(await list(setUp, c.req.valid('query')))) as never, 200),
    );
    if (find === undefined) return;
    const params = z.object({
      id: z
        .string()
        .min(1)
        .openapi({ param: { name: 'id', in: 'path' } }),
    });
    app.openapi(
      createRoute({
        method: 'get',
        path: `${path}/{id}`,
        tags: ['Set-up'],
        summary: `${what}: one`,
        middleware: allow(...readers),
        request: { params },
        responses: { 200: json(schema, 'Found.'), ...problems },
      }),
      async (c) => {
        const { id } = c.req.valid('param' as never) as { id: string };
        const found = await find(setUp, id);
        if (found === undefined) throw new Problem(404, 'notFound', `There is nothing under ${path}/${id}.`);
        return c.json(schema.parse(plain(found)) as never, 200);
      },
    );
  };
  kind('/v1/sources', 'Sources of records', source, listSources, findSource);
  kind('/v1/sites', 'Sites', site, listSites, findSite);
  kind('/v1/accounts', 'Accounts and their parties', account, listAccounts, findAccount);
  kind('/v1/contracts', 'Contracts with all their versions', contract, listContracts, findContract);
  kind('/v1/tariff-versions', 'Published tariff versions', tariff, listTariffVersions, findTariffVersion);
  kind('/v1/price-assignments', 'Which tariff holds for which segment and site', assignment, listPriceAssignments);
  kind('/v1/mappings', 'Mappings of external keys', mapping, listMappings);
}

/** What JSON cannot hold as text: bigint as digits, bytes as hex, dates as ISO. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
  return value;
}
