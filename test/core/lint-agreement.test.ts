import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Agreement, agreementSchema } from '../../src/contracts/agreement.ts';
import type { Known } from '../../src/core/agreement/known.ts';
import { lintAgreement } from '../../src/core/agreement/lint-agreement.ts';
import { messageOf, remedyOf } from '../../src/core/issues.ts';

const known = (kind: Agreement['kind'], more: Partial<Known> = {}): Known => ({
  contract: { id: 'ctr', kind },
  account: { id: 'acc_own', currency: 'SEK' },
  tariffs: new Map([
    ['night', 'SEK'],
    ['euro', 'EUR'],
  ]),
  sites: new Map([
    ['site_a', 'own'],
    ['site_b', 'home'],
    ['site_c', 'own'],
    ['site_f', 'foreign'],
  ]),
  accounts: new Map([
    ['acc_other', 'siteOwner'],
    ['acc_fleet', 'fleet'],
    ['acc_own', 'siteOwner'],
    ['acc_fleet_eur', 'fleet'],
  ]),
  currencies: new Map([
    ['acc_fleet', 'SEK'],
    ['acc_fleet_eur', 'EUR'],
  ]),
  sourceIds: new Set(['peer', 'hub']),
  series: new Map([
    ['se3', 'SEK'],
    ['fi', 'EUR'],
  ]),
  ...more,
});
const lint = (agreement: object, more: Partial<Known> = {}) => {
  const parsed = agreementSchema.parse({ status: 'active', ...agreement });
  return lintAgreement(parsed, known(parsed.kind, more));
};
const found = (agreement: object, more: Partial<Known> = {}) => lint(agreement, more).map((i) => [i.code, i.severity]);
const supply = (...clauses: object[]) => ({ kind: 'supply', clauses });
const sale = (from: string, ...clauses: object[]) => ({ kind: 'roamingSale', currency: 'SEK', clauses: [{ kind: 'priceSource', id: 'price', from }, ...clauses] });
const shares = (clauses: object[], rest: object = {}) => ({ kind: 'revenueShare', supplyModel: 'siteAccess', clauses, ...rest });
const blocks = (code: string) => [[code, 'blocks']];

describe('an agreement that is as it should be', () => {
  it.each<[string, object]>([
    [
      'a supply with prices by site, discounts that add up and allowances',
      supply(
        { kind: 'priceList', id: 'night', tariffId: 'night', scope: { siteIds: ['site_a'] } },
        { kind: 'priceList', id: 'abroad', tariffId: 'night', scope: { siteKinds: ['foreign'] } },
        { kind: 'discount', id: 'loyal', percent: '5' },
        { kind: 'discount', id: 'summer', perKwh: '0.10', from: '2026-06-01', to: '2026-09-01' },
        {
          kind: 'tiers',
          id: 'volume',
          steps: [
            { fromKwh: '100', discountPerKwh: '0.10' },
            { fromKwh: '500', discountPerKwh: '0.20' },
          ],
        },
        { kind: 'included', id: 'pool', kWhPerMonth: '50' },
        { kind: 'included', id: 'extra', kWhPerMonth: '10' },
      ),
    ],
    [
      'a sale to an eMSP with a price source for each route',
      {
        kind: 'roamingSale',
        currency: 'SEK',
        clauses: [
          { kind: 'priceSource', id: 'peer', from: 'agreement', sourceIds: ['peer'] },
          { kind: 'priceSource', id: 'hub', from: 'hub', sourceIds: ['hub'] },
          { kind: 'priceSource', id: 'else', from: 'ocpiTariff' },
        ],
      },
    ],
    // 40 and at most 60 of the base; of that 70 % go to somebody else.
    [
      'shares that take exactly the whole, split further',
      shares(
        [
          { kind: 'netShare', id: 'share', percent: '40' },
          {
            kind: 'tieredShare',
            id: 'steps',
            by: 'net',
            steps: [
              { from: '0', percent: '10' },
              { from: '1000', percent: '60' },
            ],
          },
        ],
        { beneficiaries: [{ accountId: 'acc_other', percent: '70' }] },
      ),
    ],
    // At no site more than 70 %: 60 + 10 at the first, 50 + 10 at the second.
    [
      'shares of different sites that only together are above the whole',
      shares([
        { kind: 'netShare', id: 'all', percent: '10' },
        { kind: 'netShare', id: 'a', percent: '60', scope: { siteIds: ['site_a'] } },
        { kind: 'netShare', id: 'c', percent: '50', scope: { siteIds: ['site_c'] } },
      ]),
    ],
    ['home charging as an outlay at the price of a series', { kind: 'homeCharging', payerAccountId: 'acc_fleet', model: 'disbursement', price: { by: 'series', seriesId: 'se3', addPerKwh: '-0.05' } }],
  ])('passes: %s', (_, agreement) => {
    expect(lint(agreement)).toEqual([]);
  });
});

