import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgreementOf } from '../../src/contracts/agreement.ts';
import type { Charge } from '../../src/core/allocate/charges.ts';
import type { SiteSetup } from '../../src/core/allocate/setup.ts';
import { account, blockedBy, chargesOf, driver, fleet, ownSite, type World } from '../support/session.ts';

const atHome: SiteSetup = { ...ownSite, siteId: 'h', kind: 'home', ownerAccountId: 'resident', costCenter: '900' };
const resident = account('resident', 'driver');
const agreement = (more: Partial<AgreementOf<'homeCharging'>> = {}): AgreementOf<'homeCharging'> => ({
  kind: 'homeCharging',
  status: 'active',
  payerAccountId: 'fleet',
  model: 'disbursement',
  price: { by: 'fixed', perKwh: '1.234' },
  resaleMarkupPerKwh: '0',
  ...more,
});
const world = (of: AgreementOf<'homeCharging'>, more: Partial<World> = {}): World => ({
  payer: fleet,
  site: atHome,
  accounts: [resident],
  agreements: { resident: [of] },
  facts: { energyWh: 10_500 },
  ...more,
});
const rows = (list: readonly Charge[]) => list.map((c) => [c.role, c.payerAccountId ?? c.payeeAccountId, c.netMinor, c.grossMinor, c.vatCode, c.energyWh, c.glAccount]);

describe('a fleet’s car charged at its driver’s home', () => {
  it('as disbursement: 10.5 kWh at 1.234 is 12.957, so 12.96 to the driver and from the fleet, outside VAT; the fleet carries the Wh', () => {
    expect(rows(chargesOf(world(agreement())))).toEqual([
      ['homeReimbursement', 'resident', 1296n, 1296n, 'SE-O', 0n, '2891'],
      ['homeRecharge', 'fleet', 1296n, 1296n, 'SE-O', 10_500n, '2891'],
    ]);
  });
  it('as resale: bought for 12.96 without VAT, sold at 1.434 for 15.057, so 15.06, with 25 %', () => {
    expect(rows(chargesOf(world(agreement({ model: 'resale', resaleMarkupPerKwh: '0.20' }))))).toEqual([
      ['homePurchase', 'resident', 1296n, 1296n, 'SE-O', 0n, '4030'],
      ['homeSale', 'fleet', 1506n, 1883n, 'SE25', 10_500n, '3004'],
    ]);
  });
  it('with a platform fee apart, with 25 %', () => {
    expect(rows(chargesOf(world(agreement({ platformFeePerSession: '2.50' })))).at(-1)).toEqual(['platformFee', 'fleet', 250n, 313n, 'SE25', 0n, '3013']);
  });
  it('counts metered energy only: what the vehicle told is evidence', () => {
    expect(blockedBy(world(agreement(), { facts: { energyWh: 10_500, measuredBy: 'vehicle' } }))).toEqual(['evidenceOnly']);
  });
  it('is named when the token is not the fleet’s, when the resident has no contract, and when the currencies differ', () => {
    expect(blockedBy(world(agreement(), { payer: driver }))).toEqual(['homeNotTheFleets']);
    expect(blockedBy(world(agreement({ status: 'paused' })))).toEqual(['missingHomeContract']);
    expect(blockedBy(world(agreement(), { accounts: [{ ...resident, currency: 'NOK' }] }))).toEqual(['homeCurrencies']);
  });
  it('nets to zero per record as disbursement, whatever the energy and the price', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 0, max: 99_999 }), (energyWh, price) => {
        const [paid, billed] = chargesOf(world(agreement({ price: { by: 'fixed', perKwh: (price / 10_000).toFixed(4) } }), { facts: { energyWh } }));
        expect([paid?.netMinor, paid?.grossMinor, paid?.bookNetMinor]).toEqual([billed?.netMinor, billed?.grossMinor, billed?.bookNetMinor]);
        expect(billed?.energyWh).toBe(BigInt(energyWh));
      }),
    );
  });
});
