import { type Authority, authorityTasks, type DocumentRules, documentRulesSchema, documentTypes, mostThresholdMinor } from '../contracts/document-rules.ts';
import { authorityOf, lintAuthorities, numberedByErp } from '../core/document/authorities.ts';
import { describeIssue } from '../core/issues.ts';
import { words } from './format.ts';
import { named, type Rule, type RuleBook, type Said, type Sayings, type Setting } from './rule-book.ts';

const defaults = documentRulesSchema.parse({});
const byThreshold = documentRulesSchema.parse({ late: { driver: { policy: 'holdBelow' } } }).late.driver;
const categories = ['driver', 'fleet', 'eMSP'] as const;
const invoices = ['cardReceipt', 'cardInvoice', 'driverInvoice', 'fleetInvoice', 'emspSettlement'] as const;

const policies = [
  ['nextInvoice', 'on the next invoice'],
  ['separateInvoice', 'on an invoice of its own'],
  ['holdBelow', 'held until it reaches an amount'],
] as const;
const doers = [
  ['wattledger', 'WattLedger'],
  ['erp', 'the ERP'],
] as const;
const taskWords: Readonly<Record<Authority['task'], string>> = { number: 'Numbers it', delivery: 'Delivers it', collection: 'Collects it', reminders: 'Reminds of it', outgoingPayment: 'Pays it out' };
const typeWords: Readonly<Record<Authority['type'], string>> = {
  invoice: 'Invoices',
  creditNote: 'Credit notes',
  receipt: 'Receipts',
  selfBilling: 'Self-billing invoices',
  selfBillingCredit: 'Self-billing credit notes',
  settlementStatement: 'Settlement statements',
  reimbursement: 'Reimbursements',
};

const rules: readonly Rule[] = [
  ...categories.map(
    (category): Rule => ({
      key: `late.${category}`,
      name: `What comes late, ${category === 'eMSP' ? 'eMSPs' : `${category}s`}`,
      about: 'What becomes of sessions and corrections of a month that the customer was billed already.',
      settings: [
        { path: `late.${category}.policy`, label: 'They are', unit: { choices: policies }, byDefault: 'nextInvoice' },
        {
          path: `late.${category}.thresholdMinor`,
          label: 'What is held reaches at least',
          unit: 'money',
          most: mostThresholdMinor,
          byDefault: byThreshold?.policy === 'holdBelow' ? byThreshold.thresholdMinor : null,
        },
      ],
    }),
  ),
  {
    key: 'minimumInvoice',
    name: 'Smallest invoice',
    about: 'An invoice below it waits for the next, for three months at most.',
    settings: invoices.map(
      (strategy): Setting => ({
        path: `minimumInvoice.${strategy}`,
        label: `${named(words(strategy))} from`,
        unit: 'money',
        most: mostThresholdMinor,
        byDefault: null,
      }),
    ),
  },
  {
    key: 'payout',
    name: 'Smallest payment',
    about: 'Payees that are owed less wait, for 12 months at most.',
    settings: [{ path: 'payoutThresholdMinor', label: 'Paid from', unit: 'money', most: mostThresholdMinor, byDefault: defaults.payoutThresholdMinor }],
  },
  {
    key: 'accounting',
    name: 'Voucher series',
    about: 'The series that the bookkeeping keeps for what is handed to it as a file.',
    settings: [{ path: 'accounting.voucherSeries', label: 'Series', unit: 'letters', byDefault: defaults.accounting.voucherSeries }],
  },
  ...documentTypes.map(
    (type): Rule => ({
      key: `authorities.${type}`,
      name: `${typeWords[type]}: who does what`,
      about: `One does each task.${numberedByErp.has(type) ? ' What the ERP numbers is issued once it has told the number.' : ' Only WattLedger numbers them.'}`,
      settings: authorityTasks.map(
        (task): Setting => ({
          path: pathOf(type, task),
          label: taskWords[task],
          unit: { choices: task === 'number' && !numberedByErp.has(type) ? doers.slice(0, 1) : doers },
          byDefault: authorityOf([], type, task),
        }),
      ),
    }),
  ),
];

/** How documents are made, as settings. */
export const documentRuleBook: RuleBook<DocumentRules> = {
  rules,
  said: (own) => {
    const said: [string, Said][] = [
      ...categories.flatMap((category): [string, Said][] => {
        const late = own.late[category];
        if (late === undefined) return [];
        return [[`late.${category}.policy`, late.policy], ...(late.policy === 'holdBelow' ? [[`late.${category}.thresholdMinor`, late.thresholdMinor] as [string, Said]] : [])];
      }),
      ...Object.entries(own.minimumInvoice).map(([strategy, minor]): [string, Said] => [`minimumInvoice.${strategy}`, minor]),
      ['payoutThresholdMinor', own.payoutThresholdMinor],
      ['accounting.voucherSeries', own.accounting.voucherSeries],
      ...own.authorities.map(({ type, task, authority }): [string, Said] => [pathOf(type, task), authority]),
    ];
    // What no version can tell from a default is one.
    return Object.fromEntries(said.filter(([path, value]) => !filledIn(path) || value !== byDefault(path)));
  },
  made: (said) => {
    const own = documentRulesSchema.safeParse({
      late: Object.fromEntries(categories.flatMap((category) => lateOf(category, said))),
      minimumInvoice: Object.fromEntries(invoices.flatMap((strategy) => ofPath(strategy, said[`minimumInvoice.${strategy}`]))),
      authorities: documentTypes.flatMap((type) => authoritiesOf(type, said)),
      ...Object.fromEntries(ofPath('payoutThresholdMinor', said['payoutThresholdMinor'])),
      accounting: Object.fromEntries(ofPath('voucherSeries', said['accounting.voucherSeries'])),
    });
    const wrong = [
      ...categories.flatMap((category) =>
        said[`late.${category}.thresholdMinor`] !== undefined && said[`late.${category}.policy`] !== 'holdBelow'
          ? [{ path: `late.${category}.thresholdMinor`, message: `only what is held has an amount: choose "${policies[2][1]}", or leave it empty` }]
          : [],
      ),
      ...(own.success ? lintAuthorities(own.data.authorities) : []).map((found) => ({ path: pathOf(found.subject, String(found.params['task'] ?? 'number')), message: describeIssue(found) })),
      ...(own.error?.issues ?? []).map(({ path, message }) => ({ path: path.join('.'), message })),
    ];
    return own.success && wrong.length === 0 ? { rules: own.data } : { wrong };
  },
};

function pathOf(type: string, task: string): string {
  return `authorities.${type}.${task}`;
}
const ofPath = (name: string, value: Said | undefined) => (value === undefined ? [] : [[name, value]]);
const byDefault = (path: string) => rules.flatMap((rule) => rule.settings).find((setting) => setting.path === path)?.byDefault;
const filledIn = (path: string) => !path.startsWith('minimumInvoice.') && !path.endsWith('.policy');

function lateOf(category: string, said: Sayings) {
  const policy = said[`late.${category}.policy`];
  if (policy === undefined) return [];
  return [[category, { policy, ...(policy === 'holdBelow' ? Object.fromEntries(ofPath('thresholdMinor', said[`late.${category}.thresholdMinor`])) : {}) }]];
}

/** All tasks of a type, as the rules want them, once one of them is said otherwise. */
function authoritiesOf(type: Authority['type'], said: Sayings) {
  if (authorityTasks.every((task) => said[pathOf(type, task)] === undefined)) return [];
  return authorityTasks.map((task) => ({ type, task, authority: said[pathOf(type, task)] ?? authorityOf([], type, task) }));
}