describe('what blocks an agreement', () => {
  it.each<[string, object, string]>([
    [
      'shares of the base above 100 %: 60 + 40.5',
      shares([
        { kind: 'netShare', id: 'a', percent: '60' },
        { kind: 'netShare', id: 'b', percent: '40.5' },
      ]),
      'shareAboveWhole',
    ],
    [
      'a share and the highest step above 100 %: 50 + 60',
      shares([
        { kind: 'netShare', id: 'a', percent: '50' },
        {
          kind: 'tieredShare',
          id: 'b',
          by: 'kWh',
          steps: [
            { from: '0', percent: '60' },
            { from: '10', percent: '20' },
          ],
        },
      ]),
      'shareAboveWhole',
    ],
    [
      'shares above 100 % at one site: 60 + 41',
      shares([
        { kind: 'netShare', id: 'a', percent: '60', scope: { siteIds: ['site_a', 'site_c'] } },
        { kind: 'netShare', id: 'b', percent: '41', scope: { siteIds: ['site_c'] } },
        { kind: 'netShare', id: 'c', percent: '40', scope: { siteIds: ['site_a'] } },
      ]),
      'shareAboveWhole',
    ],
    [
      'parts of beneficiaries above 100 %: 60 + 41',
      shares([{ kind: 'netShare', id: 'a', percent: '10' }], {
        beneficiaries: [
          { accountId: 'acc_other', percent: '60' },
          { accountId: 'acc_fleet', percent: '41' },
        ],
      }),
      'shareAboveWhole',
    ],
    ['a beneficiary that is the owner itself', shares([{ kind: 'netShare', id: 'a', percent: '10' }], { beneficiaries: [{ accountId: 'acc_own', percent: '5' }] }), 'beneficiaryTwice'],
    ['a beneficiary that does not exist', shares([{ kind: 'netShare', id: 'a', percent: '10' }], { beneficiaries: [{ accountId: 'acc_nobody', percent: '5' }] }), 'unknownReference'],
    ['a negative fee', supply({ kind: 'fee', id: 'fee', amount: '-1' }), 'negativeFigure'],
    ['a negative price per kWh', shares([{ kind: 'passThrough', id: 'power', price: { by: 'fixed', perKwh: '-0.5' } }]), 'negativeFigure'],
    ['a negative step', supply({ kind: 'tiers', id: 'volume', steps: [{ fromKwh: '0', discountPerKwh: '-0.1' }] }), 'negativeFigure'],
    ['two clauses of one name', supply({ kind: 'fee', id: 'fee', amount: '1' }, { kind: 'included', id: 'fee', kWhPerMonth: '1' }), 'clauseRepeated'],
    ['two price lists for all sessions', supply({ kind: 'priceList', id: 'a', tariffId: 'night' }, { kind: 'priceList', id: 'b', tariffId: 'night' }), 'clausesOverlap'],
    [
      'two price lists that meet at one site',
      supply({ kind: 'priceList', id: 'a', tariffId: 'night', scope: { siteIds: ['site_f'] } }, { kind: 'priceList', id: 'b', tariffId: 'night', scope: { siteKinds: ['foreign'] } }),
      'clausesOverlap',
    ],
    [
      'two price sources for one route',
      {
        kind: 'roamingSale',
        currency: 'SEK',
        clauses: [
          { kind: 'priceSource', id: 'a', from: 'agreement', sourceIds: ['peer', 'hub'] },
          { kind: 'priceSource', id: 'b', from: 'hub', sourceIds: ['hub'] },
        ],
      },
      'clausesOverlap',
    ],
    [
      'steps out of order',
      supply({
        kind: 'tiers',
        id: 'volume',
        steps: [
          { fromKwh: '500', discountPerKwh: '0.2' },
          { fromKwh: '100', discountPerKwh: '0.1' },
        ],
      }),
      'tiersOutOfOrder',
    ],
    [
      'a step that comes twice',
      shares([
        {
          kind: 'tieredShare',
          id: 's',
          by: 'net',
          steps: [
            { from: '0', percent: '1' },
            { from: '0.0', percent: '2' },
          ],
        },
      ]),
      'tiersOutOfOrder',
    ],
    ['shared steps that leave the start open', shares([{ kind: 'tieredShare', id: 's', by: 'net', steps: [{ from: '100', percent: '1' }] }]), 'tiersStart'],
    ['a discount without a figure', supply({ kind: 'discount', id: 'd' }), 'clauseSaysNothing'],
    ['a discount with two', supply({ kind: 'discount', id: 'd', percent: '5', perKwh: '0.1' }), 'clauseSaysTwo'],
    ['a discount above 100 %', supply({ kind: 'discount', id: 'd', percent: '100.5' }), 'discountAboveWhole'],
    ['a campaign that ends before it begins', supply({ kind: 'discount', id: 'd', percent: '5', from: '2026-09-01', to: '2026-06-01' }), 'campaignBackwards'],
    ['a campaign of no day', supply({ kind: 'discount', id: 'd', percent: '5', from: '2026-09-01', to: '2026-09-01' }), 'campaignBackwards'],
    ['an unknown tariff', supply({ kind: 'priceList', id: 'a', tariffId: 'day' }), 'unknownReference'],
    ['a tariff of another currency', supply({ kind: 'priceList', id: 'a', tariffId: 'euro' }), 'currencyMismatch'],
    ['an unknown site', supply({ kind: 'startFee', id: 'a', amount: '1', scope: { siteIds: ['site_x'] } }), 'unknownReference'],
    ['a price series in another currency', shares([{ kind: 'passThrough', id: 'power', price: { by: 'series', seriesId: 'fi' } }]), 'priceSeriesCurrency'],
    ['an unknown price series', shares([{ kind: 'passThrough', id: 'power', price: { by: 'series', seriesId: 'se9' } }]), 'unknownReference'],
    ['a price list for homes, where the driver’s contract sets the price', supply({ kind: 'priceList', id: 'a', tariffId: 'night', scope: { siteKinds: ['home'] } }), 'clauseOutOfReach'],
    ['an allowance at a home alone', supply({ kind: 'included', id: 'a', kWhPerMonth: '50', scope: { siteIds: ['site_b'] } }), 'clauseOutOfReach'],
    ['a markup of other operators’ prices at our own site', supply({ kind: 'roamingPrice', id: 'a', markupPercent: '5', scope: { siteIds: ['site_a'] } }), 'clauseOutOfReach'],
    ['a discount at other operators’ sites of whom only charges at ours', sale('agreement', { kind: 'discount', id: 'd', percent: '5', scope: { siteKinds: ['foreign'] } }), 'clauseOutOfReach'],
    ['a share of what another operator’s site earns', shares([{ kind: 'netShare', id: 'a', percent: '5', scope: { siteIds: ['site_f'] } }]), 'clauseOutOfReach'],
    ['a discount on what a hub computes', sale('hub', { kind: 'discount', id: 'd', percent: '5' }), 'clauseOnHubPrice'],
    ['a tariff for what a hub computes', { kind: 'roamingSale', currency: 'SEK', clauses: [{ kind: 'priceSource', id: 'a', from: 'hub', tariffId: 'night' }] }, 'clauseSaysTwo'],
    ['an unknown source', { kind: 'roamingPurchase', currency: 'SEK', clauses: [{ kind: 'priceSource', id: 'a', from: 'hub', sourceIds: ['csms-9'] }] }, 'unknownReference'],
    ['a currency that is not the account’s', { kind: 'roamingPurchase', currency: 'EUR', clauses: [{ kind: 'priceSource', id: 'a', from: 'hub' }] }, 'agreementCurrency'],
    [
      'two price sources for all other routes',
      {
        kind: 'roamingPurchase',
        currency: 'SEK',
        clauses: [
          { kind: 'priceSource', id: 'a', from: 'hub' },
          { kind: 'priceSource', id: 'b', from: 'ocpiTariff' },
        ],
      },
      'clausesOverlap',
    ],
    ['a purchase by roaming without a price', { kind: 'roamingPurchase', currency: 'SEK', clauses: [] }, 'noPriceSource'],
    ['a sale by roaming without a price', { kind: 'roamingSale', currency: 'SEK', clauses: [] }, 'noPriceSource'],
    ['home charging that somebody pays who is no fleet', { kind: 'homeCharging', payerAccountId: 'acc_other', model: 'resale', price: { by: 'fixed', perKwh: '1' } }, 'unknownReference'],
    [
      'home charging that a fleet pays in another currency than its driver has',
      { kind: 'homeCharging', payerAccountId: 'acc_fleet_eur', model: 'disbursement', price: { by: 'fixed', perKwh: '1' } },
      'homeCurrencies',
    ],
    ['an outlay with a markup', { kind: 'homeCharging', payerAccountId: 'acc_fleet', model: 'disbursement', price: { by: 'fixed', perKwh: '1' }, resaleMarkupPerKwh: '0.1' }, 'markupOnOutlay'],
  ])('%s', (_, agreement, code) => {
    expect(found(agreement)).toEqual(blocks(code));
  });

  it('an agreement of another kind than the contract', () => {
    expect(found(supply(), { contract: { id: 'ctr', kind: 'roamingSale' } })).toEqual(blocks('wrongAgreementKind'));
  });

  it('names the clause and says what to do', () => {
    const [issue] = lint(supply({ kind: 'fee', id: 'monthly', amount: '-12.50' }));
    expect(issue && [messageOf(issue), remedyOf(issue.code), issue.subject]).toEqual(['amount of monthly is -12.50', 'Use a figure from 0 on; what is given back is a clause of its own.', 'ctr']);
  });
});

