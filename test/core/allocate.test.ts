import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgreementOf } from '../../src/contracts/agreement.ts';
import type { ChargeFacts } from '../../src/contracts/charge-record.ts';
import { type Charge, mirrorOf } from '../../src/core/allocate/charges.ts';
import type { PayerSetup, SiteSetup } from '../../src/core/allocate/setup.ts';
import { account, blockedBy, fleet as business, chargesOf, driver as consumer, emsp, perKwh as energy, ownSite, type World } from '../support/session.ts';
import { shareAgreement } from '../support/share.ts';

/** Charges of a session of `energyWh` and two hours under a tariff of these components and limits. */
const charges = (payer: PayerSetup, energyWh: number, tariff: object, site: SiteSetup = ownSite, more: Partial<World> = {}): Charge[] =>
  chargesOf({ payer, site, tariff, facts: { energyWh }, ...more });
const money = (list: readonly Charge[]) => list.map((c) => [c.component, c.netMinor, c.grossMinor]);
const sum = (list: readonly Charge[], pick: (c: Charge) => bigint) => list.reduce((total, c) => total + pick(c), 0n);

describe('charges of a session, by hand', () => {
  it('round each component’s net once for a business: 10.5 kWh at 2.234 is 23.457, so 23.46; 25 % of it is 5.865, so 5.87', () => {
    expect(money(charges(business, 10_500, energy('2.234')))).toEqual([['ENERGY/0', 2346n, 2933n]]);
  });
  it('round the session’s gross once for a consumer: 10.5 kWh at 2.65 with 25 % is 34.78125, so 34.78, of which 6.96 VAT', () => {
    expect(money(charges(consumer, 10_500, energy('2.65')))).toEqual([['ENERGY/0', 2782n, 3478n]]);
  });
  it('keep the sign of each part of a consumer’s session: a fee of 5.00 and 20 kWh at −0.10 are 6.25 and −2.50 of 3.75', () => {
    const spot = {
      elements: [
        {
          price_components: [
            { type: 'FLAT', price: '5', vat: '25', step_size: 1 },
            { type: 'ENERGY', price: '-0.10', vat: '25', step_size: 1 },
          ],
        },
      ],
    };
    expect(money(charges(business, 20_000, spot))).toEqual([
      ['FLAT/0', 500n, 625n],
      ['ENERGY/0', -200n, -250n],
    ]);
    expect(money(charges(consumer, 20_000, spot))).toEqual([
      ['FLAT/0', 500n, 625n],
      ['ENERGY/0', -200n, -250n],
    ]);
    // At its maximum of 2.00 gross 1.75 are cut off; nothing else changes.
    expect(money(charges(consumer, 20_000, { ...spot, max_price: { excl_vat: '1.60', incl_vat: '2.00' } })).map(([, , gross]) => gross)).toEqual([625n, -250n, -175n]);
  });
  it('give a business the maximum without VAT: 30 kWh at 2.65 is 79.50, the cap of 50 takes 29.50 away', () => {
    expect(money(charges(business, 30_000, { ...energy('2.65'), max_price: { excl_vat: '50', incl_vat: '62.50' } }))).toEqual([
      ['ENERGY/0', 7950n, 9938n],
      ['max_price', -2950n, -3688n],
    ]);
  });
  it('give a consumer the maximum with VAT: 99.375 is 99.38, the cap of 62.50 takes 36.88 away', () => {
    expect(money(charges(consumer, 30_000, { ...energy('2.65'), max_price: { excl_vat: '50', incl_vat: '62.50' } }))).toEqual([
      ['ENERGY/0', 7950n, 9938n],
      ['max_price', -2950n, -3688n],
    ]);
  });
  it('derive the consumer’s cap from the net one where the tariff states no other: 50 with 25 % is 62.50', () => {
    const capped = charges(consumer, 30_000, { ...energy('2.65'), max_price: '50' });
    expect(sum(capped, (c) => c.grossMinor)).toBe(6250n);
  });
  it('leave the consumer alone where only the net cap bites: 9.00 net is above 8, 11.25 gross below 20', () => {
    const limits = { ...energy('0.30'), max_price: { excl_vat: '8', incl_vat: '20' } };
    expect(money(charges(consumer, 30_000, limits))).toEqual([['ENERGY/0', 900n, 1125n]]);
    expect(sum(charges(business, 30_000, limits), (c) => c.netMinor)).toBe(800n);
  });
  it('add a line up to the minimum: 1 kWh at 2 is 2.00, the minimum of 12.34 adds 10.34', () => {
    expect(money(charges(business, 1000, { ...energy('2'), min_price: '12.34' }))).toEqual([
      ['ENERGY/0', 200n, 250n],
      ['min_price', 1034n, 1293n],
    ]);
  });
  it('give the owner its share of the net after the limit: 10 % of 50.00 is 5.00', () => {
    const shared = {
      accounts: [account('o', 'siteOwner')],
      agreements: {
        o: [
          {
            kind: 'revenueShare' as const,
            status: 'active' as const,
            supplyModel: 'siteAccess' as const,
            basis: 'billed' as const,
            writtenOffAtOurCost: false,
            beneficiaries: [],
            negativeMonth: 'carry' as const,
            sharesLosses: false,
            clauses: [{ kind: 'netShare' as const, id: 'share', percent: '10' }],
          },
        ],
      },
    };
    const share = charges(business, 30_000, { ...energy('2.65'), max_price: '50' }, { ...ownSite, ownerAccountId: 'o' }, shared).at(-1);
    expect(share).toMatchObject({ role: 'siteShareEstimate', netMinor: 500n, payeeAccountId: 'o', costCenter: '100', energyWh: 0n });
  });
  it('take the amounts of an owner’s contract in SEK at the day’s rate where the session is sold in EUR', () => {
    // 30 kWh at 0.35 EUR are 10.50; one EUR is 10.50 SEK. A fee of 2.10 SEK is 0.20 EUR, electricity of 30 × 0.84 = 25.20 SEK 2.40: 10 % of 7.90 is 0.79.
    // 30 × 0.105 = 3.15 SEK are 0.30 EUR, and 1.05 SEK 0.10.
    const clauses = [
      { kind: 'deduct', id: 'fee', what: 'roamingFee', perSession: '2.10' },
      { kind: 'passThrough', id: 'power', price: { by: 'fixed', perKwh: '0.84' } },
      { kind: 'netShare', id: 'share', percent: '10' },
      { kind: 'perKwh', id: 'ground', amount: '0.105' },
      { kind: 'perSession', id: 'visit', amount: '1.05' },
    ];
    const sale: AgreementOf<'roamingSale'> = { kind: 'roamingSale', status: 'active', currency: 'EUR', clauses: [{ kind: 'priceSource', id: 'p', from: 'agreement' }] };
    const agreements = (own: Parameters<typeof shareAgreement>[0]) => ({ o: [shareAgreement(own)], emsp: [sale] });
    const abroad = { payer: { ...emsp, currency: 'EUR' }, site: { ...ownSite, ownerAccountId: 'o' }, tariff: { currency: 'EUR', ...energy('0.35') }, accounts: [account('o', 'siteOwner')] };
    const list = chargesOf({ ...abroad, agreements: agreements(clauses) });
    expect(list.map((c) => [c.component, c.currency, c.netMinor, c.unitPrice])).toEqual([
      ['ENERGY/0', 'EUR', 1050n, '0.35'],
      ['passThrough/power', 'EUR', 240n, '0.08'],
      ['netShare/share', 'EUR', 79n, '10'],
      ['perKwh/ground', 'EUR', 30n, '0.01'],
      ['perSession/visit', 'EUR', 10n, '0.1'],
    ]);
    // A percentage needs no rate; an amount waits for one.
    const ofDay = { ...abroad, accounts: [account('o', 'siteOwner', { currency: 'DKK' })] };
    expect(chargesOf({ ...ofDay, agreements: agreements(clauses.slice(2, 3)) }).at(-1)).toMatchObject({ currency: 'EUR', netMinor: 105n });
    expect(blockedBy({ ...ofDay, agreements: agreements(clauses) })).toEqual(['missingFxRate']);
  });

  it('price what was reserved before: 15 minutes at 4.00 an hour and a fee of 2.00, which with 30 kWh at 3.00 come to 93.00; one that lapsed by its own prices', () => {
    const element = (reservation: string | undefined, ...prices: readonly (readonly [type: string, price: string])[]) => ({
      ...(reservation === undefined ? {} : { restrictions: { reservation } }),
      price_components: prices.map(([type, price]) => ({ type, price, vat: '25', step_size: 1 })),
    });
    const tariff = { elements: [element('RESERVATION', ['TIME', '4.00'], ['FLAT', '2.00']), element('RESERVATION_EXPIRES', ['FLAT', '9.00']), element(undefined, ['ENERGY', '3.00'])] };
    const period = (startAt: string, energyWh: number, reservedSeconds?: number) => ({
      startAt,
      energyWh,
      chargingSeconds: energyWh === 0 ? 0 : 3600,
      parkingSeconds: 0,
      ...(reservedSeconds === undefined ? {} : { reservedSeconds }),
    });
    const reserved = period('2019-12-05T10:00:00Z', 0, 900);
    const nets = (facts: Partial<ChargeFacts>) => charges(business, facts.energyWh ?? 0, tariff, ownSite, { facts }).map((c) => [c.component, c.netMinor, c.energyWh]);
    expect(nets({ energyWh: 30_000, periods: [reserved, period('2019-12-05T10:15:00Z', 30_000)] })).toEqual([
      ['RESERVATION_FLAT/0', 200n, 0n],
      ['RESERVATION_TIME/0', 100n, 0n],
      ['ENERGY/2', 9000n, 30_000n],
    ]);
    // Corrected, and split anew, it had been reserved all the same: 20 kWh at 3.00.
    const whole = { startAt: '2019-12-05T10:00:00Z', endAt: '2019-12-05T11:15:00Z', periods: 'unsplit' } as const;
    expect(nets({ ...whole, energyWh: 20_000, reservedUntil: '2019-12-05T10:15:00Z' })).toEqual([
      ['RESERVATION_FLAT/0', 200n, 0n],
      ['RESERVATION_TIME/0', 100n, 0n],
      ['ENERGY/2', 6000n, 20_000n],
    ]);
    expect(nets({ ...whole, energyWh: 0, endAt: '2019-12-05T10:15:00Z', reservedUntil: '2019-12-05T10:15:00Z' })).toEqual([
      ['RESERVATION_FLAT/1', 900n, 0n],
      ['RESERVATION_TIME/0', 100n, 0n],
    ]);
    // It goes before the fee of one that was used; the time, which it does not name, is priced as there.
    expect(nets({ energyWh: 0, periods: [reserved] })).toEqual([
      ['RESERVATION_FLAT/1', 900n, 0n],
      ['RESERVATION_TIME/0', 100n, 0n],
    ]);
  });

  it('price by the power that a period reached: 20 kWh at 50 kW and 10 kWh at 11 kW, at 5.00 from 22 kW on and 3.00 below, are 100.00 and 30.00', () => {
    const at = (price: string, restrictions?: object) => ({ ...(restrictions === undefined ? {} : { restrictions }), price_components: [{ type: 'ENERGY', price, vat: '25', step_size: 1 }] });
    const period = (startAt: string, energyWh: number, maxPower?: number) => ({
      startAt,
      energyWh,
      chargingSeconds: 1800,
      parkingSeconds: 0,
      ...(maxPower === undefined ? {} : { readings: { maxPower } }),
    });
    const nets = (...powers: (number | undefined)[]) => {
      const periods = [period('2019-12-05T10:00:00Z', 20_000, powers[0]), period('2019-12-05T11:00:00Z', 10_000, powers[1])];
      return charges(business, 30_000, { elements: [at('5.00', { min_power: '22' }), at('3.00')] }, ownSite, { facts: { energyWh: 30_000, periods } }).map((c) => c.netMinor);
    };
    expect(nets(50, 11)).toEqual([10_000n, 3000n]);
    // Not told, it counts as met.
    expect(nets(50, undefined)).toEqual([15_000n]);
  });
});

