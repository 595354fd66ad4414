import { describe, expect, it } from 'vitest';
import { type Agreement, type AgreementOf, agreementSchema } from '../../src/contracts/agreement.ts';
import { type Charge, mirrorOf } from '../../src/core/allocate/charges.ts';
import { type ExplainedCharge, explainCharge } from '../../src/core/explain/explain-charge.ts';
import { computeMonth } from '../../src/core/period/month.ts';
import type { MonthClause } from '../../src/core/period/segments.ts';
import { type DueRow, settleMonth } from '../../src/core/period/settle.ts';
import { charged, month, plan } from '../support/month.ts';
import { account, chargesOf, driver, fleet, ownSite, perKwh } from '../support/session.ts';

const supply: AgreementOf<'supply'> = { kind: 'supply', status: 'active', clauses: [{ kind: 'discount', id: 'loyal', perKwh: '0.40' }] };
const of = (payer: typeof fleet | typeof driver) => chargesOf({ payer, tariff: perKwh('2.234'), agreements: { [payer.accountId]: [supply] }, facts: { energyWh: 10_500 } });

describe('the explanation of a charge', () => {
  it('names clause, price, quantity and rounding in one sentence', () => {
    const [sale, discount] = of(fleet).map((charge) => explainCharge({ ...charge, reversalOf: null }, supply, 'SEK'));
    expect(sale?.sentence).toBe(
      'Sold to a fleet, ENERGY/0: 10.5 kWh at 2.234 SEK per kWh, by clause sale of contract fleet-0 version 1; its net of 23.4570 rounded once to 23.46 SEK; VAT SE25 is 5.87 (row 1/final-customer).',
    );
    expect(discount?.sentence).toBe(
      'Sold to a fleet, discount/loyal: 10.5 kWh at -0.40 SEK per kWh, by clause loyal of contract fleet-0 version 1; its net of -4.2000 rounded once to -4.20 SEK; VAT SE25 is -1.05 (row 1/final-customer).',
    );
    expect(discount?.clause.terms).toEqual({ kind: 'discount', id: 'loyal', perKwh: '0.40' });
  });
  it('tells a consumer that the session was rounded once with VAT, and a reversal that it takes back', () => {
    const [sale] = of(driver);
    if (sale === undefined) throw new Error('no charge');
    const { sentence, rounding, vat } = explainCharge({ ...mirrorOf(sale), reversalOf: 1n }, supply, 'SEK');
    // 23.457 × 1.25 is 29.32125, so 29.32; without the 20 % that are VAT, 5.86, 23.46.
    expect(sentence).toContain('Taken back: Sold to a driver, ENERGY/0: -10.5 kWh at 2.234 SEK per kWh');
    expect(rounding).toMatchObject({ mode: 'grossFirst', net: '-23.46', exactNet: '-23.4570' });
    expect(vat).toMatchObject({ amount: '-5.86', gross: '-29.32' });
  });
});

describe('the explanation of what the month decides', () => {
  const [sale] = of(fleet);
  if (sale === undefined) throw new Error('no charge');
  const clauses: MonthClause[] = [
    { kind: 'fee', id: 'fee', amount: '93', billed: 'arrears', refund: 'prorata' },
    { kind: 'included', id: 'inc', kWhPerMonth: '62', rolloverMonths: 0 },
    {
      kind: 'tiers',
      id: 'vol',
      steps: [
        { fromKwh: '0', discountPerKwh: '0.10' },
        { fromKwh: '100', discountPerKwh: '0.20' },
      ],
    },
    { kind: 'cap', id: 'cap', netPerMonth: '31' },
    { kind: 'minimum', id: 'min', netPerMonth: '310' },
  ];
  /** Half of March: 15 of 31 days; 40 kWh for 80.00. */
  const rowsOf = (...kinds: readonly string[]) => {
    const input = month(
      '2026-03',
      [
        plan(
          1,
          '2026-03-17',
          clauses.filter((c) => kinds.includes(c.kind)),
        ),
      ],
      [charged('2026-03-20', 40, 8_000n)],
    );
    return settleMonth(input, computeMonth(input).clauses, []);
  };
  const explained = (row: DueRow, more: Partial<ExplainedCharge> = {}) =>
    explainCharge(
      { ...sale, ...row, quantityUnit: row.unit, contractId: 'c', contractVersion: 1, siteId: null, vatCode: 'SE25', vatRule: '1/x', bookNetMinor: row.netMinor, reversalOf: null, ...more },
      { kind: 'supply', status: 'active', clauses },
      'SEK',
    );
  it.each([
    // 93 × 15/31 = 45.00.
    ['fee', 'Subscription fee, fee: 15 of 31 days at 93 SEK per month, by clause fee', '45.00 SEK'],
    // 62 × 15/31 = 30 kWh of the 40, each at 2.00.
    ['included', 'Included energy, included: 30 kWh covered of the included 62 kWh per month, by clause inc', '-60.00 SEK'],
    // 40 kWh on the first step of 0.10; the last is never reached.
    ['tiers', 'Discount by tier, tiers: 40 kWh by steps, the last of them 0.20 SEK per kWh, by clause vol', '-4.00 SEK'],
    // 31 × 15/31 = 15.00 of 80.00.
    ['cap', 'Cap of the month, cap: what sessions come to above the cap of 31 SEK per month, by clause cap', '-65.00 SEK'],
    // 310 × 15/31 = 150.00 less 80.00.
    ['minimum', 'Up to the minimum of the month, minimum: what sessions lack to the minimum of 310 SEK per month, by clause min', '70.00 SEK'],
  ])('says what the price of a clause is: %s', (kind, says, amount) => {
    const [row] = rowsOf(kind);
    const { sentence } = explained(row as DueRow);
    expect(sentence).toContain(says);
    expect(sentence).toContain(`; rounded once${kind === 'fee' ? '' : ' for the month, and shared among what it burdens'}: ${amount}; VAT`);
  });
  it('names a later difference as one', () => {
    const [row] = rowsOf('cap');
    const late = { ...(row as DueRow), component: 'cap#2', unit: 'difference', netMinor: -1_000n, grossMinor: -1_250n };
    expect(explained(late, { quantityUnit: 'difference' }).sentence).toContain(
      'cap#2: what sessions come to above the cap of 31 SEK per month, less what was billed of the month before, by clause cap',
    );
  });
});