describe('what is only to be looked at', () => {
  it('is a contract that goes on after it was ended, and not one that stays ended or was paused', () => {
    const behind = (status: string) => ({ previous: { version: 2, status } });
    expect(found(supply(), behind('ended'))).toEqual([['contractGap', 'warns']]);
    expect(found({ ...supply(), status: 'ended' }, behind('ended'))).toEqual([]);
    expect(found(supply(), behind('paused'))).toEqual([]);
  });
  it('is two start fees at one place, and an owner who gets nothing', () => {
    expect(found(supply({ kind: 'startFee', id: 'a', amount: '1' }, { kind: 'startFee', id: 'b', amount: '2', scope: { siteKinds: ['own'] } }))).toEqual([['clausesOverlap', 'warns']]);
    expect(found(shares([]))).toEqual([['noShareClause', 'warns']]);
  });
});

describe('the lint', () => {
  it('lets any set of shares pass that sums to at most the whole, and no other', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 6000 }), { minLength: 1, maxLength: 5 }), (hundredths) => {
        const clauses = hundredths.map((h, i) => ({ kind: 'netShare', id: `s${i}`, percent: (h / 100).toFixed(2) }));
        const total = hundredths.reduce((sum, h) => sum + h, 0);
        expect(found(shares(clauses)).length).toBe(total > 10_000 ? 1 : 0);
      }),
    );
  });
});
