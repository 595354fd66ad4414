import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgreementOf, SupplyClause } from '../../src/contracts/agreement.ts';
import type { ChargeFacts } from '../../src/contracts/charge-record.ts';
import { type Charge, mirrorOf } from '../../src/core/allocate/charges.ts';
import type { PayerSetup } from '../../src/core/allocate/setup.ts';
import { account, blockedBy, chargesOf, driver, emsp, fleet, ownSite, perKwh, seller, type World } from '../support/session.ts';
import { shareAgreement } from '../support/share.ts';

const supply = (...clauses: SupplyClause[]): AgreementOf<'supply'> => ({ kind: 'supply', status: 'active', clauses });
const world = (payer: PayerSetup, agreement: AgreementOf<'supply'>, more: Partial<World> = {}): World => ({ payer, tariff: perKwh('3.00'), agreements: { [payer.accountId]: [agreement] }, ...more });
const money = (list: readonly Charge[]) => list.map((c) => [c.component, c.netMinor, c.grossMinor]);
const billed = (payer: PayerSetup, agreement: AgreementOf<'supply'>, more: Partial<World> = {}) => money(chargesOf(world(payer, agreement, more)));
const sum = (list: readonly Charge[], pick: (c: Charge) => bigint) => list.reduce((total, c) => total + pick(c), 0n);
/** Charging ended after one hour, the plug came out after two. */
const idle = { chargingEndAt: '2019-12-05T11:00:00Z' };

