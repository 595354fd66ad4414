import { crossed } from '../../contracts/bounds.ts';
import type { PreviewRules } from '../../contracts/preview-rules.ts';
import type { IssueCode, Severity } from '../issues.ts';

type RuleDefaults = {
  /** Raised when the rule judges differently; findings keep the version they were made by. */
  readonly version: number;
  readonly severity: Severity;
  /** Minor units of the entity's books, Wh, %, counts, as the name says. */
  readonly limits: Readonly<Record<string, number>>;
  readonly about: string;
};

/** What makes a preview look wrong, though each record in it passed by itself. */
export const previewRules = {
  documentAbove: {
    version: 2,
    severity: 'blocks',
    limits: {
      cardReceiptMinor: 100_000,
      driverInvoiceMinor: 1_000_000,
      fleetInvoiceMinor: 100_000_000,
      emspSettlementMinor: 100_000_000,
      selfBillingMinor: 100_000_000,
      partnerPurchaseMinor: 100_000_000,
      reimbursementMinor: 1_000_000,
    },
    about: 'What is payable is above what any document of its strategy comes to. A strategy without a limit has none.',
  },
  documentNegative: { version: 1, severity: 'blocks', limits: {}, about: 'The document comes to less than nothing: an invoice is never negative.' },
  vatMissing: { version: 1, severity: 'blocks', limits: {}, about: 'A line at 0 % whose code is neither reverse charge (AE) nor outside the scope (O).' },
  vatCodeUnfit: { version: 1, severity: 'blocks', limits: {}, about: 'A line with the rate of a country where neither its charger nor the seller is, or reverse charge to a consumer.' },
  priceOutOfBand: {
    version: 1,
    severity: 'blocks',
    limits: { minPercent: 30, maxPercent: 300, minWh: 5_000 },
    about: 'A customer’s price per kWh, of the energy at one site, far from the median of its segment in the run.',
  },
  segmentPriceMoved: {
    version: 1,
    severity: 'blocks',
    limits: { minPercent: 60, maxPercent: 170, minAccounts: 2 },
    about: 'The median price per kWh of a whole segment is far from the one of its former months.',
  },
  energyFree: { version: 1, severity: 'warns', limits: { minWh: 20_000 }, about: 'Energy that was delivered at one site and costs the customer nothing.' },
  energyJump: {
    version: 1,
    severity: 'warns',
    limits: { percent: 500, minWh: 300_000, minMonths: 3 },
    about: 'A customer’s energy is far above the median of its former months. New customers grow fast: they have some months to settle.',
  },
  sessionsJump: { version: 1, severity: 'warns', limits: { percent: 500, minSessions: 100, minMonths: 3 }, about: 'A customer has far more sessions than in the median of its former months.' },
  tariffsMixed: { version: 1, severity: 'warns', limits: { maxTariffs: 1 }, about: 'One segment was priced by several assigned tariffs at one site in the month.' },
  sessionAbovePower: {
    version: 1,
    severity: 'blocks',
    limits: { slackPercent: 10, slackWh: 500, maxWh: 150_000 },
    about: 'A session holds more than the connector gives in its time, or than any battery takes: a meter’s reading may stand for its energy.',
  },
  sessionTwice: { version: 1, severity: 'blocks', limits: {}, about: 'Two records of one customer with the same site, start, end and energy.' },
  sessionDoubtful: {
    version: 1,
    severity: 'warns',
    limits: { toleranceS: 10_800 },
    about: 'A session is billed whose stated duration is far from that of its times; a change of the clock is not.',
  },
  tokenMoved: { version: 1, severity: 'warns', limits: { minSessions: 3 }, about: 'A token that charged for another account in former months charges for this one.' },
  feeRepeated: { version: 1, severity: 'blocks', limits: {}, about: 'The same fee, or the same manual amount, stands twice on an account.' },
  adjustmentLarge: {
    version: 2,
    severity: 'blocks',
    limits: { percent: 100, minMinor: 50_000 },
    about: 'A manual amount is larger than all that the account is billed besides, and no trifle.',
  },
  siteEarnsNothing: { version: 2, severity: 'warns', limits: { minMinor: 10_000, minMonths: 3 }, about: 'A site that earned in each of the former months earned nothing.' },
  ownerShareMissing: {
    version: 2,
    severity: 'blocks',
    limits: { minMinor: 1_000 },
    about: 'Sessions at a site are not shared, though they were in former months, or its owner’s contract gives a share of each.',
  },
  customerMissing: { version: 1, severity: 'warns', limits: { months: 3 }, about: 'A customer who had a document in each of the former months has none.' },
  exclusionConflict: { version: 1, severity: 'blocks', limits: {}, about: 'Exclusions of the same rank and scope want different things of the same charges; they are carried meanwhile.' },
  exclusionExpired: { version: 1, severity: 'warns', limits: {}, about: 'What a standing exclusion carried is billed, since it is over.' },
  carriedTooLong: { version: 1, severity: 'warns', limits: {}, about: 'What a standing exclusion carried is billed, since it was carried for as long as the rule allows.' },
  carriedBilled: { version: 1, severity: 'info', limits: {}, about: 'What an earlier run’s own exclusion carried is billed.' },
  exclusionReviewDue: { version: 1, severity: 'warns', limits: {}, about: 'A standing exclusion leaves something out after the day somebody was to look at it again.' },
  adjustmentUnsigned: { version: 2, severity: 'blocks', limits: { minMinor: 1_000_000 }, about: 'A large manual amount that no second person has signed; only that signature clears it.' },
  adjustmentConflict: { version: 1, severity: 'warns', limits: {}, about: 'A manual amount on an account that is parked or left out, or about a charge that is left out or was taken back.' },
  creditAboveLine: { version: 1, severity: 'blocks', limits: {}, about: 'Credits against an issued line exceed it, since a correction took the line back after the adjustment was made.' },
  purchaseOrderMissing: { version: 2, severity: 'warns', limits: {}, about: 'An invoice is held, since its customer wants a purchase order on it that nobody has entered.' },
  twinWaits: { version: 2, severity: 'warns', limits: {}, about: 'A manual amount that an earlier run left unbilled, or that takes back a billed one, is due and in no run.' },
} as const satisfies Partial<Record<IssueCode, RuleDefaults>>;

