import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLanguages, wordsFor } from '../../src/adapters/documents/words/languages.ts';
import { itemText, titleOf } from '../../src/adapters/documents/words/words.ts';
import type { SupplyClause } from '../../src/contracts/agreement.ts';
import { documentOf, lineOf } from '../support/issued-document.ts';
import { chargesOf, driver, perKwh } from '../support/session.ts';

const own = path.resolve(import.meta.dirname, '../../languages');
const swedish = JSON.parse(readFileSync(path.join(own, 'sv.json'), 'utf8'));
const german = { ...swedish, language: 'de', countries: ['DE', 'AT'], titles: { ...swedish.titles, invoice: 'Rechnung' } };
let folder: string;
const put = (name: string, words: unknown) => writeFileSync(path.join(folder, name), typeof words === 'string' ? words : JSON.stringify(words));

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'languages-'));
  cpSync(own, folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a language', () => {
  it('is a file put beside the others: for who asks for it, and for receivers of its countries', () => {
    put('de.json', german);
    const languages = readLanguages(folder);
    expect([...languages.keys()]).toEqual(['de', 'en', 'sv']);
    const invoice = documentOf({ lines: [lineOf()] });
    const titleIn = (country: string, language?: string) => titleOf(invoice, wordsFor({ party: { ...invoice.party, country } }, language, languages));
    expect([titleIn('SE', 'de'), titleIn('AT'), titleIn('SE'), titleIn('DK'), titleIn('SE', 'fi')]).toEqual(['Rechnung', 'Rechnung', 'Faktura', 'Invoice', 'Invoice']);
  });

  it('that lacks a word, or has one too many, is refused by file and key', () => {
    const { payable: _, ...labels } = german.labels;
    put('de.json', { ...german, labels });
    expect(() => readLanguages(folder)).toThrow(/de\.json: labels\.payable: /);
    const { ENERGY: __, ...items } = german.items;
    put('de.json', { ...german, items });
    expect(() => readLanguages(folder)).toThrow(/de\.json: items\.ENERGY is missing/);
    put('de.json', { ...german, notes: { ...german.notes, more: 'mehr' } });
    expect(() => readLanguages(folder)).toThrow(/de\.json: notes: .*"more"/);
    put('de.json', { ...german, units: { ...german.units, SEC: '' } });
    expect(() => readLanguages(folder)).toThrow(/de\.json: units\.SEC: /);
    put('de.json', '{ "language": ');
    expect(() => readLanguages(folder)).toThrow(/de\.json: .*JSON/);
  });

  it('has one name and its countries alone; English is always there', () => {
    put('de.json', { ...german, language: 'nl' });
    expect(() => readLanguages(folder)).toThrow('language is "nl", and has to be the name of the file');
    put('de.json', { ...german, countries: ['SE'] });
    expect(() => readLanguages(folder)).toThrow('sv.json: countries has SE, which de.json has too');
    rmSync(path.join(folder, 'en.json'));
    expect(() => readLanguages(folder)).toThrow(/en\.json is missing/);
  });

  it('names whatever a line may be for, so that nobody reads the code of a component on an invoice', () => {
    const facts = { chargingEndAt: '2019-12-05T11:00:00Z' };
    const clauses: SupplyClause[] = [
      { kind: 'discount', id: 'd', percent: '10' },
      { kind: 'startFee', id: 's', amount: '5' },
      { kind: 'idleFee', id: 'i', perMinute: '1', graceMinutes: 0, withoutEnergy: false },
    ];
    const made = ['min_price', 'max_price'].flatMap((limit, i) =>
      chargesOf({ payer: driver, tariff: { ...perKwh('3'), [limit]: { excl_vat: i === 0 ? '500' : '1' } }, facts, agreements: { driver: [{ kind: 'supply', status: 'active', clauses }] } }),
    );
    const components = [...new Set(made.map((c) => c.component.split('/')[0] ?? ''))];
    expect(components).toEqual(['ENERGY', 'min_price', 'discount', 'startFee', 'idle', 'max_price']);
    const ofTheMonth = ['fee', 'advanceFee', 'included#2', 'tiers', 'cap', 'minimum', 'negativeMonth', 'negativeMonth@EUR#2'];
    for (const words of readLanguages(own).values())
      for (const item of [...components, 'TIME', 'PARKING_TIME', 'FLAT', 'RESERVATION_TIME', 'RESERVATION_FLAT', ...ofTheMonth])
        expect(itemText(item, words), `${words.language} ${item}`).not.toBe(item);
  });
});
