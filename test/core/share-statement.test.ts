import { describe, expect, it } from 'vitest';
import { type StatedShare, type Statement, type StatementInput, stateMonth, stateMonths } from '../../src/core/share/statement.ts';
import { type BookedSession, march, monthSession, noPrices, nothingCarried, se3, shareAgreement } from '../support/share.ts';

const ladder = {
  kind: 'tieredShare',
  id: 'ladder',
  by: 'net',
  steps: [
    { from: '0', percent: '10' },
    { from: '1000', percent: '20' },
  ],
};
const guarantee = { kind: 'guarantee', id: 'floor', netPerMonth: '300', carryForward: true };
const rows = (statement: Statement) => statement.rows.map((r) => [r.component, r.netMinor] as const);
/** The rows of a statement, as the next one of the month takes them. */
const asStated = (...statements: Statement[]): StatedShare[] =>
  statements.flatMap((s) => s.rows.map((r): StatedShare => ({ clause: r.clause, payeeAccountId: r.payeeAccountId ?? '', siteId: r.siteId, netMinor: r.netMinor })));
const april = (agreement: ReturnType<typeof shareAgreement>, sessions: readonly BookedSession[], rest: Partial<StatementInput> = {}) =>
  march(agreement, sessions, { serviceMonth: '2026-04', segments: [{ version: 1, agreement, fromOn: '2026-04-01', toOn: '2026-05-01' }], ...rest });

