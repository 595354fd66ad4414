import { describe, expect, it } from 'vitest';
import type { ChargeFacts } from '../../src/contracts/charge-record.ts';
import { ruleProfileSchema } from '../../src/contracts/rule-profile.ts';
import type { Charge } from '../../src/core/allocate/charges.ts';
import { describeIssue } from '../../src/core/issues.ts';
import { checkFacts } from '../../src/core/plausibility/check-facts.ts';
import { checkPrice } from '../../src/core/plausibility/check-price.ts';
import { betterTwin, checkOverlaps, issueOfTwin, type Span, weakerTwins } from '../../src/core/plausibility/neighbours.ts';
import { ownerOf, unknownSettings } from '../../src/core/plausibility/rules.ts';

const defaults = ruleProfileSchema.parse({});
const receivedMs = Date.UTC(2019, 11, 6);
/** Three hours at an 11 kW connector: 10.5 kWh. */
const clean: ChargeFacts = {
  sourceId: 'csms',
  ownerCountry: 'SE',
  ownerParty: 'WLT',
  cdrId: '1',
  externalIds: { cdr: '1' },
  siteKey: 'A',
  tokenRef: 't1',
  startAt: '2019-12-05T18:00:00Z',
  endAt: '2019-12-05T21:00:00Z',
  energyWh: 10_500,
  periods: 'unsplit',
};
const found = (change: Partial<ChargeFacts>, profile: object = {}, category?: 'driver' | 'fleet') =>
  checkFacts({ ...clean, ...change }, { profile: ruleProfileSchema.parse(profile), category, receivedMs, connectorPowerW: 11_000, anonymousTokens: new Set(['nobody']) }).map((i) => ({
    code: i.code,
    severity: i.severity,
    computed: i.params['computed'],
    limit: i.params['limit'],
  }));

