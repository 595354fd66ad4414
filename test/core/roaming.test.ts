import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgreementOf, SupplyClause } from '../../src/contracts/agreement.ts';
import type { ChargeFacts } from '../../src/contracts/charge-record.ts';
import { type Charge, mirrorOf } from '../../src/core/allocate/charges.ts';
import type { PartyVat, SiteSetup } from '../../src/core/allocate/setup.ts';
import { isFree } from '../../src/core/ledger/event-of-charge.ts';
import { account, allocation, blockedBy, chargesOf, driver, emsp, fleet, ownSite, perKwh, seller, type World } from '../support/session.ts';

const german: PartyVat = { status: 'reseller', establishedIn: 'DE', vatNumber: 'DE123456789', evidence: 'VIES 2019-12-01', validFrom: '2019-01-01', validTo: null };
const sale = (from: 'agreement' | 'ocpiTariff' | 'hub', more: object = {}): AgreementOf<'roamingSale'> => ({
  kind: 'roamingSale',
  status: 'active',
  currency: 'SEK',
  clauses: [{ kind: 'priceSource', id: 'price', from, ...more }],
});
const claim = (exclVat: string, origin: 'partner' | 'hub' | 'notSignificant', currency = 'SEK'): Partial<ChargeFacts> => ({ partnerPrice: { currency, exclVat, origin } });
const parts = (list: readonly Charge[]) => list.map((c) => [c.role, c.component, c.netMinor, c.energyWh]);

describe('a foreign driver at our charger', () => {
  const world = (agreement: AgreementOf<'roamingSale'>, more: Partial<World> = {}): World => ({
    payer: emsp,
    tariff: perKwh('3.00'),
    tariffs: { published: perKwh('3.50') },
    agreements: { emsp: [agreement] },
    ...more,
  });

  it('is sold to the eMSP at the agreement’s price, the segment’s tariff where it names none', () => {
    expect(parts(chargesOf(world(sale('agreement'))))).toEqual([['emspSale', 'ENERGY/0', 9000n, 30_000n]]);
    expect(parts(chargesOf(world(sale('agreement', { tariffId: 'published' }))))).toEqual([['emspSale', 'ENERGY/0', 10500n, 30_000n]]);
  });
  it('is sold at the tariff published by OCPI, or as the hub computed it, as agreed for the route', () => {
    expect(parts(chargesOf(world(sale('ocpiTariff', { tariffId: 'published' }))))).toEqual([['emspSale', 'ENERGY/0', 10500n, 30_000n]]);
    expect(parts(chargesOf(world(sale('hub'), { facts: claim('88.123', 'hub') })))).toEqual([['emspSale', 'ENERGY/hub', 8812n, 30_000n]]);
  });
  it('has one price source per route: another one in the CDR, or none where one is needed, is an error', () => {
    expect(blockedBy(world(sale('agreement'), { facts: claim('88.12', 'hub') }))).toEqual(['priceSourceMixed']);
    expect(blockedBy(world(sale('hub'), { facts: claim('88.12', 'partner') }))).toEqual(['priceSourceMixed']);
    expect(blockedBy(world(sale('hub')))).toEqual(['priceSourceMixed']);
  });
  it('is held where the hub sets the price and marks it as not significant (D22)', () => {
    expect(blockedBy(world(sale('hub'), { facts: claim('0', 'notSignificant') }))).toEqual(['priceNotSignificant']);
  });
  it('in EUR in SEK books: 30 kWh at 0.30 is 9.00 EUR, at 10.50 94.50 SEK, reverse charged to a proven German reseller', () => {
    const [charge] = chargesOf(world({ ...sale('agreement'), currency: 'EUR' }, { payer: { ...emsp, currency: 'EUR', vat: [german] }, tariff: { ...perKwh('0.30'), currency: 'EUR' } }));
    expect(charge).toMatchObject({
      currency: 'EUR',
      netMinor: 900n,
      grossMinor: 900n,
      bookNetMinor: 9450n,
      vatCode: 'SE-AE',
      vatRule: '1/reseller-other-eu (VIES 2019-12-01)',
      fxRate: 'ECB 2019-12-04 EUR/SEK 10.50 v1',
    });
  });
  it('is held where the day has no rate: the last one is nine days old', () => {
    const late = { startAt: '2019-12-13T10:00:00Z', endAt: '2019-12-13T12:00:00Z' };
    expect(blockedBy(world({ ...sale('agreement'), currency: 'EUR' }, { payer: { ...emsp, currency: 'EUR' }, tariff: { ...perKwh('0.30'), currency: 'EUR' }, facts: late }))).toEqual([
      'missingFxRate',
    ]);
  });
});

