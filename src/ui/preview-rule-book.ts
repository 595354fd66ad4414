import { type PreviewRules, previewRulesSchema } from '../contracts/preview-rules.ts';
import { lintPreviewRules, type PreviewRuleCode, previewRules } from '../core/cycle/preview-rules.ts';
import { words } from './format.ts';
import type { RuleBook, Said, Setting } from './rule-book.ts';

type Limits<C extends PreviewRuleCode> = keyof (typeof previewRules)[C]['limits'] & string;

/** What each limit means; one that has no words here does not compile. */
const limitWords: { readonly [C in PreviewRuleCode as Limits<C> extends never ? never : C]: Readonly<Record<Limits<C>, string>> } = {
  documentAbove: {
    cardReceiptMinor: 'A card receipt comes to at most',
    driverInvoiceMinor: 'A driver invoice comes to at most',
    fleetInvoiceMinor: 'A fleet invoice comes to at most',
    emspSettlementMinor: 'An eMSP settlement comes to at most',
    selfBillingMinor: 'A self-billing invoice comes to at most',
    partnerPurchaseMinor: 'A partner purchase comes to at most',
    reimbursementMinor: 'A reimbursement comes to at most',
  },
  priceOutOfBand: { minPercent: 'Lowest price, of the median', maxPercent: 'Highest price, of the median', minWh: 'Only with at least so much energy' },
  segmentPriceMoved: { minPercent: 'Lowest price, of the former one', maxPercent: 'Highest price, of the former one', minAccounts: 'Only with at least so many accounts' },
  energyFree: { minWh: 'Only with at least so much energy' },
  energyJump: { percent: 'From this share of the former median', minWh: 'And above it by at least', minMonths: 'Only with at least so many former months' },
  sessionsJump: { percent: 'From this share of the former median', minSessions: 'And above it by at least', minMonths: 'Only with at least so many former months' },
  tariffsMixed: { maxTariffs: 'At most so many tariffs' },
  sessionAbovePower: { slackPercent: 'Allowed above what the connector gives', slackWh: 'And besides', maxWh: 'At most, whatever the connector' },
  sessionDoubtful: { toleranceS: 'The two durations differ by more than' },
  tokenMoved: { minSessions: 'Only with at least so many former sessions' },
  adjustmentLarge: { percent: 'Larger than this share of all else', minMinor: 'And larger than' },
  siteEarnsNothing: { minMinor: 'Only if it earned at least, each month', minMonths: 'In so many former months' },
  ownerShareMissing: { minMinor: 'Only from so much that is not shared' },
  customerMissing: { months: 'Billed in each of so many former months' },
  adjustmentUnsigned: { minMinor: 'Only above' },
};

/** Units are the last part of a limit's name; counts are named by what is counted. */
function unitOf(name: string): Setting['unit'] {
  if (name.endsWith('Minor')) return 'money';
  if (name.endsWith('Wh')) return 'energy';
  if (/percent$/i.test(name)) return 'percent';
  return name.endsWith('S')
    ? 'duration'
    : {
        of: name
          .replace(/^(?:min|max)/, '')
          .toLowerCase()
          .replace(/s$/, ''),
      };
}

const severities = ['off', 'info', 'warns', 'blocks'] as const;
const codes = Object.keys(previewRules) as PreviewRuleCode[];

/** How previews are judged, as settings. */
export const previewRuleBook: RuleBook<PreviewRules> = {
  rules: codes.map((code) => {
    const { severity, limits, about } = previewRules[code];
    const labels: Readonly<Record<string, Readonly<Record<string, string>>>> = limitWords;
    return {
      key: code,
      name: words(code),
      about,
      settings: [
        { path: `rules.${code}.severity`, label: 'Severity', unit: { choices: severities.map((s) => [s, s] as const) }, byDefault: severity },
        ...Object.entries(limits).map(([name, limit]): Setting => ({ path: `rules.${code}.limits.${name}`, label: labels[code]?.[name] ?? words(name), unit: unitOf(name), byDefault: limit })),
      ],
    };
  }),
  said: ({ rules }) =>
    Object.fromEntries(
      Object.entries(rules).flatMap(([code, { severity, limits = {} }]): [string, Said][] => [
        ...(severity === undefined ? [] : [[`rules.${code}.severity`, severity] as [string, Said]]),
        ...Object.entries(limits).map(([name, limit]): [string, Said] => [`rules.${code}.limits.${name}`, limit]),
      ]),
    ),
  made: (said) => {
    const rules = codes.flatMap((code) => {
      const severity = said[`rules.${code}.severity`];
      const limits = Object.keys(previewRules[code].limits).flatMap((name) => {
        const limit = said[`rules.${code}.limits.${name}`];
        return limit === undefined ? [] : [[name, limit]];
      });
      const own = { ...(severity === undefined ? {} : { severity }), ...(limits.length === 0 ? {} : { limits: Object.fromEntries(limits) }) };
      return Object.keys(own).length === 0 ? [] : [[code, own]];
    });
    const made = previewRulesSchema.parse({ rules: Object.fromEntries(rules) });
    const wrong = lintPreviewRules(made);
    return wrong.length === 0 ? { rules: made } : { wrong };
  },
};