describe('the rules on one session', () => {
  it('finds nothing in a clean one', () => {
    expect(found({})).toEqual([]);
  });

  // Each worked by hand; the limit is the last value that passes.
  it.each<[string, Partial<ChargeFacts>, object]>([
    ['a charger without a clock', { startAt: '1970-01-01T00:00:00Z', endAt: '1970-01-01T03:00:00Z' }, { code: 'placeholderTime', severity: 'blocks', limit: 2000 }],
    ['an end before the start', { endAt: '2019-12-05T17:59:59Z' }, { code: 'endBeforeStart', severity: 'blocks' }],
    // Received at midnight; 00:05:01 is 301 s ahead.
    ['a start in the future', { startAt: '2019-12-06T00:05:01Z', endAt: '2019-12-06T03:00:00Z' }, { code: 'futureStart', severity: 'blocks', computed: 301, limit: 300 }],
    ['charging after the end', { chargingEndAt: '2019-12-05T21:01:01Z' }, { code: 'chargingOutsideSession', severity: 'warns' }],
    [
      'a period before the start',
      { periods: [{ startAt: '2019-12-05T17:00:00Z', energyWh: 10_500, chargingSeconds: 10_800, parkingSeconds: 0 }] },
      { code: 'chargingOutsideSession', severity: 'warns' },
    ],
    ['negative energy', { energyWh: -1 }, { code: 'energyNegative', severity: 'blocks', computed: -1 }],
    // 169 h at 11 kW could give more than 200 kWh, so only the limit of energy bites.
    ['more energy than any vehicle takes', { endAt: '2019-12-10T18:00:00Z', energyWh: 200_001 }, { code: 'energyOutOfRange', severity: 'blocks', computed: 200_001, limit: 200_000 }],
    // 11 kW × (10,800 + 60) s × 1.1 = 36,501.7 Wh, and 500 Wh of slack.
    ['more energy than the connector gives', { energyWh: 37_002 }, { code: 'energyAboveConnector', severity: 'blocks', computed: 37_002, limit: 37_001 }],
    [
      'more energy than the connector gives in one period',
      {
        energyWh: 30_000,
        periods: [
          { startAt: '2019-12-05T18:00:00Z', energyWh: 1000, chargingSeconds: 7200, parkingSeconds: 0 },
          { startAt: '2019-12-05T20:00:00Z', energyWh: 29_000, chargingSeconds: 3600, parkingSeconds: 0 },
        ],
      },
      // 11 kW × 3,660 s × 1.1 = 12,301 Wh, and 500.
      { code: 'energyAboveConnector', severity: 'blocks', computed: 29_000, limit: 12_801 },
    ],
    ['a plug-out that was missed', { endAt: '2019-12-12T18:00:01Z' }, { code: 'durationOutOfRange', severity: 'warns', computed: 168, limit: 168 }],
    ['two months of charging', { startAt: '2019-10-06T17:59:59Z' }, { code: 'durationAbsurd', severity: 'blocks', limit: 1440 }],
    ['a stated duration that is not that of the times', { statedDurationS: 10_921 }, { code: 'durationMismatch', severity: 'warns', computed: 10_921, limit: 10_800 }],
    ['a meter that goes back', { meterStartWh: 500_000, meterEndWh: 499_999 }, { code: 'meterRegression', severity: 'blocks', computed: 499_999, limit: 500_000 }],
    ['energy that the meter did not count', { meterStartWh: 500_000, meterEndWh: 510_511 }, { code: 'meterMismatch', severity: 'blocks', computed: 10_500, limit: 10_511 }],
    ['the register taken for the energy', { meterStartWh: 500, meterEndWh: 10_500 }, { code: 'odometerAsEnergy', severity: 'blocks', computed: 10_500, limit: 10_000 }],
    ['a token that stands for nobody', { tokenRef: 'nobody' }, { code: 'unauthenticated', severity: 'warns' }],
  ])('finds %s', (_name, change, expected) => {
    expect(found(change)).toEqual([expect.objectContaining(expected)]);
  });

  it('lets everything at its limit pass', () => {
    expect(found({ energyWh: 37_001 })).toEqual([]);
    expect(found({ startAt: '2019-12-06T00:05:00Z', endAt: '2019-12-06T03:05:00Z' })).toEqual([]);
    expect(found({ chargingEndAt: '2019-12-05T21:01:00Z', statedDurationS: 10_920 })).toEqual([]);
    expect(found({ meterStartWh: 500_000, meterEndWh: 510_510 })).toEqual([]);
    expect(found({ meterStartWh: 0, meterEndWh: 10_500 })).toEqual([]);
    expect(found({ endAt: '2019-12-12T18:00:00Z' })).toEqual([]);
  });

  it('warns at 50, 75, 90 and 100 % of the age a partner allows, and only where one is agreed', () => {
    const profile = { rules: { deliveredLate: { limits: { ageLimitDays: 10 } } } };
    const step = (days: number) =>
      checkFacts(
        { ...clean, endAt: new Date(receivedMs - days * 86_400_000).toISOString(), startAt: new Date(receivedMs - days * 86_400_000 - 7_200_000).toISOString() },
        { profile: ruleProfileSchema.parse(profile), category: undefined, receivedMs, connectorPowerW: 11_000, anonymousTokens: new Set() },
      ).map((i) => i.params['step']);
    expect([4.99, 5, 7.49, 7.5, 9, 10, 400].map(step)).toEqual([[], [50], [50], [75], [90], [100], [100]]);
    expect(found({ startAt: '2018-12-05T18:00:00Z', endAt: '2018-12-05T21:00:00Z' })).toEqual([]);
  });

  it('is judged as the source says, and more narrowly by the payer’s category', () => {
    const profile = {
      rules: { energyAboveConnector: { severity: 'warns', byCategory: { fleet: { severity: 'off' }, driver: { limits: { slackWh: 0 } } } }, tinySession: { limits: { minWh: 200, minS: 120 } } },
    };
    expect(found({ energyWh: 37_002 }, profile)).toEqual([expect.objectContaining({ severity: 'warns', limit: 37_001 })]);
    expect(found({ energyWh: 37_002 }, profile, 'fleet')).toEqual([]);
    expect(found({ energyWh: 37_002 }, profile, 'driver')).toEqual([expect.objectContaining({ severity: 'warns', limit: 36_501 })]);
    // Strictly below (D25).
    expect(found({ energyWh: 199 }, profile)).toEqual([expect.objectContaining({ code: 'tinySession', severity: 'info', computed: 199 })]);
    expect(found({ energyWh: 200 }, profile)).toEqual([]);
    expect(found({ endAt: '2019-12-05T18:01:59Z', energyWh: 300 }, profile)).toEqual([expect.objectContaining({ code: 'tinySession', computed: 119, limit: 120 })]);
  });

  it('counts a reservation that nobody came for as no session, however little that charged', () => {
    const profile = { rules: { tinySession: { limits: { minWh: 200, minS: 120 } } } };
    const reserved = { startAt: '2019-12-05T18:00:00Z', energyWh: 0, chargingSeconds: 0, parkingSeconds: 0, reservedSeconds: 60 };
    const lapsed = { energyWh: 0, endAt: '2019-12-05T18:01:00Z' };
    expect(found({ ...lapsed, periods: [reserved] }, profile)).toEqual([]);
    // Whoever came and left is one, and so is what reserved nothing.
    const came = { ...reserved, reservedSeconds: 0, parkingSeconds: 30, startAt: '2019-12-05T18:00:30Z' };
    for (const periods of [[reserved, came], [{ ...reserved, reservedSeconds: 0 }]])
      expect(found({ ...lapsed, periods }, profile)).toEqual([expect.objectContaining({ code: 'tinySession', computed: 0 })]);
  });

  it('names who looks first: the source for what it wrote, ops for the set-up', () => {
    expect(['missingEnd', 'meterMismatch', 'costOutOfRange', 'unknownToken', 'placeholderTime'].map(ownerOf)).toEqual(['partner', 'ops', 'finance', 'ops', 'partner']);
  });

  it('refuses settings of rules and limits that do not exist', () => {
    const profile = ruleProfileSchema.parse({ rules: { energyAbove: {}, meterMismatch: { limits: { tolerance: 1 }, byCategory: { fleet: { limits: { toleranceWh: 1, other: 2 } } } } } });
    expect(unknownSettings(profile)).toEqual(['rules.energyAbove', 'rules.meterMismatch.limits.tolerance', 'rules.meterMismatch.limits.other']);
    expect(unknownSettings(defaults)).toEqual([]);
  });
});

