import { describe, expect, it } from 'vitest';
import { decideVat, type VatQuestion } from '../../src/core/allocate/decide-vat.ts';
import type { EntitySetup, PartyVat } from '../../src/core/allocate/setup.ts';
import { seller } from '../support/session.ts';

const on = '2019-12-05';
const party = (status: PartyVat['status'], establishedIn: string, evidence: string | null = 'VIES 2019-12-01', vatNumber: string | null = `${establishedIn}123`): PartyVat => ({
  status,
  establishedIn,
  vatNumber,
  evidence,
  validFrom: '2019-01-01',
  validTo: null,
});
const registeredInGermany: EntitySetup = { ...seller, vatRegistrations: [...seller.vatRegistrations, { country: 'DE', validFrom: '2019-12-01', validTo: null }] };
const decide = (question: Partial<VatQuestion>, entity: EntitySetup = seller) => {
  const decision = decideVat(entity, { subject: '1', direction: 'sale', supply: 'electricity', chargerCountry: 'SE', party: undefined, on, ...question });
  return decision.kind === 'decided' ? [decision.code, decision.percent, decision.rule.replace(/ \(.*/, '')] : [decision.issue.code];
};

describe('the VAT of a supply, by the sample table', () => {
  it.each<[string, Partial<VatQuestion>, string[], EntitySetup?]>([
    ['a driver in Sweden pays 25 %', {}, ['SE25', '25', '1/final-customer']],
    ['a foreign driver in Sweden pays 25 %: the electricity is used there', { party: party('consumer', 'DE', null, null) }, ['SE25', '25', '1/final-customer']],
    ['a German fleet charging in Sweden is a final customer and pays 25 %', { party: party('business', 'DE') }, ['SE25', '25', '1/final-customer']],
    ['a Swedish eMSP pays 25 %: no domestic reverse charge', { party: party('reseller', 'SE') }, ['SE25', '25', '1/reseller-domestic']],
    ['a proven reseller of another EU state accounts for it itself', { party: party('reseller', 'DE') }, ['SE-AE', '0.00', '1/reseller-other-eu']],
    ['an unproven reseller of another EU state pays 25 %', { party: party('reseller', 'DE', null) }, ['SE25', '25', '1/reseller-unproven']],
    ['a reseller without the number that would prove it pays 25 %', { party: party('reseller', 'DE', 'letter', null) }, ['SE25', '25', '1/reseller-unproven']],
    ['a proven reseller outside the EU is outside Swedish VAT', { party: party('reseller', 'NO') }, ['SE-O', '0.00', '1/reseller-outside-eu']],
    ['an unproven reseller outside the EU pays 25 %', { party: party('reseller', 'CH', null) }, ['SE25', '25', '1/reseller-unproven']],
    ['our driver in Germany, with a registration there, pays German VAT', { chargerCountry: 'DE' }, ['DE19', '19', '1/charger-abroad'], registeredInGermany],
    ['our driver in Germany, without a registration, is held back', { chargerCountry: 'DE' }, ['notVatRegistered']],
    ['a day before the registration begins it is held back too', { chargerCountry: 'DE', on: '2019-11-30' }, ['notVatRegistered'], registeredInGermany],
    ['our driver in Norway, without a registration, is held back', { chargerCountry: 'NO' }, ['notVatRegistered']],
    ['a subscription of a Swedish driver bears the seller’s VAT', { supply: 'subscription', chargerCountry: null }, ['SE25', '25', '1/subscription']],
    [
      'a subscription of a proven German business is reverse charged, apart from the electricity',
      { supply: 'subscription', chargerCountry: null, party: party('business', 'DE') },
      ['SE-AE', '0.00', '1/subscription-business-eu'],
    ],
    [
      'a subscription of a proven Norwegian business is outside',
      { supply: 'subscription', chargerCountry: null, party: party('business', 'NO') },
      ['SE-O', '0.00', '1/subscription-business-outside-eu'],
    ],
    [
      'a subscription of a business whose number nobody checked bears the seller’s VAT',
      { supply: 'subscription', chargerCountry: null, party: party('business', 'DE', null) },
      ['SE25', '25', '1/subscription'],
    ],
    ['bought of a Swedish operator: input VAT of 25 %', { direction: 'purchase', party: party('reseller', 'SE') }, ['SE25', '25', '1/bought-at-home']],
    ['bought of a German operator in Germany: self-assessed', { direction: 'purchase', chargerCountry: 'DE', party: party('reseller', 'DE') }, ['SE-AE', '0.00', '1/bought-abroad']],
    ['bought of a driver at home, who is not registered: no VAT', { direction: 'purchase', party: undefined }, ['SE-O', '0.00', '1/bought-unregistered']],
    ['the share of a registered owner bears VAT', { direction: 'purchase', supply: 'siteAccess', party: party('business', 'SE') }, ['SE25', '25', '1/owner-registered']],
    ['the share of an owner without registration bears none', { direction: 'purchase', supply: 'siteAccess', party: party('business', 'SE', null, null) }, ['SE-O', '0.00', '1/owner-unregistered']],
    ['the share of an owner registered in Germany: we owe the VAT ourselves', { direction: 'purchase', supply: 'siteAccess', party: party('business', 'DE') }, ['SE-AE', '0.00', '1/owner-abroad']],
    ['an outlay is outside VAT, sold', { supply: 'disbursement' }, ['SE-O', '0.00', '1/outlay']],
    ['an outlay is outside VAT, bought', { direction: 'purchase', supply: 'disbursement' }, ['SE-O', '0.00', '1/outlay-paid']],
    ['sold in the owner’s name at home: the charger’s VAT', { supply: 'agency' }, ['SE25', '25', '1/agency-at-home']],
    ['sold in the owner’s name abroad is held back', { supply: 'agency', chargerCountry: 'DE' }, ['vatBlocked'], registeredInGermany],
    ['a tariff that states another rate than the country’s is held back', { statedPercent: '12' }, ['unknownVatRule']],
    ['a tariff that states no VAT where there is one is held back', { statedPercent: null }, ['unknownVatRule']],
    ['what no row covers is held back', { direction: 'purchase', supply: 'subscription' }, ['noVatRow']],
    ['before the table begins everything is held back', { on: '2017-12-31' }, ['noVatTable']],
  ])('%s', (_words, question, expected, entity) => {
    expect(decide(question, entity).map((text) => text.replace(/^0$/, '0.00'))).toEqual(expected);
  });

  it('keeps the evidence of the other party’s status with the decision', () => {
    const decision = decideVat(seller, { subject: '1', direction: 'sale', supply: 'electricity', chargerCountry: 'SE', party: party('reseller', 'DE'), on });
    expect(decision).toMatchObject({ rule: '1/reseller-other-eu (VIES 2019-12-01)' });
  });

  it('takes the first row that holds, of the table that is valid on the tax date', () => {
    const newer = {
      version: 2,
      validFrom: '2019-12-05',
      rows: [{ id: 'all', when: { direction: 'sale' as const }, decides: { vat: 'code' as const, code: 'SE-O' }, basis: 'test' }, ...(seller.vatTables[0]?.rows ?? [])],
    };
    const entity = { ...seller, vatTables: [newer, ...seller.vatTables] };
    expect(decide({}, entity)[2]).toBe('2/all');
    expect(decide({ on: '2019-12-04' }, entity)[2]).toBe('1/final-customer');
  });
});