export type PreviewRuleCode = keyof typeof previewRules;
export type PreviewJudgement = { readonly severity: Severity | 'off'; readonly version: number; readonly limits: Readonly<Record<string, number>> };

/** A rule as it holds for an entity. */
export function previewJudgement(own: PreviewRules, code: PreviewRuleCode): PreviewJudgement {
  const { severity, version, limits }: RuleDefaults = previewRules[code];
  return { severity: own.rules[code]?.severity ?? severity, version, limits: { ...limits, ...own.rules[code]?.limits } };
}

/** A share beyond it is a slip of the finger, and its product with an energy leaves what the database counts in. */
const mostPercent = 1_000_000;

/** What of an entity's rules cannot stand: codes and limits that do not exist, shares that nothing reaches, and bounds with nothing between them, own or by default. */
export function lintPreviewRules(own: PreviewRules): { readonly path: string; readonly message: string }[] {
  return Object.entries(own.rules).flatMap(([code, setting]) => {
    if (!(code in previewRules)) return [{ path: `rules.${code}`, message: unknown }];
    const known: Readonly<Record<string, number>> = previewRules[code as PreviewRuleCode].limits;
    const pathOf = (name: string) => `rules.${code}.limits.${name}`;
    const each = Object.entries(setting.limits ?? {}).flatMap(([name, limit]) => {
      const path = pathOf(name);
      if (!(name in known)) return [{ path, message: unknown }];
      return /percent$/i.test(name) && limit > mostPercent ? [{ path, message: `at most ${mostPercent} %; off as severity lets everything pass` }] : [];
    });
    const limits = { ...known, ...setting.limits };
    const pairs = Object.keys(known).flatMap((lower) => {
      const upper = lower.replace(/^min/, 'max');
      return upper === lower ? [] : crossed([lower, limits[lower]], [upper, limits[upper]]);
    });
    return [...each, ...pairs.map(({ name, message }) => ({ path: pathOf(name), message }))];
  });
}

const unknown = 'no such rule or limit; GET the preview rules of the entity lists them';