describe('our driver at another operator’s charger', () => {
  const abroad: SiteSetup = { ...ownSite, siteId: 'f', kind: 'foreign', operatorAccountId: 'operator' };
  const operator = account('operator', 'partner', { currency: 'EUR', vat: [german] });
  const buy = (from: 'agreement' | 'ocpiTariff' | 'hub', more: object = {}): AgreementOf<'roamingPurchase'> => ({
    kind: 'roamingPurchase',
    status: 'active',
    currency: 'EUR',
    clauses: [{ kind: 'priceSource', id: 'bought', from, tolerancePercent: '1', ...more }],
  });
  const supply = (...clauses: SupplyClause[]): AgreementOf<'supply'> => ({ kind: 'supply', status: 'active', clauses });
  const marked: SupplyClause = { kind: 'roamingPrice', id: 'abroad', markupPercent: '10', perKwh: '0.20', perSession: '3.00' };
  const world = (bought: AgreementOf<'roamingPurchase'>, sold: AgreementOf<'supply'>, more: Partial<World> = {}): World => ({
    payer: fleet,
    site: abroad,
    accounts: [operator],
    agreements: { operator: [bought], fleet: [sold] },
    tariffs: { theirs: { ...perKwh('0.40', '19'), currency: 'EUR' } },
    tariff: perKwh('5.00'),
    ...more,
  });

  it('is bought at the agreed tariff and sold marked up: 12.00 EUR is 126.00 SEK, plus 10 %, plus 0.20 a kWh, plus 3.00', () => {
    const list = chargesOf(world(buy('agreement', { tariffId: 'theirs' }), supply(marked)));
    // 126.00 × 1.10 = 138.60; 30 × 0.20 = 6.00; margin 138.60 + 6.00 + 3.00 − 126.00 = 21.60.
    expect(parts(list)).toEqual([
      ['fleetSale', 'ENERGY/roaming', 13860n, 30_000n],
      ['fleetSale', 'roamingPerKwh', 600n, 0n],
      ['fleetSale', 'roamingPerSession', 300n, 0n],
      ['roamingPurchase', 'ENERGY/0', 1200n, 0n],
    ]);
    expect(list.at(-1)).toMatchObject({ currency: 'EUR', payeeAccountId: 'operator', payerAccountId: null, bookNetMinor: 12600n, vatCode: 'SE-AE', glAccount: '4020' });
    // A fleet that pays in NOK: 12.00 × 10.50 / 1.05 = 120.00; by way of the books, so by two rates.
    const result = allocation({ ...world(buy('agreement', { tariffId: 'theirs' }), supply({ ...marked, markupPercent: '0' })), payer: { ...fleet, currency: 'NOK' } });
    if (result.kind !== 'allocated') throw new Error(JSON.stringify(result.issues));
    expect(result.charges[0]).toMatchObject({ currency: 'NOK', netMinor: 12_000n });
    expect(result.rating.explanation).toContain('What it costs us, 12.0000 EUR (ECB 2019-12-04 EUR/SEK 10.50 v1 and ECB 2019-12-05 NOK/SEK 1.05 v1), marked up by 0 %');
    const margin = list.reduce((sum, c) => sum + (c.payerAccountId === null ? -c.bookNetMinor : c.bookNetMinor), 0n);
    expect(margin).toBe(2160n);
  });
  it('has its energy on what is paid per kWh where it costs us nothing: sold at 0.20 a kWh it is not free (D14)', () => {
    const gift = { tariffs: { theirs: { ...perKwh('0', '19'), currency: 'EUR' } } };
    const sold = (clause: SupplyClause) => chargesOf(world(buy('agreement', { tariffId: 'theirs' }), supply(clause), gift)).filter((c) => c.role === 'fleetSale');
    expect(parts(sold(marked))).toEqual([
      ['fleetSale', 'ENERGY/roaming', 0n, 0n],
      ['fleetSale', 'roamingPerKwh', 600n, 30_000n],
      ['fleetSale', 'roamingPerSession', 300n, 0n],
    ]);
    expect(sold(marked).filter((c) => c.energyWh !== 0n && isFree(c))).toEqual([]);
    // With nothing per kWh it is.
    expect(
      sold({ ...marked, perKwh: '0' } as SupplyClause)
        .filter(isFree)
        .map((c) => c.energyWh),
    ).toEqual([30_000n]);
  });
  it('is a finding when the partner claims more than the tolerance above our own rating, and ours is booked', () => {
    const of = (exclVat: string) => allocation(world(buy('agreement', { tariffId: 'theirs' }), supply(marked), { facts: claim(exclVat, 'partner', 'EUR') }));
    expect(of('12.12').issues).toEqual([]);
    expect(of('12.13').issues.map((i) => [i.code, i.severity, i.params['percent']])).toEqual([['purchaseDiffers', 'warns', '1.0833']]);
    expect(of('11.87').issues.map((i) => i.code)).toEqual(['purchaseDiffers']);
  });
  it('is bought as the hub computed it where agreed, and held where the hub marks that as not significant', () => {
    expect(parts(chargesOf(world(buy('hub'), supply(marked), { facts: claim('10.00', 'hub', 'EUR') }))).at(-1)).toEqual(['roamingPurchase', 'ENERGY/stated', 1000n, 0n]);
    expect(blockedBy(world(buy('hub'), supply(marked), { facts: claim('10.00', 'notSignificant', 'EUR') }))).toEqual(['priceNotSignificant']);
    expect(blockedBy(world(buy('hub'), supply(marked), { facts: claim('10.00', 'partner', 'EUR') }))).toEqual(['priceSourceMixed']);
  });
  it('is sold by the segment’s tariff where the contract has no price for roaming', () => {
    expect(parts(chargesOf(world(buy('agreement', { tariffId: 'theirs' }), supply())))).toEqual([
      ['fleetSale', 'ENERGY/0', 15000n, 30_000n],
      ['roamingPurchase', 'ENERGY/0', 1200n, 0n],
    ]);
  });
  it('is parked in a country where we are not registered, billed with its VAT where we are', () => {
    const german = world(buy('agreement', { tariffId: 'theirs' }), supply(marked), { site: { ...abroad, country: 'DE' } });
    expect(allocation(german)).toMatchObject({ kind: 'parked', worth: { minor: 14760n, currency: 'SEK' } });
    const registered = { ...seller, vatRegistrations: [...seller.vatRegistrations, { country: 'DE', validFrom: '2019-01-01', validTo: null }] };
    expect(chargesOf({ ...german, entity: registered })[0]).toMatchObject({ vatCode: 'DE19', netMinor: 13860n, grossMinor: 16493n });
  });
  it('is rounded once with VAT for a consumer: (138.60 + 6.00 + 3.00) × 1.25 is 184.50', () => {
    const list = chargesOf(
      world(buy('agreement', { tariffId: 'theirs' }), supply(), { payer: driver, agreements: { operator: [buy('agreement', { tariffId: 'theirs' })], driver: [supply(marked)] } }),
    );
    expect(list.filter((c) => c.payerAccountId !== null).reduce((sum, c) => sum + c.grossMinor, 0n)).toBe(18450n);
  });
  it('is named when it is nobody of ours, when the operator has no contract, when two prices match', () => {
    expect(blockedBy(world(buy('agreement', { tariffId: 'theirs' }), supply(marked), { payer: emsp }))).toEqual(['notOurDriver']);
    expect(blockedBy(world({ ...buy('agreement'), status: 'ended' }, supply(marked)))).toEqual(['missingOperatorContract']);
    expect(blockedBy(world(buy('agreement', { tariffId: 'theirs' }), supply(marked, { ...marked, id: 'other' })))).toEqual(['ambiguousClause']);
    expect(blockedBy(world(buy('agreement'), supply(marked)))).toEqual(['missingTariff']);
  });
  it('carries its Wh once, on the sale, whatever it costs, and a mirror takes all of it back', () => {
    const price = fc.integer({ min: 0, max: 20_000 }).map((n) => (n / 10_000).toFixed(4));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200_000 }), price, price, fc.constantFrom(fleet, driver), (energyWh, bought, perKwhFee, payer) => {
        const own = supply({ ...marked, perKwh: perKwhFee } as SupplyClause);
        const list = chargesOf(
          world(buy('agreement', { tariffId: 'theirs' }), own, {
            payer,
            agreements: { operator: [buy('agreement', { tariffId: 'theirs' })], [payer.accountId]: [own] },
            tariffs: { theirs: { ...perKwh(bought, '19'), currency: 'EUR' } },
            facts: { energyWh },
          }),
        );
        expect(list.reduce((sum, c) => sum + c.energyWh, 0n)).toBe(BigInt(energyWh));
        expect([...list, ...list.map(mirrorOf)].reduce((sum, c) => sum + c.netMinor + c.grossMinor + c.bookNetMinor + c.energyWh, 0n)).toBe(0n);
      }),
    );
  });
});
