import { describe, expect, it } from 'vitest';
import { agreementSchema } from '../../src/contracts/agreement.ts';
import { priceSeriesOf } from '../../src/core/share/pipeline.ts';
import { explainShare, shareOfRecord } from '../../src/core/share/share-of-record.ts';
import { energy, noPrices, type Share, se3, shareAgreement } from '../support/share.ts';

const shareOf = (agreement: Share, saleNetMinor: bigint, wh = 0, rest: Partial<Parameters<typeof shareOfRecord>[0]> = {}) =>
  shareOfRecord({
    agreement,
    ownerAccountId: 'acc_owner',
    currency: 'SEK',
    siteId: 'site_1',
    saleNetMinor,
    delivered: energy(wh),
    isWrittenOff: false,
    prices: noPrices,
    subject: 'cdr 1',
    ...rest,
  });
const net = (...args: Parameters<typeof shareOf>) => shareOf(...args).shares.map((s) => [s.component, s.splitNo, s.netMinor] as const);

const netShare = (percent: string, id = 'base') => ({ kind: 'netShare', id, percent });

describe('a site owner’s share of one record', () => {
  it('runs the clauses in the order written, rounds each once and splits it by largest remainder', () => {
    // Sale 123.45, 20.5 kWh. Card fee 123.45 × 1.5 % + 0.50 = 2.35175; base 121.09825.
    // 30 % = 36.329475 → 36.33: 60 % 21.798, 40 % 14.532 → 21.80 + 14.53.
    // 20.5 × 0.10 = 2.05 → 1.23 + 0.82. Per session 1.00 → 0.60 + 0.40.
    const agreement = shareAgreement(
      [
        { kind: 'deduct', id: 'card', what: 'cardFee', percent: '1.5', perSession: '0.50' },
        netShare('30'),
        { kind: 'perKwh', id: 'energy', amount: '0.10' },
        { kind: 'perSession', id: 'visit', amount: '1.00' },
      ],
      { beneficiaries: [{ accountId: 'acc_association', percent: '40' }] },
    );
    const { shares, issues } = shareOf(agreement, 12_345n, 20_500);
    expect(issues).toEqual([]);
    expect(shares.map((s) => [s.component, s.splitNo, s.payeeAccountId, s.netMinor, s.exactNet, s.unitPrice, s.quantity, s.quantityUnit])).toEqual([
      ['netShare/base', 0, 'acc_owner', 2180n, '21.7977', '18', 12_110n, 'minorUnits'],
      ['netShare/base', 1, 'acc_association', 1453n, '14.5318', '12', 12_110n, 'minorUnits'],
      ['perKwh/energy', 0, 'acc_owner', 123n, '1.2300', '0.06', 20_500n, 'Wh'],
      ['perKwh/energy', 1, 'acc_association', 82n, '0.8200', '0.04', 20_500n, 'Wh'],
      ['perSession/visit', 0, 'acc_owner', 60n, '0.6000', '0.6', 1n, 'session'],
      ['perSession/visit', 1, 'acc_association', 40n, '0.4000', '0.4', 1n, 'session'],
    ]);
    expect(shares.every((s) => s.role === 'siteShareEstimate' && !s.isEstimate && s.supply === 'siteAccess')).toBe(true);
    expect(shares.map((s) => explainShare(s.explanation, 'SEK'))[1]).toBe('netShare base: 30 % of 121.10 SEK is 36.3295, rounded to 36.33; 40 % of it');
  });

  it('rounds from the exact figure, not from its four decimals (D01)', () => {
    // 0.49999 % of 1.00 is 0.0049999: nothing, though 0.0050 would be an öre.
    expect(shareOf(shareAgreement([netShare('0.49999')]), 100n).shares).toMatchObject([{ exactNet: '0.0050', netMinor: 0n }]);
  });

  it('gives the odd öre of a tie to the contract’s own account, then in the order written', () => {
    // 10 % of 0.10 is one öre for two halves.
    expect(net(shareAgreement([netShare('10')], { beneficiaries: [{ accountId: 'b', percent: '50' }] }), 10n).map(([, , m]) => m)).toEqual([1n, 0n]);
    // Nothing is left for the own account; 0.02 for three: 33.4, 33.3, 33.3 of a hundred.
    const three = [
      { accountId: 'b', percent: '33.4' },
      { accountId: 'c', percent: '33.3' },
      { accountId: 'd', percent: '33.3' },
    ];
    expect(net(shareAgreement([netShare('20')], { beneficiaries: three }), 10n)).toEqual([
      ['netShare/base', 1, 1n],
      ['netShare/base', 2, 1n],
      ['netShare/base', 3, 0n],
    ]);
  });

  it('deducts no more than there is, unless losses are shared (D33)', () => {
    const clauses = [{ kind: 'deduct', id: 'fee', what: 'roamingFee', perSession: '3.00' }, netShare('50')];
    // Sale 2.00: the fee takes 2.00, nothing is left. Shared: 2.00 − 3.00 = −1.00, half of it −0.50.
    expect(net(shareAgreement(clauses), 200n)).toEqual([]);
    expect(net(shareAgreement(clauses, { sharesLosses: true }), 200n)).toEqual([['netShare/base', 0, -50n]]);
  });

  it('deducts nothing of a base that electricity has already taken below nothing', () => {
    const clauses = [{ kind: 'passThrough', id: 'power', price: { by: 'fixed', perKwh: '0.80' } }, { kind: 'deduct', id: 'fee', what: 'other', perSession: '1.00' }, netShare('50')];
    // 10.00 − 16.40 = −6.40; half of it. Shared: −7.40, half of it −3.70.
    expect(net(shareAgreement(clauses), 1000n, 20_500).at(-1)).toEqual(['netShare/base', 0, -320n]);
    expect(net(shareAgreement(clauses, { sharesLosses: true }), 1000n, 20_500).at(-1)).toEqual(['netShare/base', 0, -370n]);
  });

  it('pays fixed electricity back exactly, and estimates what is shared of the rest, below nothing too', () => {
    const agreement = shareAgreement([{ kind: 'passThrough', id: 'power', price: { by: 'fixed', perKwh: '0.80' } }, netShare('50')]);
    // 20.5 × 0.80 = 16.40; 10.00 − 16.40 = −6.40, half of it −3.20: the month may floor it (D17).
    expect(shareOf(agreement, 1000n, 20_500).shares).toMatchObject([
      { component: 'passThrough/power', role: 'energyReimbursement', netMinor: 1640n, isEstimate: false, supply: 'ownersElectricity' },
      { component: 'netShare/base', role: 'siteShareEstimate', netMinor: -320n, isEstimate: true, supply: 'siteAccess' },
    ]);
  });

  it('passes spot prices through by interval, with the points it was priced by', () => {
    const agreement = shareAgreement([{ kind: 'passThrough', id: 'power', price: { by: 'series', seriesId: 'se3', addPerKwh: '0.25' } }, netShare('50')], { supplyModel: 'ownersElectricity' });
    expect(priceSeriesOf(agreement)).toEqual(['se3']);
    // 10 kWh from 10:00 to 11:00 at 700/MWh: 7.00 + 2.50 = 9.50; half of 40.00 − 9.50 is 15.25.
    const { shares } = shareOf(agreement, 4000n, 10_000, { prices: se3('2026-03-02T10:00:00Z', ['700']) });
    expect(shares).toMatchObject([
      { netMinor: 950n, isEstimate: true, supply: 'ownersElectricity', explanation: { pinned: 'SE3 2026-03-02T10:00Z..11:00Z v1' } },
      { netMinor: 1525n, isEstimate: true, supply: 'ownersElectricity' },
    ]);
    expect(explainShare(shares[0]?.explanation ?? expect.fail(), 'SEK')).toBe('passThrough power: 10000 Wh at 0.9500 SEK/kWh (SE3 2026-03-02T10:00Z..11:00Z v1) is 9.5000, rounded to 9.50');
    expect(shareOf(agreement, 4000n, 10_000, { prices: se3('2026-03-02T11:00:00Z', ['700']) })).toMatchObject({ shares: [], issues: [{ code: 'missingPricePoint', subject: 'cdr 1' }] });
  });

  it('estimates tiers at the first step, and gives no row for a guarantee', () => {
    const steps = [
      { from: '0', percent: '10' },
      { from: '100', percent: '20' },
    ];
    const agreement = shareAgreement([
      { kind: 'tieredShare', id: 'ladder', by: 'net', steps },
      { kind: 'guarantee', id: 'floor', netPerMonth: '5000' },
    ]);
    expect(shareOf(agreement, 50_000n).shares).toMatchObject([{ component: 'tieredShare/ladder', netMinor: 5000n, isEstimate: true }]);
  });

  it('gives nothing of a sale that is written off but what counts delivered energy (D16)', () => {
    const clauses = [
      netShare('50'),
      { kind: 'perSession', id: 'visit', amount: '1.00' },
      { kind: 'perKwh', id: 'energy', amount: '0.10' },
      { kind: 'perKwh', id: 'sold', amount: '0.20', counts: 'billed' },
    ];
    const off = { isWrittenOff: true };
    expect(net(shareAgreement(clauses), 1000n, 10_000, off)).toEqual([['perKwh/energy', 0, 100n]]);
    expect(net(shareAgreement(clauses, { writtenOffAtOurCost: true }), 1000n, 10_000, off).map(([, , m]) => m)).toEqual([500n, 100n, 100n, 200n]);
  });

  it('keeps to the sites a clause names, and to contracts in force', () => {
    const scoped = shareAgreement([
      { ...netShare('50'), scope: { siteIds: ['site_2'] } },
      { ...netShare('10', 'rest'), scope: { siteIds: ['site_1'] } },
    ]);
    expect(net(scoped, 1000n)).toEqual([['netShare/rest', 0, 100n]]);
    expect(net(shareAgreement([netShare('50')], { status: 'paused' }), 1000n)).toEqual([]);
  });

  it('reads its clauses from a contract, and refuses a clause it does not know', () => {
    const parse = (clause: object) => agreementSchema.safeParse({ kind: 'revenueShare', status: 'active', supplyModel: 'agency', clauses: [clause] }).success;
    expect([parse(netShare('12.5')), parse({ kind: 'royalty', id: 'r' }), parse({ kind: 'perKwh', id: 'k', amount: '0.1', counts: 'rated' })]).toEqual([true, false, false]);
  });
});