describe('the rules on a price', () => {
  const sale = (netMinor: bigint, energyWh: bigint) => [
    { role: 'driverSale', payerAccountId: 'd', netMinor, energyWh, currency: 'SEK' } as Charge,
    { role: 'siteShareEstimate', payerAccountId: null, netMinor: 999_999_999n, energyWh: 0n, currency: 'SEK' } as Charge,
  ];
  const of = (netMinor: bigint, energyWh: bigint, hasPrice = true) =>
    checkPrice('1', sale(netMinor, energyWh), hasPrice, { profile: defaults, category: undefined }).map(({ code, severity, params }) => [code, severity, params['of'], params['computed']]);
  it('finds a session, or a kWh, that costs more than is usual', () => {
    expect(of(1_000_000n, 200_000n)).toEqual([]);
    expect(of(1_000_001n, 200_000n)).toEqual([['costOutOfRange', 'blocks', 'session', '1000001']]);
    // 50.01 kr a kWh for 10 kWh; below a kWh a start fee may be all of it.
    expect(of(50_010n, 10_000n)).toEqual([['costOutOfRange', 'blocks', 'kWh', '5001']]);
    expect(of(50_010n, 999n)).toEqual([]);
  });
  it('finds energy that is free though the tariff has a price', () => {
    expect(of(0n, 1000n)).toEqual([['zeroCost', 'warns', undefined, 0]]);
    expect(of(0n, 999n)).toEqual([]);
    expect(of(0n, 1000n, false)).toEqual([]);
  });
});