describe('clauses that one session decides, by hand', () => {
  it('take 0.40 off each of 30 kWh: 90.00 less 12.00', () => {
    expect(billed(fleet, supply({ kind: 'discount', id: 'loyal', perKwh: '0.40' }))).toEqual([
      ['ENERGY/0', 9000n, 11250n],
      ['discount/loyal', -1200n, -1500n],
    ]);
  });
  it('take 10 % off the energy, then 5 % off what that left: 90.00 less 9.00 less 4.05', () => {
    const both = supply({ kind: 'discount', id: 'ten', percent: '10' }, { kind: 'discount', id: 'five', percent: '5' });
    expect(billed(fleet, both).map(([component, net]) => [component, net])).toEqual([
      ['ENERGY/0', 9000n],
      ['discount/ten', -900n],
      ['discount/five', -405n],
    ]);
  });
  it('never take more than the energy costs: 4.00 off a price of 3.00 makes it free', () => {
    expect(sum(chargesOf(world(fleet, supply({ kind: 'discount', id: 'much', perKwh: '4.00' }))), (c) => c.netMinor)).toBe(0n);
  });
  it('never take more than the energy is rounded to: two parts of 10.0041 are 10.00 each, and 20.0082 off would be 20.01', () => {
    const half = (restrictions: object) => ({ restrictions, price_components: [{ type: 'ENERGY', price: '0.66694', vat: '25', step_size: 1 }] });
    const tariff = { elements: [half({ end_time: '12:00' }), half({ start_time: '12:00' })] };
    expect(chargesOf(world(fleet, supply({ kind: 'discount', id: 'free', percent: '100' }, { kind: 'startFee', id: 's', amount: '5.00' }), { tariff })).map((c) => c.netMinor)).toEqual([
      1000n,
      1000n,
      -2000n,
      500n,
    ]);
  });
  it('take off a session at its maximum no more than the energy’s part of it', () => {
    // 30 kWh at 3.00 are 90.00, of which the maximum leaves 50.00: wholly off, nothing is left to pay, and 10 % of it are 5.00.
    const capped = (percent: string) => chargesOf(world(fleet, supply({ kind: 'discount', id: 'd', percent }), { tariff: { ...perKwh('3.00'), max_price: '50' } }));
    expect(money(capped('100')).map(([component, net]) => [component, net])).toEqual([
      ['ENERGY/0', 9000n],
      ['max_price', -4000n],
      ['discount/d', -5000n],
    ]);
    expect(sum(capped('10'), (c) => c.netMinor)).toBe(4500n);
    // With a fee of 30.00 it is 120.00: the energy's part of 50.00 is 50 × 90/120 = 37.50, and 12.50 of the fee are paid.
    const withFee = { elements: [...perKwh('3.00').elements, { price_components: [{ type: 'FLAT', price: '30', vat: '25', step_size: 1 }] }], max_price: '50' };
    expect(chargesOf(world(fleet, supply({ kind: 'discount', id: 'd', percent: '100' }), { tariff: withFee })).map((c) => c.netMinor)).toEqual([3000n, 9000n, -7000n, -3750n]);
  });
  it('take off a consumer’s session at its maximum no more than that with VAT leaves (D12)', () => {
    // 30 kWh at 3.00 are 112.50 with VAT, of which 50.00 are left: wholly off, nothing is left to pay, and 10 % of it are 5.00.
    const gross = (percent: string, max_price: object) =>
      sum(chargesOf(world(driver, supply({ kind: 'discount', id: 'd', percent }), { tariff: { ...perKwh('3.00'), max_price } })), (c) => c.grossMinor);
    const both = { excl_vat: '50', incl_vat: '50' };
    expect([gross('100', both), gross('10', both)]).toEqual([0n, 4500n]);
    // Below the maximum with VAT, though not without: all of it is there to be taken off, 10 % are 11.25.
    const netAlone = { excl_vat: '50', incl_vat: '200' };
    expect([gross('100', netAlone), gross('10', netAlone)]).toEqual([0n, 10_125n]);
  });
  it('hold a campaign to its dates, by the local start: half past midnight of the 6th in Stockholm is not the 5th', () => {
    const campaign = supply({ kind: 'discount', id: 'day', percent: '50', from: '2019-12-05', to: '2019-12-06' });
    expect(billed(fleet, campaign).length).toBe(2);
    expect(billed(fleet, campaign, { facts: { startAt: '2019-12-05T23:30:00Z', endAt: '2019-12-06T01:30:00Z' } }).length).toBe(1);
    expect(billed(fleet, campaign, { facts: { startAt: '2019-12-04T22:59:59Z', endAt: '2019-12-05T01:00:00Z' } }).length).toBe(1);
  });
  it('round a consumer’s session once, with its discount and fee: (99.99 − 33.33 + 5.00) × 1.25 is 89.575, so 89.58', () => {
    const list = chargesOf(world(driver, supply({ kind: 'discount', id: 'd', perKwh: '1.111' }, { kind: 'startFee', id: 's', amount: '5.00' }), { tariff: perKwh('3.333') }));
    // Energy is 124.9875, so 124.99; −35.41 is left for discount and fee: rounded down −41.67 and 6.25 are an öre short, which goes to the larger remainder, that of −41.6625.
    expect(money(list).map(([component, , gross]) => [component, gross])).toEqual([
      ['ENERGY/0', 12499n],
      ['discount/d', -4166n],
      ['startFee/s', 625n],
    ]);
    expect(sum(list, (c) => c.grossMinor)).toBe(8958n);
  });
  it('bill a start fee once, and nothing of it for a session too small to be billed', () => {
    const fee = supply({ kind: 'startFee', id: 'start', amount: '5.00' });
    expect(billed(fleet, fee).at(-1)).toEqual(['startFee/start', 500n, 625n]);
    const small = chargesOf(world(fleet, fee, { small: true, facts: { energyWh: 100 } }));
    expect(small.map((c) => [c.component, c.clause])).toEqual([['ENERGY/0', 'smallSession']]);
  });
  it('bill idle minutes after the grace, started ones in full: 60 minutes less 10 are 50, at 0.50 25.00', () => {
    const list = chargesOf(world(fleet, supply({ kind: 'idleFee', id: 'idle', perMinute: '0.50', graceMinutes: 10, withoutEnergy: false }), { facts: idle }));
    expect(list.at(-1)).toMatchObject({ role: 'idleFee', component: 'idle/idle', netMinor: 2500n, quantity: 50n, quantityUnit: 'min', energyWh: 0n, glAccount: '3003' });
    const late = chargesOf(world(fleet, supply({ kind: 'idleFee', id: 'idle', perMinute: '0.50', graceMinutes: 10, withoutEnergy: false }), { facts: { ...idle, endAt: '2019-12-05T12:00:01Z' } }));
    expect(late.at(-1)).toMatchObject({ quantity: 51n, netMinor: 2550n });
  });
  it('cap idle minutes per session, and bill none where nobody knows when charging ended', () => {
    const capped = supply({ kind: 'idleFee', id: 'idle', perMinute: '0.50', graceMinutes: 0, capPerSession: '20.00', withoutEnergy: false });
    expect(billed(fleet, capped, { facts: idle }).at(-1)).toEqual(['idle/idle', 2000n, 2500n]);
    expect(billed(fleet, capped)).toEqual([['ENERGY/0', 9000n, 11250n]]);
  });
  it('do not take energy that is given back for standing idle: it ends charging as well', () => {
    // 31 kWh in the first hour, 1 kWh back in the next half, nothing in the last: 30 minutes at 0.50 are 15.00.
    const periods = [
      { startAt: '2019-12-05T10:00:00Z', energyWh: 31_000, chargingSeconds: 3600, parkingSeconds: 0 },
      { startAt: '2019-12-05T11:00:00Z', energyWh: -1_000, chargingSeconds: 1800, parkingSeconds: 0 },
      { startAt: '2019-12-05T11:30:00Z', energyWh: 0, chargingSeconds: 0, parkingSeconds: 1800 },
    ];
    const clause = supply({ kind: 'idleFee', id: 'idle', perMinute: '0.50', graceMinutes: 0, withoutEnergy: false });
    expect(billed(fleet, clause, { facts: { periods } }).at(-1)).toEqual(['idle/idle', 1500n, 1875n]);
  });
  it('bill idle time without any energy only where the clause says so (D25)', () => {
    const clause = { kind: 'idleFee', id: 'idle', perMinute: '1', graceMinutes: 60 } as const;
    const empty = { energyWh: 0, periods: [{ startAt: '2019-12-05T10:00:00Z', energyWh: 0, chargingSeconds: 0, parkingSeconds: 7200 }] };
    expect(billed(fleet, supply({ ...clause, withoutEnergy: true }), { facts: empty }).at(-1)).toEqual(['idle/idle', 6000n, 7500n]);
    expect(billed(fleet, supply({ ...clause, withoutEnergy: false }), { facts: empty }).map(([c]) => c)).not.toContain('idle/idle');
  });
  it('bill no time that was reserved as idle: from when the car came, and nothing where it never did', () => {
    const clause = supply({ kind: 'idleFee', id: 'idle', perMinute: '1', graceMinutes: 0, withoutEnergy: true });
    // What is reserved alone has neither charging nor parking. Of 10:00 to 12:00 the car is there from 11:30 on: 30 minutes.
    const reserved = { startAt: '2019-12-05T10:00:00Z', energyWh: 0, chargingSeconds: 0, parkingSeconds: 0 };
    const came = { startAt: '2019-12-05T11:30:00Z', energyWh: 0, chargingSeconds: 0, parkingSeconds: 1800 };
    expect(billed(fleet, clause, { facts: { energyWh: 0, periods: [reserved, came] } }).at(-1)).toEqual(['idle/idle', 3000n, 3750n]);
    expect(billed(fleet, clause, { facts: { energyWh: 0, periods: [reserved] } }).map(([c]) => c)).not.toContain('idle/idle');
  });
  it('bill idle time without any energy where the clause says so, though the session is too small to be billed: the fee alone (D25)', () => {
    const both = (withoutEnergy: boolean) => supply({ kind: 'startFee', id: 's', amount: '5.00' }, { kind: 'idleFee', id: 'idle', perMinute: '1.003', graceMinutes: 60, withoutEnergy });
    const flat = { elements: [{ price_components: [{ type: 'FLAT', price: '0.003', vat: '25', step_size: 1 }] }] };
    const empty = { energyWh: 0, periods: [{ startAt: '2019-12-05T10:00:00Z', energyWh: 0, chargingSeconds: 0, parkingSeconds: 7200 }] };
    const owner = account('owner', 'siteOwner');
    const share = shareAgreement([{ kind: 'netShare', id: 'share', percent: '10' }]);
    const of = (withoutEnergy: boolean, facts: Partial<ChargeFacts>) => {
      const made = world(driver, both(withoutEnergy), { tariff: flat, small: true, facts, site: { ...ownSite, ownerAccountId: 'owner' }, accounts: [owner] });
      return chargesOf({ ...made, agreements: { ...made.agreements, owner: [share] } }).map((c) => [c.component, c.clause, c.netMinor, c.grossMinor]);
    };
    // 60 minutes at 1.003 are 60.18, with VAT 75.225 → 75.23, of that 15.046 → 15.05 VAT: net 60.18. The fee of 0.003 that is written off rounds by itself, to nothing. Of 60.18 the owner earns 6.018 → 6.02.
    expect(of(true, empty)).toEqual([
      ['FLAT/0', 'smallSession', 0n, 0n],
      ['idle/idle', 'idle', 6018n, 7523n],
      ['netShare/share', 'share', 602n, 602n],
    ]);
    expect(of(false, empty)).toEqual([['FLAT/0', 'smallSession', 0n, 0n]]);
    // A little energy is no idling without any: nothing of it is billed.
    expect(of(true, { ...empty, energyWh: 100, periods: [{ ...empty.periods[0], energyWh: 100 }] as never }).map(([component, clause]) => [component, clause])).toEqual([
      ['FLAT/0', 'smallSession'],
      ['ENERGY/free', 'smallSession'],
    ]);
  });
  it('price by the customer’s own list in its scope, by the segment’s elsewhere', () => {
    const list = supply({ kind: 'priceList', id: 'own', tariffId: 'special', scope: { siteIds: ['s'] } });
    const more = { tariffs: { special: perKwh('2.00') } };
    expect(billed(fleet, list, more)).toEqual([['ENERGY/0', 6000n, 7500n]]);
    expect(billed(fleet, list, { ...more, site: { ...ownSite, siteId: 'elsewhere' } })).toEqual([['ENERGY/0', 9000n, 11250n]]);
  });
  it('do nothing while the contract is paused', () => {
    expect(billed(fleet, { ...supply({ kind: 'startFee', id: 'start', amount: '5.00' }), status: 'paused' })).toEqual([['ENERGY/0', 9000n, 11250n]]);
  });
});