describe('laws of charges', () => {
  const price = fc.integer({ min: 0, max: 100_000 }).map((n) => (n / 10_000).toFixed(4));
  const limit = fc.option(
    fc.integer({ min: 0, max: 20_000 }).map((n) => (n / 100).toFixed(2)),
    { nil: undefined },
  );
  it('every Wh has a bearer, the limit holds to the minor unit, and a mirror takes all of it back', () => {
    fc.assert(
      fc.property(fc.constantFrom(business, consumer), fc.integer({ min: 0, max: 100_000 }), price, price, limit, limit, (payer, wh, kWhPrice, flat, min, max) => {
        const tariff = {
          elements: [
            {
              price_components: [
                { type: 'ENERGY', price: kWhPrice, vat: '25', step_size: 1 },
                { type: 'FLAT', price: flat, vat: '25', step_size: 1 },
              ],
            },
          ],
          ...(min === undefined ? {} : { min_price: min }),
          ...(max === undefined ? {} : { max_price: max }),
        };
        const list = charges(payer, wh, tariff);
        expect(sum(list, (c) => c.energyWh)).toBe(BigInt(wh));
        const minor = (text: string) => BigInt(text.replace('.', ''));
        const total = sum(list, (c) => (payer === business ? c.netMinor : c.grossMinor));
        const scale = (text: string) => (payer === business ? minor(text) : (minor(text) * 125n + 50n) / 100n);
        if (max !== undefined) expect(total).toBeLessThanOrEqual(scale(max));
        if (min !== undefined && (max === undefined || Number(min) <= Number(max))) expect(total).toBeGreaterThanOrEqual(scale(min));
        const all = [...list, ...list.map(mirrorOf)];
        for (const pick of [(c: Charge) => c.netMinor, (c: Charge) => c.grossMinor, (c: Charge) => c.energyWh]) expect(sum(all, pick)).toBe(0n);
      }),
    );
  });
});