describe('a site owner’s statement with tiers and a guarantee', () => {
  const agreement = shareAgreement([ladder, guarantee]);
  const of = (key: string, saleMinor: bigint, late = false) => monthSession(agreement, { key, saleMinor, late });
  // B was 700.00 and is corrected to 500.00: its first share of 70.00 is reversed, so 50.00 is live.
  const inMarch = [of('a', 60_000n), of('b', 50_000n), of('c', 40_000n)];
  const inApril = [monthSession(agreement, { key: 'e', saleMinor: 250_000n, at: '2026-04-02T10:00:00Z' })];
  const first = stateMonths([march(agreement, inMarch), april(agreement, inApril)], nothingCarried);

  it('states what the steps give beyond the estimates, and what lacks to the guarantee', () => {
    // Base 600 + 500 + 400 = 1500: 10 % of 1000 + 20 % of 500 = 200.00; booked at 10 %: 60 + 50 + 40 = 150.00, so +50.00.
    // Guarantee 300.00 − 200.00 = +100.00, carried on.
    expect(first[0] && rows(first[0])).toEqual([
      ['tieredShare/ladder', 5000n],
      ['guarantee/floor', 10_000n],
    ]);
    expect(first[0]?.payees).toEqual([{ accountId: 'acc_owner', monthMinor: 30_000n, payableMinor: 30_000n, carriedMinor: 0n }]);
    expect(first[0]?.carried.guarantees).toEqual(new Map([['floor', 10_000n]]));
    expect(first[0]?.rows[1]).toMatchObject({
      role: 'statement',
      contractId: 'ctr_owner',
      contractVersion: 1,
      siteId: 'site_1',
      serviceOn: '2026-03-31',
      serviceMonth: '2026-03',
      exactNet: '100.0000',
      unitPrice: '100.00',
      quantity: 1n,
      supply: 'siteAccess',
      textKey: 'siteAccess.guarantee',
      explanation: { monthMinor: 10_000n, figures: { days: 31, daysInMonth: 31, guaranteedMinor: 30_000n, sharesMinor: 20_000n } },
    });
  });

  it('takes back from a later month above the guarantee what it added before', () => {
    // April: 10 % of 1000 + 20 % of 1500 = 400.00, booked 250.00: +150.00. Above the guarantee by 100.00: all of it is taken back.
    expect(first[1] && rows(first[1])).toEqual([
      ['tieredShare/ladder', 15_000n],
      ['guarantee/floor', -10_000n],
    ]);
    expect(first[1]?.carried.guarantees).toEqual(new Map([['floor', 0n]]));
  });

  it('states the difference when a session comes late, in the months after it too', () => {
    const late = of('d', 80_000n, true);
    const [marchAgain, aprilAgain] = stateMonths(
      [
        march(agreement, [...inMarch, late], { statementNo: 2, stated: asStated(first[0] ?? expect.fail()) }),
        april(agreement, inApril, { statementNo: 2, stated: asStated(first[1] ?? expect.fail()) }),
      ],
      nothingCarried,
    );
    // Base 2300: 100 + 260 = 360.00; booked 150 + 80, stated 50: +80.00. The guarantee is reached: its 100.00 goes back.
    expect(marchAgain && rows(marchAgain)).toEqual([
      ['tieredShare/ladder#2', 8000n],
      ['guarantee/floor#2', -10_000n],
    ]);
    // So April has nothing to give back.
    expect(aprilAgain && rows(aprilAgain)).toEqual([['guarantee/floor#2', 10_000n]]);
  });

  it('states nothing anew when nothing has changed', () => {
    expect(stateMonth(march(agreement, inMarch, { statementNo: 2, stated: asStated(first[0] ?? expect.fail()) }), nothingCarried).rows).toEqual([]);
  });

  it('keeps a guarantee that is not carried forward, and prorates it from the day the contract begins', () => {
    const plain = shareAgreement([ladder, { ...guarantee, carryForward: false }]);
    const from17th = march(plain, [monthSession(plain, { key: 'a', saleMinor: 10_000n, at: '2026-03-20T10:00:00Z' })], {
      segments: [{ version: 1, agreement: plain, fromOn: '2026-03-17', toOn: '2026-04-01' }],
    });
    // 15 of 31 days: 300 × 15 / 31 = 145.1612… → 145.16; share 10.00, so +135.16.
    const statement = stateMonth(from17th, { ...nothingCarried, guarantees: new Map([['floor', 5000n]]) });
    expect(rows(statement)).toEqual([['guarantee/floor', 13_516n]]);
    expect(statement.carried.guarantees).toEqual(new Map([['floor', 5000n]]));
  });

  it('adds up the days of two versions, and lets the ladder go on through the change', () => {
    const dearer = shareAgreement([
      {
        ...ladder,
        steps: [
          { from: '0', percent: '10' },
          { from: '1000', percent: '50' },
        ],
      },
      { ...guarantee, netPerMonth: '600' },
    ]);
    const sessions = [
      monthSession(agreement, { key: 'a', saleMinor: 80_000n, at: '2026-03-02T10:00:00Z' }),
      monthSession(dearer, { key: 'b', saleMinor: 40_000n, at: '2026-03-20T10:00:00Z', version: 2 }),
    ];
    const segments = [
      { version: 1, agreement, fromOn: '2026-03-01', toOn: '2026-03-17' },
      { version: 2, agreement: dearer, fromOn: '2026-03-17', toOn: '2026-04-01' },
    ];
    // 80.00 for the first; of the second 200 at 10 % and 200 at 50 % = 120.00. Booked 80 + 40, so +80.00; together 200.00.
    // Guarantee 300 × 16/31 + 600 × 15/31 = 13800/31 = 445.1612… → 445.16, so +245.16.
    expect(rows(stateMonth(march(agreement, sessions, { segments }), nothingCarried))).toEqual([
      ['tieredShare/ladder', 8000n],
      ['guarantee/floor', 24_516n],
    ]);
  });

  it('gives a threshold to the step it opens, and splits a session’s base over the steps of its kWh', () => {
    const byKwh = shareAgreement([
      {
        kind: 'tieredShare',
        id: 'ladder',
        by: 'kWh',
        steps: [
          { from: '0', percent: '10' },
          { from: '30', percent: '40' },
        ],
      },
    ]);
    const sessions = [
      monthSession(byKwh, { key: 'a', saleMinor: 10_000n, wh: 20_000, at: '2026-03-02T10:00:00Z' }),
      monthSession(byKwh, { key: 'b', saleMinor: 10_000n, wh: 40_000, at: '2026-03-03T10:00:00Z' }),
      monthSession(byKwh, { key: 'c', saleMinor: 1000n, wh: 0, at: '2026-03-04T10:00:00Z' }),
    ];
    // a: 10.00. b: 10 of 40 kWh at 10 % = 2.50, 30 of 40 at 40 % = 30.00. c, only idle, at the step reached: 40 % of 10.00 = 4.00. 46.50 − booked 21.00.
    expect(rows(stateMonth(march(byKwh, sessions), nothingCarried))).toEqual([['tieredShare/ladder', 2550n]]);
  });

  it('climbs in the order in which sessions end (D08), and a session without energy stands on the step that its threshold opens', () => {
    const byKwh = shareAgreement([
      {
        kind: 'tieredShare',
        id: 'ladder',
        by: 'kWh',
        steps: [
          { from: '0', percent: '10' },
          { from: '30', percent: '40' },
        ],
      },
    ]);
    // The dear one begins first and ends last. b fills the 30 kWh: 1.00. Then 10.00 without energy at 40 %: 4.00, then a's 100.00 at 40 %: 40.00. Booked 1.00 + 1.00 + 10.00.
    const a = { ...monthSession(byKwh, { key: 'a', saleMinor: 10_000n, wh: 30_000, at: '2026-03-02T10:00:00Z' }), endMs: Date.parse('2026-03-02T20:00:00Z') };
    const b = monthSession(byKwh, { key: 'b', saleMinor: 1000n, wh: 30_000, at: '2026-03-02T11:00:00Z' });
    const idle = monthSession(byKwh, { key: 'c', saleMinor: 1000n, wh: 0, at: '2026-03-02T12:00:00Z' });
    expect(rows(stateMonth(march(byKwh, [a, b, idle]), nothingCarried))).toEqual([['tieredShare/ladder', 3300n]]);
  });

  it('climbs by no kWh of a sale that is written off, unless that is at our cost (D16)', () => {
    const climbed = (rest: Parameters<typeof shareAgreement>[1]) => {
      const steps = [
        { from: '0', percent: '10' },
        { from: '30', percent: '40' },
      ];
      const byKwh = shareAgreement([{ kind: 'tieredShare', id: 'ladder', by: 'kWh', steps }], rest);
      const off = monthSession(byKwh, { key: 'a', saleMinor: 10_000n, wh: 30_000, at: '2026-03-02T10:00:00Z', isWrittenOff: true });
      const sold = monthSession(byKwh, { key: 'b', saleMinor: 10_000n, wh: 20_000, at: '2026-03-03T10:00:00Z' });
      return rows(stateMonth(march(byKwh, [off, sold], { booked: [...sold.booked] }), nothingCarried));
    };
    // The 20 kWh that are sold stand below 30: 10 % of 100.00, as booked. At our cost: 10.00 of the one, and 40 % of the other, of which 10.00 were booked.
    expect(climbed({})).toEqual([]);
    expect(climbed({ writtenOffAtOurCost: true })).toEqual([['tieredShare/ladder', 4000n]]);
  });
});