describe('what stands in the way of a session is named before anything is booked', () => {
  it('two price lists that match', () => {
    const two = supply({ kind: 'priceList', id: 'a', tariffId: 'x' }, { kind: 'priceList', id: 'b', tariffId: 'y' });
    expect(blockedBy(world(fleet, two, { tariffs: { x: perKwh('1'), y: perKwh('2') } }))).toEqual(['ambiguousClause']);
  });
  it('a price list whose tariff is not there', () => {
    expect(blockedBy(world(fleet, supply({ kind: 'priceList', id: 'a', tariffId: 'gone' })))).toEqual(['missingTariff']);
  });
  it('a contract that has ended, none at all, and two', () => {
    expect(blockedBy(world(fleet, { ...supply(), status: 'ended' }))).toEqual(['missingContract']);
    expect(blockedBy({ payer: fleet, tariff: perKwh('3'), agreements: { fleet: [] } })).toEqual(['missingContract']);
    expect(blockedBy({ payer: fleet, tariff: perKwh('3'), agreements: { fleet: [supply(), supply()] } })).toEqual(['ambiguousContract']);
  });
  it('an account of the chart that is not mapped', () => {
    const clause = supply({ kind: 'startFee', id: 'start', amount: '5.00' });
    const unmapped = { ...world(fleet, clause), entity: { ...seller, glAccounts: new Map([['revenue.driverSale', '3001']]) } };
    expect(blockedBy(unmapped)).toEqual(['unmappedAccount']);
  });
  it('a tariff in another currency than the account', () => {
    expect(blockedBy(world({ ...fleet, currency: 'EUR' }, supply()))).toEqual(['currencyMismatch']);
  });
  it('an owner of the ground without a contract', () => {
    expect(blockedBy(world(fleet, supply(), { site: { ...ownSite, ownerAccountId: 'owner' } }))).toEqual(['missingOwnerContract']);
  });
  it('an agreement without a price source for the route, and one with two', () => {
    const sale = (...clauses: AgreementOf<'roamingSale'>['clauses']): AgreementOf<'roamingSale'> => ({ kind: 'roamingSale', status: 'active', currency: 'SEK', clauses });
    const of = (agreement: AgreementOf<'roamingSale'>) => blockedBy({ payer: emsp, tariff: perKwh('3'), agreements: { emsp: [agreement] } });
    expect(of(sale({ kind: 'priceSource', id: 'p', from: 'agreement', sourceIds: ['other'] }))).toEqual(['noPriceSource']);
    expect(of(sale({ kind: 'priceSource', id: 'p', from: 'agreement' }, { kind: 'priceSource', id: 'q', from: 'hub' }))).toEqual(['ambiguousClause']);
  });
});