describe('an amount that quantity, price and rounding alone do not make', () => {
  const explain = (charge: Charge | undefined, agreement: Agreement) => explainCharge({ ...(charge as Charge), reversalOf: null }, agreement, 'SEK').sentence;
  it('is held down by the cap of an idle fee, or by what the energy costs', () => {
    const agreement: AgreementOf<'supply'> = {
      kind: 'supply',
      status: 'active',
      clauses: [
        { kind: 'discount', id: 'all', perKwh: '3' },
        { kind: 'idleFee', id: 'stay', perMinute: '1', graceMinutes: 0, capPerSession: '20', withoutEnergy: false },
      ],
    };
    const charges = chargesOf({ payer: fleet, tariff: perKwh('2'), agreements: { fleet: [agreement] }, facts: { energyWh: 10_000, chargingEndAt: '2019-12-05T11:00:00Z' } });
    // An hour of standing is 60.00, and at most 20.00; 3.00 off each of 10 kWh at 2.00 is 20.00.
    expect(
      explain(
        charges.find((c) => c.component === 'idle/stay'),
        agreement,
      ),
    ).toContain('60 min at 1 SEK per min, at most 20 SEK, by clause stay');
    expect(
      explain(
        charges.find((c) => c.component === 'discount/all'),
        agreement,
      ),
    ).toContain('10 kWh at -3 SEK per kWh, no more than the energy costs, by clause all');
  });
  it('fills up to a limit of the tariff', () => {
    // 2.004 for energy and 2.004 for time are 2.00 and 2.00; up to 4.02 it takes 0.02, not the 0.01 of 4.02 - 4.008.
    const tariff = {
      elements: [
        {
          price_components: [
            { type: 'ENERGY', price: '0.2004', vat: '25', step_size: 1 },
            { type: 'TIME', price: '1.002', vat: '25', step_size: 1 },
          ],
        },
      ],
      min_price: { excl_vat: '4.02' },
    };
    const charges = chargesOf({ payer: fleet, tariff, facts: { energyWh: 10_000 } });
    expect(charges.map((c) => [c.component, c.netMinor, c.exactNet])).toEqual([
      ['ENERGY/0', 200n, '2.0040'],
      ['TIME/0', 200n, '2.0040'],
      ['min_price', 2n, '0.0120'],
    ]);
    expect(explain(charges[2], supply)).toContain('min_price: to the tariff’s limit of 4.0200 SEK per session, by clause sale');
    expect(explain(charges[2], supply)).toContain('its net of 0.0120 is 0.02 SEK, so that the rounded parts of the session come to the limit');
  });
  it('takes no more than the rounded parts that it is taken from', () => {
    const agreement: AgreementOf<'supply'> = { kind: 'supply', status: 'active', clauses: [{ kind: 'discount', id: 'all', percent: '100' }] };
    const restricted = (price: string, restrictions?: object) => ({ price_components: [{ type: 'ENERGY', price, vat: '25', step_size: 1 }], ...(restrictions === undefined ? {} : { restrictions }) });
    // 5 kWh at 0.2008 and 5 at 0.2009 are 1.004 and 1.0045, so 1.00 each; all of 2.0085 would be 2.01.
    const charges = chargesOf({ payer: fleet, tariff: { elements: [restricted('0.2008', { max_kwh: 5 }), restricted('0.2009')] }, agreements: { fleet: [agreement] }, facts: { energyWh: 10_000 } });
    expect(explain(charges.at(-1), agreement)).toContain(
      '10 kWh at -100 %, by clause all of contract fleet-0 version 1; its net of -2.0085 is -2.00 SEK, no more than the rounded parts that it is taken from',
    );
  });
  it('is a payee’s part of a clause that was rounded as a whole', () => {
    const agreement = agreementSchema.parse({
      kind: 'revenueShare',
      status: 'active',
      supplyModel: 'siteAccess',
      beneficiaries: [{ accountId: 'second', percent: '50' }],
      clauses: [{ kind: 'perKwh', id: 'rent', amount: '0.067' }],
    });
    const owner = { ...account('owner', 'siteOwner') };
    const charges = chargesOf({
      payer: fleet,
      site: { ...ownSite, ownerAccountId: 'owner' },
      tariff: perKwh('2'),
      accounts: [owner, account('second', 'siteOwner')],
      agreements: { owner: [agreement] },
      facts: { energyWh: 10_000 },
    });
    // 10 kWh at 0.067 are 0.67: halves of 0.335 are 0.34 and 0.33.
    const shares = charges.filter((c) => c.role === 'siteShareEstimate');
    expect(shares.map((c) => c.netMinor)).toEqual([34n, 33n]);
    expect(explain(shares[1], agreement)).toContain('the clause’s net rounded once, and shared among who earns it: 0.33 SEK of it (exactly 0.3350)');
  });
});