describe('a site owner’s statement of a month that costs more than it earns', () => {
  const clauses = [
    { kind: 'passThrough', id: 'power', price: { by: 'fixed', perKwh: '1.00' } },
    { kind: 'netShare', id: 'rest', percent: '50' },
  ];
  const month = (agreement: ReturnType<typeof shareAgreement>) =>
    march(agreement, [monthSession(agreement, { key: 'a', saleMinor: 5000n, wh: 100_000 }), monthSession(agreement, { key: 'b', saleMinor: 10_000n, wh: 60_000 })]);

  it('shares nothing of a rest below nothing, per statement and not per session (D17)', () => {
    // 50 − 100 = −50 → −25.00; 100 − 60 = +40 → +20.00: rest −10, so the −5.00 that is booked is taken back.
    const statement = stateMonth(month(shareAgreement(clauses)), nothingCarried);
    expect(rows(statement)).toEqual([['netShare/rest', 500n]]);
    expect(statement.payees[0]?.monthMinor).toBe(16_000n);
  });

  it('shares a rest of a few öre as its records booked it', () => {
    const agreement = shareAgreement(clauses);
    // −50.00 → −25.00; 150.10 − 100 = 50.10 → +25.05: rest 0.10, so 0.05 stays.
    const sessions = [monthSession(agreement, { key: 'a', saleMinor: 5000n, wh: 100_000 }), monthSession(agreement, { key: 'b', saleMinor: 15_010n, wh: 100_000 })];
    expect(rows(stateMonth(march(agreement, sessions), nothingCarried))).toEqual([]);
  });

  it.each(['net', 'kWh'])('floors tiers by %s at nothing as well, unless losses are shared', (by) => {
    const tiers = { ...ladder, by, steps: [{ from: '0', percent: '10' }] };
    const of = (rest: { sharesLosses?: boolean }) => {
      const agreement = shareAgreement([clauses[0] ?? {}, tiers], rest);
      return rows(stateMonth(march(agreement, [monthSession(agreement, { key: 'a', saleMinor: 5000n, wh: 100_000 })]), nothingCarried));
    };
    // 50 − 100 = −50, 10 % of it booked as −5.00.
    expect([of({}), of({ sharesLosses: true })]).toEqual([[['tieredShare/ladder', 500n]], []]);
  });

  it('lets the owner bear his part where losses are shared', () => {
    const statement = stateMonth(month(shareAgreement(clauses, { sharesLosses: true })), nothingCarried);
    expect(rows(statement)).toEqual([]);
    expect(statement.payees[0]?.monthMinor).toBe(15_500n);
  });

  it('carries a negative month to the next payout, or ends it at nothing, as the contract says', () => {
    // Sale 10.00 − fee 20.00 = −10.00, half of it −5.00.
    const losing = [
      { kind: 'deduct', id: 'fee', what: 'cardFee', perSession: '20' },
      { kind: 'netShare', id: 'rest', percent: '50' },
    ];
    const carry = shareAgreement(losing, { sharesLosses: true });
    const statements = stateMonths(
      [march(carry, [monthSession(carry, { key: 'a', saleMinor: 1000n })]), april(carry, [monthSession(carry, { key: 'b', saleMinor: 4400n, at: '2026-04-02T10:00:00Z' })])],
      nothingCarried,
    );
    // April: 44 − 20 = 24, half 12.00; less the 5.00 carried.
    expect(statements.map((s) => [s.rows.length, s.payees[0]])).toEqual([
      [0, { accountId: 'acc_owner', monthMinor: -500n, payableMinor: 0n, carriedMinor: -500n }],
      [0, { accountId: 'acc_owner', monthMinor: 1200n, payableMinor: 700n, carriedMinor: 0n }],
    ]);
    const floor = shareAgreement(losing, { sharesLosses: true, negativeMonth: 'floor' });
    const floored = stateMonth(march(floor, [monthSession(floor, { key: 'a', saleMinor: 1000n })]), nothingCarried);
    expect(floored.rows).toMatchObject([{ component: 'negativeMonth', clause: 'negativeMonth', netMinor: 500n, siteId: null }]);
    // A better session comes late: 12.00 − 5.00 = 7.00, and the floor is not needed any more.
    const better = march(floor, [monthSession(floor, { key: 'a', saleMinor: 1000n }), monthSession(floor, { key: 'b', saleMinor: 4400n, late: true })], { statementNo: 2, stated: asStated(floored) });
    expect(rows(stateMonth(better, nothingCarried))).toEqual([['negativeMonth#2', -500n]]);
  });
});

