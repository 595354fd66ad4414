import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Agreement } from '../../src/contracts/agreement.ts';
import type { ChargeFacts } from '../../src/contracts/charge-record.ts';
import { seedSchema } from '../../src/contracts/seed.ts';
import { type Tariff, tariffSchema } from '../../src/contracts/tariff.ts';
import { type AllocationResult, allocateSession } from '../../src/core/allocate/allocate-session.ts';
import type { Charge } from '../../src/core/allocate/charges.ts';
import type { Session } from '../../src/core/allocate/session.ts';
import type { AccountSetup, Contracted, EntitySetup, PayerSetup, SetupLookup, SiteSetup } from '../../src/core/allocate/setup.ts';
import { parseInstant } from '../../src/core/time.ts';

const seed = seedSchema.parse(parse(readFileSync(new URL('../../seed/demo.yaml', import.meta.url), 'utf8')));
const always = { validTo: null };

/** A Swedish seller with the VAT table and the chart of the sample set-up. */
export const seller: EntitySetup = {
  entityId: 'e',
  country: 'SE',
  currency: 'SEK',
  timeZone: 'Europe/Stockholm',
  mappingVersion: 1,
  glAccounts: new Map(Object.entries(seed.glAccounts)),
  vatRegistrations: [{ country: 'SE', validFrom: '2018-01-01', ...always }],
  vatTables: [{ version: 1, validFrom: '2018-01-01', rows: seed.vatTable }],
  fx: {
    source: 'ECB',
    rates: new Map([
      ['EUR', [{ on: '2019-12-04', version: 1, rate: '10.50' }]],
      ['NOK', [{ on: '2019-12-05', version: 1, rate: '1.05' }]],
    ]),
  },
  vatRules: [
    ...seed.vatRules,
    { code: 'NO25', country: 'NO', percent: '25', category: 'S', validFrom: '2005-01-01' },
    { code: 'DE19', country: 'DE', percent: '19', category: 'S', validFrom: '2007-01-01' },
  ].map((r) => ({ ...r, ...always })),
};

export const ownSite: SiteSetup = {
  siteId: 's',
  kind: 'own',
  country: 'SE',
  timeZone: 'Europe/Stockholm',
  costCenter: '100',
  connectorPowerW: 22_000,
  ownerAccountId: null,
  operatorAccountId: null,
};
const account = (accountId: string, category: AccountSetup['category'], more: Partial<AccountSetup> = {}): AccountSetup => ({
  accountId,
  category,
  roundingMode: 'netFirst',
  currency: 'SEK',
  vat: [],
  ...more,
});
export const fleet: PayerSetup = { ...account('fleet', 'fleet'), category: 'fleet', costCenter: 'CC', unitId: null };
export const driver: PayerSetup = { ...account('driver', 'driver', { roundingMode: 'grossFirst' }), category: 'driver', costCenter: null, unitId: null };
export const emsp: PayerSetup = { ...account('emsp', 'eMSP'), category: 'eMSP', costCenter: null, unitId: null };
export { account };

export type World = {
  readonly payer: PayerSetup;
  readonly site?: SiteSetup;
  readonly entity?: EntitySetup;
  /** Agreements by account; each its own contract. */
  readonly agreements?: Readonly<Record<string, readonly Agreement[]>>;
  readonly accounts?: readonly AccountSetup[];
  /** The segment's. */
  readonly tariff?: object;
  /** Named by agreements. */
  readonly tariffs?: Readonly<Record<string, object>>;
  readonly facts?: Partial<ChargeFacts>;
  readonly small?: boolean;
  readonly prices?: SetupLookup['prices'];
};

const tariffOf = (id: string, body: object) => ({ tariffVersionId: `${id}/1`, tariffId: id, tariff: tariffSchema.parse({ id, currency: 'SEK', ...body }) as Tariff });
const facts: ChargeFacts = {
  sourceId: 'x',
  ownerCountry: 'SE',
  ownerParty: 'WLT',
  cdrId: '1',
  externalIds: { cdr: '1' },
  siteKey: 's',
  tokenRef: 't',
  startAt: '2019-12-05T10:00:00Z',
  endAt: '2019-12-05T12:00:00Z',
  energyWh: 30_000,
  periods: 'unsplit',
};
const plain: Record<PayerSetup['category'], Agreement> = {
  driver: { kind: 'supply', status: 'active', clauses: [] },
  fleet: { kind: 'supply', status: 'active', clauses: [] },
  eMSP: { kind: 'roamingSale', status: 'active', currency: 'SEK', clauses: [{ kind: 'priceSource', id: 'price', from: 'agreement' }] },
};

/** Allocates one session of two hours and 30 kWh on 5 December 2019, unless told otherwise. */
export function allocation(world: World): AllocationResult {
  const all: ChargeFacts = { ...facts, ...world.facts };
  const agreements: World['agreements'] = { [world.payer.accountId]: [plain[world.payer.category]], ...world.agreements };
  const accounts = new Map([world.payer, ...(world.accounts ?? [])].map((a): [string, AccountSetup] => [a.accountId, a]));
  const setup: SetupLookup = {
    site: () => undefined,
    payer: () => undefined,
    account: (id) => accounts.get(id),
    contracts: (id, kind) =>
      (agreements[id] ?? []).flatMap((agreement, i) => (agreement.kind === kind ? [{ contractId: `${id}-${i}`, version: 1, agreement } as unknown as Contracted<typeof kind>] : [])),
    tariffs: () => (world.tariff === undefined ? [] : [tariffOf('t', world.tariff)]),
    prices: world.prices ?? new Map(),
    tariff: (id) => (world.tariffs?.[id] === undefined ? undefined : tariffOf(id, world.tariffs[id])),
  };
  const session: Session = {
    facts: all,
    startMs: parseInstant(all.startAt) ?? 0,
    endMs: parseInstant(all.endAt) ?? 0,
    site: world.site ?? ownSite,
    payer: world.payer,
    entity: world.entity ?? seller,
    setup,
    small: world.small ?? false,
  };
  return allocateSession(session);
}

/** Its charges; an Error tells what stood in the way. */
export function chargesOf(world: World): Charge[] {
  const result = allocation(world);
  if (result.kind !== 'allocated') throw new Error(JSON.stringify(result.issues));
  return [...result.charges];
}

/** The codes of what stands in the way. */
export function blockedBy(world: World): string[] {
  const result = allocation(world);
  return result.kind === 'allocated' ? [] : result.issues.filter((i) => i.severity === 'blocks').map((i) => i.code);
}

/** A tariff of one price per kWh, excluding VAT. */
export const perKwh = (price: string, vat: string | undefined = '25') => ({ elements: [{ price_components: [{ type: 'ENERGY', price, ...(vat === undefined ? {} : { vat }), step_size: 1 }] }] });
