import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sayingsOf } from '../../src/api/console/setting-values.ts';
import { type DocumentRules, documentRulesSchema, mostThresholdMinor } from '../../src/contracts/document-rules.ts';
import { lintPreviewRules, type PreviewRuleCode, previewRules } from '../../src/core/cycle/preview-rules.ts';
import { authorityOf } from '../../src/core/document/authorities.ts';
import { documentRuleBook } from '../../src/ui/document-rule-book.ts';
import { previewRuleBook } from '../../src/ui/preview-rule-book.ts';
import { changesBetween, heldSince, nowText, type RuleBook, type Sayings, saidText, typedText } from '../../src/ui/rule-book.ts';

const settingAt = (book: { rules: RuleBook<unknown>['rules'] }, path: string) => {
  const found = book.rules.flatMap((rule) => rule.settings).find((setting) => setting.path === path);
  if (found === undefined) throw new Error(`no setting ${path}`);
  return found;
};
/** As a form would hold it, read again. */
const typedAndRead = (book: { rules: RuleBook<unknown>['rules'] }, said: Sayings, currency: string) =>
  sayingsOf(book.rules, Object.fromEntries(book.rules.flatMap((rule) => rule.settings).map((setting) => [setting.path, typedText(setting, said[setting.path], currency)])), currency);
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const without = (object: object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

const previewRuleSets = fc
  .record(
    Object.fromEntries(
      (Object.keys(previewRules) as PreviewRuleCode[]).map((code) => [
        code,
        optional(
          fc
            .record({
              severity: optional(fc.constantFrom('off', 'info', 'warns', 'blocks')),
              limits: fc
                .record(Object.fromEntries(Object.keys(previewRules[code].limits).map((name) => [name, optional(fc.nat(/percent$/i.test(name) ? 1_000_000 : Number.MAX_SAFE_INTEGER))])))
                .map(without),
            })
            .map(({ severity, limits }) => ({ ...(severity === undefined ? {} : { severity }), ...(Object.keys(limits).length === 0 ? {} : { limits }) }))
            .filter((setting) => Object.keys(setting).length > 0),
        ),
      ]),
    ),
  )
  .map((rules) => ({ rules: without(rules) }) as Parameters<typeof previewRuleBook.said>[0])
  // Bounds that are crossed are refused.
  .filter((own) => lintPreviewRules(own).length === 0);

const threshold = fc.nat(mostThresholdMinor);
const late = fc.oneof(fc.constant({ policy: 'nextInvoice' }), fc.constant({ policy: 'separateInvoice' }), fc.record({ policy: fc.constant('holdBelow'), thresholdMinor: threshold }));
const tasks = ['number', 'delivery', 'collection', 'reminders', 'outgoingPayment'] as const;
const documentRuleSets = fc
  .record({
    late: fc.record({ driver: optional(late), fleet: optional(late), eMSP: optional(late) }).map(without),
    minimumInvoice: fc.record({ cardReceipt: optional(threshold), driverInvoice: optional(threshold), emspSettlement: optional(threshold) }).map(without),
    payoutThresholdMinor: threshold,
    accounting: fc.record({ voucherSeries: fc.stringMatching(/^[A-Z]{1,2}$/) }),
    authorities: fc
      .subarray(['invoice', 'creditNote'] as const)
      .chain((types) => fc.tuple(...types.flatMap((type) => tasks.map((task) => fc.constantFrom('wattledger' as const, 'erp' as const).map((authority) => ({ type, task, authority })))))),
  })
  .map((rules) => documentRulesSchema.parse(rules));

describe('rules as settings', () => {
  it('say after a form what was said before it, whatever was said, in any currency', () => {
    fc.assert(
      fc.property(previewRuleSets, fc.constantFrom('SEK', 'EUR', 'JPY'), (rules, currency) => {
        expect(previewRuleBook.made(typedAndRead(previewRuleBook, previewRuleBook.said(rules), currency))).toEqual({ rules });
      }),
    );
    fc.assert(
      fc.property(documentRuleSets, fc.constantFrom('SEK', 'EUR'), (rules, currency) => {
        const made = documentRuleBook.made(typedAndRead(documentRuleBook, documentRuleBook.said(rules), currency)) as { rules: DocumentRules };
        const { authorities, ...others } = made.rules;
        const { authorities: asked, ...othersAsked } = rules;
        expect(others).toEqual(othersAsked);
        // A type that is named with what it has anyway is left out: who does each task is the same.
        for (const type of ['invoice', 'creditNote', 'receipt']) for (const task of tasks) expect(authorityOf(authorities, type, task)).toBe(authorityOf(asked, type, task));
      }),
    );
  });

  it('stand in major units, by hand', () => {
    // 1,000,000 öre are 10,000.00 SEK; 150,000 Wh are 150.000 kWh; 10,800 s are 3 hours.
    expect(saidText(settingAt(previewRuleBook, 'rules.documentAbove.limits.driverInvoiceMinor'), 1_000_000, 'SEK')).toBe('10,000.00 SEK');
    expect(typedText(settingAt(previewRuleBook, 'rules.documentAbove.limits.driverInvoiceMinor'), 1_000_000, 'SEK')).toBe('10000.00');
    expect(nowText(settingAt(previewRuleBook, 'rules.sessionAbovePower.limits.maxWh'), undefined, 'SEK')).toBe('150.000 kWh, the default');
    expect(saidText(settingAt(previewRuleBook, 'rules.sessionDoubtful.limits.toleranceS'), 10_800, 'SEK')).toBe('3:00:00');
    expect(saidText(settingAt(previewRuleBook, 'rules.priceOutOfBand.limits.maxPercent'), 300, 'SEK')).toBe('300 %');
    expect(saidText(settingAt(previewRuleBook, 'rules.customerMissing.limits.months'), 1, 'SEK')).toBe('1 month');
    expect(saidText(settingAt(documentRuleBook, 'minimumInvoice.driverInvoice'), null, 'SEK')).toBe('none');
    expect(sayingsOf(previewRuleBook.rules, { 'rules.sessionAbovePower.limits.slackWh': '0.5', 'rules.sessionDoubtful.limits.toleranceS': '1:02:03' }, 'SEK')).toEqual({
      'rules.sessionAbovePower.limits.slackWh': 500,
      'rules.sessionDoubtful.limits.toleranceS': 3723,
    });
  });

  it('name each field that cannot be read, with how to write it', () => {
    const read = (rules: RuleBook<unknown>['rules'], typed: Record<string, string>) => {
      try {
        return sayingsOf(rules, typed, 'SEK');
      } catch (error) {
        return (error as { more: object }).more;
      }
    };
    const previewField = { money: 'rules.documentAbove.limits.driverInvoiceMinor', energy: 'rules.energyFree.limits.minWh', percent: 'rules.energyJump.limits.percent' };
    expect(
      read(previewRuleBook.rules, {
        [previewField.money]: '1 000,00',
        [previewField.energy]: '1.2345',
        [previewField.percent]: '50 %',
        'rules.sessionDoubtful.limits.toleranceS': '3 h',
        'rules.customerMissing.limits.months': '-1',
        'rules.vatMissing.severity': 'loud',
      }),
    ).toEqual({
      errors: expect.arrayContaining([
        { path: previewField.money, message: '"1 000,00" is no amount in SEK: write digits and a point, such as 1000.00, or leave it empty for the default' },
        { path: previewField.energy, message: expect.stringContaining('such as 13.7') },
        { path: previewField.percent, message: expect.stringContaining('write 150, without the sign') },
        { path: 'rules.sessionDoubtful.limits.toleranceS', message: expect.stringContaining('such as 3:00:00') },
        { path: 'rules.customerMissing.limits.months', message: expect.stringContaining('write 3') },
        { path: 'rules.vatMissing.severity', message: '"loud" is none of the choices' },
      ]),
    });
    expect(read(documentRuleBook.rules, { payoutThresholdMinor: '1000000.01' })).toEqual({
      errors: [{ path: 'payoutThresholdMinor', message: '1,000,000.01 SEK is too much: at most 1,000,000.00 SEK' }],
    });
    expect(documentRuleBook.made({ 'late.driver.thresholdMinor': 500 })).toMatchObject({ wrong: [{ path: 'late.driver.thresholdMinor' }] });
    expect(documentRuleBook.made({ 'authorities.receipt.number': 'erp' })).toMatchObject({
      wrong: [{ path: 'authorities.receipt.number', message: expect.stringContaining('Leave number to wattledger') }],
    });
    expect(previewRuleBook.made({ 'rules.energyJump.limits.percent': 1_000_001 })).toMatchObject({ wrong: [{ path: 'rules.energyJump.limits.percent' }] });
  });

  it('know since which version each holds, through changes back and forth', () => {
    const severity = 'rules.energyJump.severity';
    const percent = 'rules.energyJump.limits.percent';
    const versions = [{ [severity]: 'off' }, { [severity]: 'off', [percent]: 300 }, { [percent]: 300 }].map((said, i) => ({ version: i + 1, said, reason: 'why', author: 'a', madeAt: '' }));
    const since = heldSince(previewRuleBook.rules, versions);
    expect([since.get(severity)?.version, since.get(percent)?.version, since.size]).toEqual([3, 2, 2]);
    expect(changesBetween(previewRuleBook.rules, versions[1]?.said ?? {}, versions[2]?.said ?? {}).map(({ setting, from, to }) => [setting.path, from, to])).toEqual([[severity, 'off', undefined]]);
  });
});
