import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PartnerRules, partnerRulesSchema } from '../../src/contracts/partner-rules.ts';
import { describeIssue } from '../../src/core/issues.ts';
import { checkOutgoing, type OutgoingCdr } from '../../src/core/partner/check-outgoing.ts';
import { type ClaimedSession, claimClasses, classifyClaim } from '../../src/core/partner/classify-claim.ts';

const cdr: OutgoingCdr = {
  cdrId: 'WLT-1',
  creditOf: null,
  startAt: '2019-12-05T10:00:00Z',
  endAt: '2019-12-05T12:00:00Z',
  sessionId: 'S1',
  authorizationId: null,
  location: { evseId: 'SE*WLT*E1' },
  currency: 'SEK',
  tariff: null,
  periods: [{}, {}],
  energyWh: 10_500,
  cost: { total: { net: '30.9750' } },
};
const nowMs = Date.parse('2019-12-20T12:00:00Z');
const refused = (rules: object, more: Partial<OutgoingCdr> = {}) =>
  checkOutgoing({ ...cdr, ...more }, partnerRulesSchema.parse(rules), 'acc_emsp', nowMs).map((i) => [i.params['what'], i.params['computed'], i.params['limit']]);

describe('a CDR of ours, before it is sent', () => {
  it('passes a partner of which nothing is known', () => {
    expect(refused({})).toEqual([]);
  });
  // It ended 15 days before it is sent, lasts 7,200 s, has 10,500 Wh and costs 30.975.
  it.each([
    [{ maxAgeDays: 15 }, {}, undefined],
    [{ maxAgeDays: 14 }, {}, ['older than some days', 15, 14]],
    [{ minEnergyWh: 10_500 }, {}, undefined],
    [{ minEnergyWh: 10_501 }, {}, ['with less energy in Wh', 10_500, 10_501]],
    [{ maxEnergyWh: 10_499 }, {}, ['with more energy in Wh', 10_500, 10_499]],
    [{ minDurationS: 7201 }, {}, ['of fewer seconds', 7200, 7201]],
    [{ maxDurationS: 7199 }, {}, ['of more seconds', 7200, 7199]],
    [{ zeroCost: 'refuses' }, { cost: { total: { net: '0.0000' } } }, ['that cost nothing', '0.0000', 'a price']],
    [{ currencies: ['EUR', 'NOK'] }, {}, ['in another currency', 'SEK', 'EUR, NOK']],
    [{ needs: ['authorizationId'] }, {}, ['without authorizationId', 'none', 'authorizationId']],
    [{ needs: ['tariff'] }, {}, ['without tariff', 'none', 'tariff']],
    [{ maxIdLength: 4 }, {}, ['with a longer id', 5, 4]],
    [{ maxPeriods: 1 }, {}, ['with more periods', 2, 1]],
    [{ evseIdForm: 'emi3' }, {}, undefined],
    [{ evseIdForm: 'emi3' }, { location: { evseId: 'box 7' } }, ['with another form of EVSE id', 'box 7', 'eMI3']],
    [{ priceDecimals: 3 }, {}, undefined],
    [{ priceDecimals: 2 }, {}, ['with more decimals', 3, 2]],
  ])('%j: %j', (rules, more, found) => {
    expect(refused(rules, more)).toEqual(found === undefined ? [] : [found]);
  });
  it('that credits another is refused by who ignores credits, and by nothing that it only repeats', () => {
    const old = { creditOf: 'WLT-0', cost: { total: { net: '-30.9750' } } };
    expect(refused({ credits: 'refuses', maxAgeDays: 1 }, old)).toEqual([['that credit another', 'credit of WLT-0', 'settlement by document']]);
    expect(refused({ maxAgeDays: 1, minEnergyWh: 99_999 }, old)).toEqual([]);
  });
  it('is told everything at once, each with a remedy', () => {
    const issues = checkOutgoing(cdr, partnerRulesSchema.parse({ maxAgeDays: 1, needs: ['tariff'], currencies: ['EUR'] }), 'acc_emsp', nowMs);
    expect(issues.map((i) => describeIssue(i))).toHaveLength(3);
    expect(describeIssue(issues[0] as (typeof issues)[number])).toBe(
      'WLT-1: acc_emsp refuses CDRs older than some days: 15, where 1 holds. Mend what the CDR says, settle the session by document, or correct the profile of the partner.',
    );
  });
  it('is refused by no looser profile that a stricter one lets pass', () => {
    const limits = fc.record({ maxAgeDays: fc.nat(40), minEnergyWh: fc.nat(20_000), maxPeriods: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(limits, limits, (a, b) => {
        const stricter: PartnerRules = partnerRulesSchema.parse({
          maxAgeDays: Math.min(a.maxAgeDays, b.maxAgeDays),
          minEnergyWh: Math.max(a.minEnergyWh, b.minEnergyWh),
          maxPeriods: Math.min(a.maxPeriods, b.maxPeriods),
        });
        if (refused(stricter).length === 0) expect(refused(a)).toEqual([]);
        expect(refused(stricter).length).toBeGreaterThanOrEqual(refused(a).length);
      }),
    );
  });
});

describe('what a partner claims', () => {
  const session: ClaimedSession = { claimedMinor: 3098n, bookedMinor: 3098n, claimCurrency: 'SEK', currency: 'SEK', origin: 'partner', found: false };
  it.each([
    ['equal', {}],
    ['rounding', { claimedMinor: 3099n }],
    ['rounding', { claimedMinor: 3097n, found: true }],
    ['tolerated', { claimedMinor: 3120n }],
    ['differs', { claimedMinor: 4098n, found: true }],
    ['otherCurrency', { claimCurrency: 'EUR', found: true }],
    ['notSignificant', { origin: 'notSignificant' as const }],
    ['noClaim', { origin: null, claimCurrency: null, claimedMinor: null }],
  ] as const)('is %s', (expected, more) => {
    expect(classifyClaim({ ...session, ...more })).toBe(expected);
    expect(claimClasses).toContain(expected);
  });
});