describe('laws of clauses', () => {
  it('whatever they add and take, a consumer’s parts sum to the session rounded once, a discount leaves nothing below zero, and a mirror takes all back', () => {
    const price = fc.integer({ min: 0, max: 90_000 }).map((n) => (n / 10_000).toFixed(4));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 90_000 }), price, price, price, fc.integer({ min: 0, max: 100 }), (energyWh, kWh, off, fee, percent) => {
        const agreement = supply({ kind: 'discount', id: 'a', perKwh: off }, { kind: 'discount', id: 'b', percent: String(percent) }, { kind: 'startFee', id: 's', amount: fee });
        const list = chargesOf(world(driver, agreement, { tariff: perKwh(kWh), facts: { energyWh } }));
        const scaled = (text: string) => BigInt(text.replace('.', ''));
        // In ten-thousandths of a krona × Wh / 1000 × 100 %: exact, then × 1.25, rounded half up to öre.
        const full = scaled(kWh) * BigInt(energyWh);
        const afterFirst = full - (scaled(off) < scaled(kWh) ? scaled(off) : scaled(kWh)) * BigInt(energyWh);
        const net = afterFirst * BigInt(100 - percent) + scaled(fee) * 100_000n;
        const gross = (net * 125n + 500_000_000n) / 1_000_000_000n;
        expect(sum(list, (c) => c.grossMinor)).toBe(gross);
        expect(sum(list, (c) => c.energyWh)).toBe(BigInt(energyWh));
        expect(sum([...list, ...list.map(mirrorOf)], (c) => c.netMinor + c.grossMinor + c.bookNetMinor + c.energyWh)).toBe(0n);
      }),
    );
  });
});
