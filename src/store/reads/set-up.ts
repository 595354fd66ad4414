import type { Account, Contract, ContractVersion, Mapping, Party, PriceAssignment, Site, Source, TariffVersion } from '../generated/client.ts';
import type { SetUp } from '../prisma.ts';
import { foreignCursor } from './page.ts';
import { type Page, type PageRequest, pageAfter } from './set-up-page.ts';

/** A row that holds for a time; null means without beginning or end, which PostgreSQL says as infinity and no Date can. */
type Dated<T> = Omit<T, 'validFrom' | 'validTo'> & { readonly validFrom: Date | null; readonly validTo: Date | null };
export type ContractWithVersions = Contract & { readonly versions: readonly Dated<ContractVersion>[] };

const byId = { id: 'asc' } as const;
const idOf = (row: { id: string }) => [row.id];
const after = (key: readonly string[] | undefined) => (key?.[0] === undefined ? {} : { id: { gt: key[0] } });

/** Sources of records, by id. */
export function listSources(setUp: SetUp, page: PageRequest): Promise<Page<Source>> {
  return pageAfter('sources', page, idOf, (key, take) => setUp.source.findMany({ where: after(key), orderBy: byId, take }));
}

export async function findSource(setUp: SetUp, id: string): Promise<Source | undefined> {
  return (await setUp.source.findUnique({ where: { id } })) ?? undefined;
}

/** Sites, by id. */
export function listSites(setUp: SetUp, page: PageRequest): Promise<Page<Site>> {
  return pageAfter('sites', page, idOf, (key, take) => setUp.site.findMany({ where: after(key), orderBy: byId, take }));
}

export async function findSite(setUp: SetUp, id: string): Promise<Site | undefined> {
  return (await setUp.site.findUnique({ where: { id } })) ?? undefined;
}

/** Accounts with the party that stands behind each, by id. */
export function listAccounts(setUp: SetUp, page: PageRequest): Promise<Page<Account & { readonly party: Party }>> {
  return pageAfter('accounts', page, idOf, (key, take) => setUp.account.findMany({ where: after(key), orderBy: byId, take, include: { party: true } }));
}

export async function findAccount(setUp: SetUp, id: string): Promise<(Account & { readonly party: Party }) | undefined> {
  return (await setUp.account.findUnique({ where: { id }, include: { party: true } })) ?? undefined;
}

const withVersions = { versions: { orderBy: { version: 'asc' } } } as const;

/** Contracts with all their versions, by id. */
export async function listContracts(setUp: SetUp, page: PageRequest): Promise<Page<ContractWithVersions>> {
  const found = await pageAfter('contracts', page, idOf, (key, take) => setUp.contract.findMany({ where: after(key), orderBy: byId, take, include: withVersions }));
  return { ...found, items: found.items.map((contract) => ({ ...contract, versions: contract.versions.map(dated) })) };
}

export async function findContract(setUp: SetUp, id: string): Promise<ContractWithVersions | undefined> {
  const contract = await setUp.contract.findUnique({ where: { id }, include: withVersions });
  return contract === null ? undefined : { ...contract, versions: contract.versions.map(dated) };
}

/** Tariff versions, by id. */
export async function listTariffVersions(setUp: SetUp, page: PageRequest): Promise<Page<Dated<TariffVersion>>> {
  return datedPage(await pageAfter('tariffVersions', page, idOf, (key, take) => setUp.tariffVersion.findMany({ where: after(key), orderBy: byId, take })));
}

export async function findTariffVersion(setUp: SetUp, id: string): Promise<Dated<TariffVersion> | undefined> {
  const version = await setUp.tariffVersion.findUnique({ where: { id } });
  return version === null ? undefined : dated(version);
}

/** Which tariff holds for which segment and site, by id. */
export async function listPriceAssignments(setUp: SetUp, page: PageRequest): Promise<Page<Dated<PriceAssignment>>> {
  return datedPage(await pageAfter('priceAssignments', page, idOf, (key, take) => setUp.priceAssignment.findMany({ where: after(key), orderBy: byId, take })));
}

/** Mappings of external keys, by source, kind, key and the instant from which each holds. */
export async function listMappings(setUp: SetUp, page: PageRequest): Promise<Page<Dated<Mapping>>> {
  const order = [{ sourceId: 'asc' }, { kind: 'asc' }, { externalKey: 'asc' }, { validFrom: 'asc' }] as const;
  const keyOf = (m: Mapping) => [m.sourceId, m.kind, m.externalKey, bound(m.validFrom)?.toISOString() ?? ''];
  return datedPage(await pageAfter('mappings', page, keyOf, (key, take) => setUp.mapping.findMany({ where: afterMapping(key), orderBy: [...order], take })));
}

function afterMapping(key: readonly string[] | undefined) {
  if (key === undefined) return {};
  const [sourceId = '', kind = '', externalKey = '', from = ''] = key;
  // PostgreSQL counts microseconds and a Date none: the next row of one key begins a millisecond later at the least.
  const next = from === '' ? new Date('0001-01-01T00:00:00Z') : new Date(Date.parse(from) + 1);
  if (Number.isNaN(next.getTime())) throw foreignCursor('mappings');
  return {
    OR: [{ sourceId: { gt: sourceId } }, { sourceId, kind: { gt: kind } }, { sourceId, kind, externalKey: { gt: externalKey } }, { sourceId, kind, externalKey, validFrom: { gte: next } }],
  };
}

function dated<T extends { readonly validFrom: Date; readonly validTo: Date }>(row: T): Dated<T> {
  return { ...row, validFrom: bound(row.validFrom), validTo: bound(row.validTo) };
}

function datedPage<T extends { readonly validFrom: Date; readonly validTo: Date }>(page: Page<T>): Page<Dated<T>> {
  return { ...page, items: page.items.map(dated) };
}

/** Infinity arrives as a Date that is none. */
function bound(at: Date): Date | null {
  return Number.isNaN(at.getTime()) ? null : at;
}
