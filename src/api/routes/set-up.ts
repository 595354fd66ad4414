import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { letterheadSchema } from '../../contracts/letterhead.ts';
import type { Store } from '../../store/db.ts';
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
import { findSetUp, listSetUp, type SetUpList } from '../../store/reads/set-up-lists.ts';
import type { Page, PageRequest } from '../../store/reads/set-up-page.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { inPath, json, pageOf, pageQuery, problems } from '../schemas.ts';

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
    version: z.int(),
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
    kind: z.string(),
    operatorAccountId: z.string().nullable(),
    version: z.int(),
  })
  .openapi('Site');
const siteHolder = z.object({ ownerAccountId: z.string().nullable(), operatorAccountId: z.string().nullable(), ...validity, author: z.string() }).openapi('SiteHolder');
const account = z
  .object({
    id: z.string(),
    entityId: z.string(),
    category: z.string(),
    strategy: z.string(),
    roundingMode: z.string(),
    currency: z.string(),
    paymentTermsDays: z.int(),
    releaseGroup: z.string(),
    version: z.int(),
    party: z.object({ id: z.string(), name: z.string(), country: z.string(), vatNumber: z.string().nullable(), orgNumber: z.string().nullable() }),
  })
  .openapi('Account');
const contract = z
  .object({
    id: z.string(),
    accountId: z.string(),
    kind: z.string(),
    versions: z.array(
      z.object({ version: z.int(), ...validity, clauses: z.record(z.string(), z.any()), author: z.string(), secondPerson: z.string().nullable(), reason: z.string(), madeAt: z.string() }),
    ),
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
  .object({
    sourceId: z.string(),
    kind: z.string(),
    externalKey: z.string(),
    internalId: z.string(),
    costCenter: z.string().nullable(),
    unitId: z.string().nullable(),
    ...validity,
    author: z.string(),
  })
  .openapi('Mapping');

const date = z.string().nullable();
const entity = z
  .object({
    id: z.string(),
    name: z.string(),
    country: z.string(),
    currency: z.string(),
    timeZone: z.string(),
    orgNumber: z.string(),
    fxSource: z.string(),
    costCenter: z.string().nullable(),
    letterhead: letterheadSchema,
    version: z.int(),
    vatRegistrations: z.array(z.object({ country: z.string(), number: z.string(), validFrom: z.string(), validTo: date })),
    calendars: z.array(z.object({ id: z.string(), cadence: z.string(), strategies: z.array(z.string()).readonly(), cutOff: z.string() })),
  })
  .openapi('LegalEntity');
const party = z
  .object({
    id: z.string(),
    name: z.string(),
    country: z.string(),
    vatNumber: z.string().nullable(),
    orgNumber: z.string().nullable(),
    email: z.string().nullable(),
    address: z.record(z.string(), z.any()),
    version: z.int(),
    erased: z.boolean(),
    accountIds: z.array(z.string()),
  })
  .openapi('Party');
const fleetUnit = z
  .object({
    id: z.string(),
    accountId: z.string(),
    kind: z.string(),
    label: z.string(),
    partyId: z.string().nullable(),
    version: z.int(),
    assignments: z.array(z.object({ costCenter: z.string(), ...validity, author: z.string() })),
  })
  .openapi('FleetUnit');
const vatStatus = z
  .object({
    validFrom: z.string(),
    validTo: date,
    status: z.string(),
    establishedIn: z.string(),
    vatNumber: z.string().nullable(),
    evidence: z.string().nullable(),
    author: z.string(),
    secondPerson: z.string().nullable(),
  })
  .openapi('VatStatus');
const bankAccount = z
  .object({ version: z.int(), scheme: z.string(), lastFour: z.string(), erased: z.boolean(), author: z.string(), secondPerson: z.string(), publishedAt: z.string() })
  .openapi('PayeeBankAccount');
const vatTable = z
  .object({ version: z.int(), validFrom: z.string(), rows: z.array(z.any()), reason: z.string(), author: z.string(), secondPerson: z.string().nullable(), madeAt: z.string() })
  .openapi('VatTable');
const glMapping = z
  .object({ version: z.int(), keys: z.record(z.string(), z.string()), author: z.string().nullable(), reason: z.string().nullable(), madeAt: z.string().nullable() })
  .openapi('GlMapping');
const fxRate = z.object({ source: z.string(), on: z.string(), currency: z.string(), into: z.string(), version: z.int(), rate: z.string(), author: z.string() }).openapi('FxRate');
const id = inPath('id');

/** Lists and single reads of what sessions are resolved by. */
export function setUpRoutes(app: OpenAPIHono<ApiEnv>, { setUp, store }: { readonly setUp: SetUp; readonly store: Store }): void {
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
    const params = inPath('id');
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

  const listed = <T extends z.ZodType>(path: string, summary: string, schema: T, list: SetUpList, filters: readonly string[] = []) => {
    const page = pageOf(schema);
    const own = path.includes('{id}');
    app.openapi(
      createRoute({
        method: 'get',
        path,
        tags: ['Set-up'],
        summary,
        middleware: allow(...readers),
        request: {
          ...(own ? { params: id } : {}),
          query: pageQuery.extend(Object.fromEntries(filters.map((name) => [name, name === 'on' ? z.iso.date().optional() : z.string().max(80).optional()]))),
        },
        responses: { 200: json(page, 'A page.'), ...problems },
      }),
      async (c) => {
        const { cursor, limit, ...given } = c.req.valid('query') as { cursor?: string; limit: number } & Record<string, string | undefined>;
        const narrow = own ? [(c.req.valid('param' as never) as { id: string }).id] : filters.map((name) => given[name]);
        return c.json(page.parse(await listSetUp(store.pool, list, { cursor, limit }, ...narrow)) as never, 200);
      },
    );
  };
  const single = <T extends z.ZodType>(path: string, summary: string, schema: T, list: Parameters<typeof findSetUp>[1]) =>
    app.openapi(
      createRoute({ method: 'get', path: `${path}/{id}`, tags: ['Set-up'], summary, middleware: allow(...readers), request: { params: id }, responses: { 200: json(schema, 'Found.'), ...problems } }),
      async (c) => {
        const found = await findSetUp(store.pool, list, c.req.valid('param').id);
        if (found === undefined) throw new Problem(404, 'notFound', `There is nothing under ${path}/${c.req.valid('param').id}.`);
        return c.json(schema.parse(found) as never, 200);
      },
    );
  listed('/v1/entities', 'Legal entities with their VAT registrations and calendars', entity, 'entities');
  single('/v1/entities', 'A legal entity', entity, 'entities');
  listed('/v1/parties', 'Parties and their accounts', party, 'parties');
  single('/v1/parties', 'A party', party, 'parties');
  listed('/v1/fleet-units', 'Vehicles and drivers of fleets, with their cost centers by date', fleetUnit, 'fleetUnits', ['accountId']);
  single('/v1/fleet-units', 'A vehicle or driver of a fleet', fleetUnit, 'fleetUnits');
  listed('/v1/sites/{id}/holders', 'Whose a site is from which instant on; before the first as the site itself says', siteHolder, 'siteHolders');
  listed('/v1/accounts/{id}/vat-statuses', 'What an account is to VAT, by date', vatStatus, 'vatStatuses');
  listed('/v1/accounts/{id}/payee-bank-accounts', 'Where an account was and is paid, by its last four digits', bankAccount, 'bankAccounts');
  listed('/v1/entities/{id}/vat-tables', 'Versions of the VAT table', vatTable, 'vatTables');
  listed('/v1/entities/{id}/gl-mappings', 'Versions of the GL mapping', glMapping, 'glMappings');
  listed('/v1/fx-rates', 'Rates of exchange, every version', fxRate, 'fxRates', ['source', 'currency', 'on']);
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
