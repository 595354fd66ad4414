import { describe, expect, it } from 'vitest';
import type { AgreementOf } from '../../src/contracts/agreement.ts';
import { mirrorOf } from '../../src/core/allocate/charges.ts';
import { explainCharge } from '../../src/core/explain/explain-charge.ts';
import { chargesOf, driver, fleet, perKwh } from '../support/session.ts';

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