describe('a session and its neighbours', () => {
  const hour = 3_600_000;
  const span = (recordId: number, change: Partial<Span> = {}): Span => ({
    recordId: BigInt(recordId),
    sourceId: 'csms',
    route: 'ownCsms',
    cdrKey: `se*wlt*${recordId}`,
    place: 'SE*WLT*E1',
    tokenRef: 't1',
    startMs: 0,
    endMs: 3 * hour,
    energyWh: 10_000,
    linkedTo: null,
    ...change,
  });
  const hub = (recordId: number, change: Partial<Span> = {}) => span(recordId, { sourceId: 'hub', route: 'ocpiHub', cdrKey: `se*wlt*h${recordId}`, ...change });
  const context = { profile: defaults, category: undefined } as const;

  it('is the same by another route when CDR id, or token, EVSE and time agree; own metering wins', () => {
    const own = span(1);
    expect(betterTwin(hub(2), [own])).toEqual({ span: own, reason: 'token, EVSE and time' });
    expect(betterTwin(hub(2, { cdrKey: 'se*wlt*1', place: null, tokenRef: 't9', startMs: 27 * hour, endMs: 28 * hour }), [own])).toEqual({ span: own, reason: 'CDR id' });
    expect(betterTwin(own, [hub(2)])).toBeUndefined();
    expect(weakerTwins(own, [hub(2), hub(3, { linkedTo: 1n }), hub(4, { tokenRef: 't2' })]).map((s) => s.recordId)).toEqual([2n]);
    for (const other of [{ tokenRef: 't2' }, { place: 'SE*WLT*E2' }, { place: null }, { startMs: 3 * hour, endMs: 4 * hour }, { sourceId: 'csms' }])
      expect(betterTwin(hub(2, other), [own])).toBeUndefined();
  });
  it('is another one under the same id where two systems count from 1: more than a day apart, by another token or with other energy', () => {
    const own = span(1);
    const reasonOf = (change: Partial<Span>) => betterTwin(hub(2, { cdrKey: 'se*wlt*1', ...change }), [own])?.reason;
    const aDayBefore = { startMs: -25 * hour, endMs: -24 * hour };
    const later = { startMs: 27 * hour + 1, endMs: 28 * hour };
    expect([reasonOf({ ...aDayBefore, tokenRef: 't9' }), reasonOf({ ...aDayBefore, endMs: -24 * hour - 1, tokenRef: 't9' }), reasonOf({ ...later, tokenRef: 't9' })]).toEqual([
      'CDR id',
      undefined,
      undefined,
    ]);
    // A clock that was wrong: 10.000 and 10.100 kWh by one token, but not 10.101.
    expect([reasonOf({ ...later, energyWh: 10_100 }), reasonOf({ ...later, energyWh: 9900 }), reasonOf({ ...later, energyWh: 10_101 })]).toEqual(['CDR id', 'CDR id', undefined]);
  });
  it('gives way to the same record of several, whatever their order', () => {
    const records = [hub(1), hub(2, { sourceId: 'peer', route: 'ocpiPeer' }), span(3, { sourceId: 'b', route: 'proprietary' }), span(4, { sourceId: 'a', route: 'proprietary' })];
    const winners = records.map(
      (self) =>
        betterTwin(
          self,
          records.filter((r) => r !== self),
        )?.span.recordId ?? self.recordId,
    );
    expect(winners).toEqual([4n, 4n, 4n, 4n]);
  });
  it('tells how far apart the energies of one session are', () => {
    const at = (energyWh: number) => issueOfTwin(hub(2, { energyWh }), { span: span(1), reason: 'CDR id' }, '2', context);
    expect(at(10_100)).toMatchObject({ severity: 'info', params: { computed: 100, limit: 100 } });
    expect(at(9899)).toMatchObject({ severity: 'warns', params: { computed: 101 } });
    expect(describeIssue(at(9899) ?? { code: 'sameSession', severity: 'info', subject: '', params: {} })).toContain('record 1 of csms is the same session (by CDR id); the energies are 101 Wh apart');
  });
  it('overlaps another on its EVSE, or by its token elsewhere, once each; neither its own twin nor one that gave way', () => {
    const codes = (others: Span[]) => checkOverlaps(span(1), others, '1', context).map((i) => [i.code, i.params['record'], i.params['computed']]);
    expect(codes([span(2, { tokenRef: 't2', startMs: 3 * hour - 60_000, endMs: 5 * hour })])).toEqual([]);
    expect(codes([span(2, { tokenRef: 't2', startMs: 3 * hour - 61_000, endMs: 5 * hour }), span(3, { tokenRef: 't3', startMs: hour, endMs: 2 * hour })])).toEqual([['overlapOnEvse', '3', 3600]]);
    expect(codes([span(4, { place: 'SE*WLT*E9', startMs: hour, endMs: 2 * hour })])).toEqual([['overlapOnToken', '4', 3600]]);
    expect(codes([span(5)])).toEqual([['overlapOnEvse', '5', 10_800]]);
    expect(codes([hub(6), span(7, { linkedTo: 9n })])).toEqual([]);
  });
});