describe('a site owner’s statement', () => {
  it('has no row for what records decide, and splits what the month decides among the beneficiaries', () => {
    const agreement = shareAgreement(
      [
        { kind: 'netShare', id: 'base', percent: '10' },
        { kind: 'perKwh', id: 'energy', amount: '0.05' },
        { kind: 'perSession', id: 'visit', amount: '1' },
        { ...guarantee, netPerMonth: '100' },
      ],
      {
        beneficiaries: [{ accountId: 'acc_b', percent: '33.33' }],
      },
    );
    // 10.00 + 1.00 + 1.00 = 12.00; lacks 88.00: 66.67 % is 58.6696, 33.33 % is 29.3304 → 58.67 + 29.33.
    const statement = stateMonth(march(agreement, [monthSession(agreement, { key: 'a', saleMinor: 10_000n, wh: 20_000 })]), nothingCarried);
    expect(statement.rows.map((r) => [r.component, r.splitNo, r.payeeAccountId, r.netMinor])).toEqual([
      ['guarantee/floor', 0, 'acc_owner', 5867n],
      ['guarantee/floor', 1, 'acc_b', 2933n],
    ]);
  });

  it('burdens each site with what its sessions added, and a late session’s site with the whole difference (D44)', () => {
    const agreement = shareAgreement([ladder]);
    const sessions = [
      monthSession(agreement, { key: 'a', saleMinor: 80_000n, at: '2026-03-02T10:00:00Z', siteId: 'site_1', late: true }),
      monthSession(agreement, { key: 'b', saleMinor: 60_000n, at: '2026-03-03T10:00:00Z', siteId: 'site_2', late: true }),
    ];
    // a: 80.00, as booked. b: 200 at 10 % + 400 at 20 % = 100.00, booked 60.00.
    const first = stateMonth(march(agreement, sessions), nothingCarried);
    expect(first.rows.map((r) => [r.siteId, r.netMinor])).toEqual([['site_2', 4000n]]);
    // 500.00 more at site 3, before both: base 1900, 100 + 180 = 280.00; booked 190, stated 40: +50.00, wholly its own though it moved the others up.
    const late = monthSession(agreement, { key: 'c', saleMinor: 50_000n, at: '2026-03-01T10:00:00Z', siteId: 'site_3', late: true });
    const second = stateMonth(march(agreement, [...sessions.map((x) => ({ ...x, isLate: false })), late], { statementNo: 2, stated: asStated(first) }), nothingCarried);
    expect(second.rows.map((r) => [r.siteId, r.netMinor])).toEqual([['site_3', 5000n]]);
  });

  it('states what a newer price of an interval changes', () => {
    const agreement = shareAgreement([{ kind: 'passThrough', id: 'power', price: { by: 'series', seriesId: 'se3' } }]);
    // 10 kWh at 0.70 booked 7.00; the price is corrected to 0.75: +0.50.
    const session = monthSession(agreement, { key: 'a', saleMinor: 0n, wh: 10_000 }, se3('2026-03-02T10:00:00Z', ['700']));
    const statement = stateMonth(march(agreement, [session], { prices: se3('2026-03-02T10:00:00Z', ['750'], 3600, 2) }), nothingCarried);
    expect(statement.rows).toMatchObject([{ component: 'passThrough/power', role: 'energyReimbursement', netMinor: 50n, supply: 'ownersElectricity' }]);
    expect(stateMonth(march(agreement, [session], { prices: noPrices }), nothingCarried)).toMatchObject({ rows: [], issues: [{ code: 'unknownPriceSeries' }] });
  });

  it('takes the sale at what the payer’s month made of it, and included kWh at the contract’s value (D44)', () => {
    // Sale 40.00 for 10 kWh; an allowance covered 5 kWh and took 20.00 off. Half of 20.00 is 10.00 where 20.00 is booked: −10.00.
    const marginal = shareAgreement([{ kind: 'netShare', id: 'base', percent: '50' }]);
    const given = { key: 'a', saleMinor: 4000n, wh: 10_000, periodNetMinor: -2000n, includedWh: 5000n };
    expect(rows(stateMonth(march(marginal, [monthSession(marginal, given)]), nothingCarried))).toEqual([['netShare/base', -1000n]]);
    // At 3.00 a kWh the 5 kWh count 15.00: half of 35.00 is 17.50: −2.50.
    const valued = shareAgreement([{ kind: 'netShare', id: 'base', percent: '50' }], { includedKwhValue: '3.00' });
    expect(rows(stateMonth(march(valued, [monthSession(valued, given)]), nothingCarried))).toEqual([['netShare/base', -250n]]);
  });

  it('guarantees something to a month without any session, and knows the version a session began under', () => {
    const agreement = shareAgreement([guarantee]);
    expect(rows(stateMonth(march(agreement, []), nothingCarried))).toEqual([['guarantee/floor', 30_000n]]);
    const older = shareAgreement([{ kind: 'netShare', id: 'base', percent: '50' }]);
    const begun = monthSession(older, { key: 'a', saleMinor: 1000n, at: '2026-02-28T22:30:00Z', version: 1 });
    const segments = [
      { version: 1, agreement: older, fromOn: '2026-03-01', toOn: '2026-03-01' },
      { version: 2, agreement, fromOn: '2026-03-01', toOn: '2026-04-01' },
    ];
    expect(stateMonth(march(agreement, [begun], { segments }), nothingCarried).payees[0]?.monthMinor).toBe(30_500n);
    expect(() => stateMonth(march(agreement, [begun], { segments: segments.slice(1) }), nothingCarried)).toThrow(/version 1/);
  });
});
