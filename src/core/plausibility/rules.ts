import type { FindingOwner } from '../../contracts/quarantine-cause.ts';
import type { RuleProfile } from '../../contracts/rule-profile.ts';
import type { PayerSetup } from '../allocate/setup.ts';
import type { IssueCode, Severity } from '../issues.ts';

type RuleDefaults = {
  /** Raised when the rule judges differently; findings keep the version they were made by. */
  readonly version: number;
  readonly severity: Severity;
  readonly owner: FindingOwner;
  /** Wh, W, s, %, days or minor units, as the name says; 0 switches a limit off where the text says so. */
  readonly limits: Readonly<Record<string, number>>;
  readonly about: string;
};

/** The rules on one session's facts, its neighbours and its price (domain.md, plausibility rules seen in practice), and on what a source sent as a whole. */
export const rules = {
  placeholderTime: { version: 1, severity: 'blocks', owner: 'partner', limits: { beforeYear: 2000 }, about: 'A start or end that a charger without a clock writes, such as 1970-01-01.' },
  endBeforeStart: { version: 1, severity: 'blocks', owner: 'partner', limits: {}, about: 'The session ends before it starts.' },
  futureStart: { version: 2, severity: 'blocks', owner: 'ops', limits: { toleranceS: 300 }, about: 'The session starts after it was received.' },
  chargingOutsideSession: { version: 1, severity: 'warns', owner: 'partner', limits: { toleranceS: 60 }, about: 'A charging period, or the end of charging, lies outside the session.' },
  deliveredLate: {
    version: 1,
    severity: 'info',
    owner: 'partner',
    limits: { ageLimitDays: 0 },
    about: 'The record came after 50, 75, 90 or 100 % of the age limit agreed with the partner; 0 is no limit. Age alone never drops a record.',
  },
  energyNegative: { version: 1, severity: 'blocks', owner: 'partner', limits: {}, about: 'Negative energy.' },
  energyOutOfRange: { version: 2, severity: 'blocks', owner: 'ops', limits: { maxWh: 200_000 }, about: 'More energy than any vehicle of the source takes.' },
  tinySession: {
    version: 1,
    severity: 'info',
    owner: 'finance',
    limits: { minWh: 0, minS: 0 },
    about: 'Less energy than is worth an invoice line: the session is written off (D25). A time below its limit is a finding alone. 0 is no limit.',
  },
  durationOutOfRange: { version: 2, severity: 'warns', owner: 'ops', limits: { maxHours: 168 }, about: 'The session lasts longer than plausible: the plug-out may be missed.' },
  durationAbsurd: { version: 1, severity: 'blocks', owner: 'ops', limits: { maxHours: 1440 }, about: 'The session lasts longer than any charging.' },
  durationMismatch: { version: 2, severity: 'warns', owner: 'partner', limits: { toleranceS: 120 }, about: 'The stated duration is not that of the times.' },
  energyAboveConnector: {
    version: 2,
    severity: 'blocks',
    owner: 'ops',
    limits: { slackPercent: 10, slackWh: 500, slackS: 60 },
    about: 'More energy than the connector can give in the time of the session, or of one of its charging periods.',
  },
  meterRegression: { version: 1, severity: 'blocks', owner: 'ops', limits: {}, about: 'The meter ends below its start.' },
  meterMismatch: { version: 1, severity: 'blocks', owner: 'ops', limits: { toleranceWh: 10 }, about: 'The energy is not the difference of the meter’s readings.' },
  odometerAsEnergy: { version: 1, severity: 'blocks', owner: 'partner', limits: {}, about: 'The energy is the meter’s reading, not what the session added to it.' },
  overlapOnEvse: { version: 1, severity: 'warns', owner: 'ops', limits: { toleranceS: 60 }, about: 'Another session was on the same EVSE at the same time.' },
  overlapOnToken: { version: 1, severity: 'info', owner: 'ops', limits: { toleranceS: 60 }, about: 'The token charged somewhere else at the same time.' },
  sameSession: { version: 1, severity: 'info', owner: 'ops', limits: { toleranceWh: 100 }, about: 'Another route reports the same physical session; own metering is billed.' },
  unauthenticated: { version: 1, severity: 'warns', owner: 'ops', limits: {}, about: 'The token is one that chargers write for nobody.' },
  costOutOfRange: {
    version: 1,
    severity: 'blocks',
    owner: 'finance',
    limits: { maxMinor: 1_000_000, maxMinorPerKwh: 5_000 },
    about: 'The price of the session, or of its kWh, is beyond what is usual. Net, minor units.',
  },
  controlTotalDiffers: {
    version: 1,
    severity: 'blocks',
    owner: 'partner',
    limits: { toleranceCount: 0, toleranceWh: 0, toleranceMinor: 0 },
    about: 'What arrived of a day is not what the source says it sent: CDRs, Wh, or hundredths of the currency apart by more than the tolerance (invariant 9).',
  },
  controlTotalMissing: { version: 1, severity: 'warns', owner: 'partner', limits: {}, about: 'CDRs of a day arrived and the source stated no total of it, though it states others of the month.' },
  listedCountDiffers: {
    version: 1,
    severity: 'blocks',
    owner: 'partner',
    limits: { toleranceCount: 0 },
    about: 'An OCPI peer has another number of CDRs of a day (X-Total-Count, by last_updated) than arrived.',
  },
  expectationOpen: {
    version: 1,
    severity: 'warns',
    owner: 'ops',
    limits: {},
    about: 'Sessions were seen to start whose CDRs have not come. Whatever the severity, the close needs each resolved or signed (invariant 12).',
  },
  watermarkBehind: { version: 1, severity: 'warns', owner: 'partner', limits: {}, about: 'The source does not say that the period is complete, though it stated how far it is before.' },
  vehicleDiffers: {
    version: 1,
    severity: 'warns',
    owner: 'ops',
    limits: { moreThanMeterPercent: 3, lossPercent: 25 },
    about: 'A vehicle says it took more at a home than the meter gave, or less than losses explain. Percent of what the meter gave.',
  },
  vehicleWithoutMeter: { version: 1, severity: 'warns', owner: 'ops', limits: {}, about: 'A vehicle charged at a home, and no meter reported it: nothing is reimbursed.' },
  zeroCost: { version: 1, severity: 'warns', owner: 'finance', limits: {}, about: 'Nothing is billed for energy, though the tariff has a price.' },
} as const satisfies Partial<Record<IssueCode, RuleDefaults>>;

export type RuleCode = keyof typeof rules;
export type Judgement = { readonly severity: Severity | 'off'; readonly version: number; readonly limit: (name: string) => number };

/** What was asked of a profile before, by category and rule. */
const judgements = new WeakMap<RuleProfile, Map<string, Map<RuleCode, Judgement>>>();

/** A rule as it holds for a source and the category of the payer, unknown where the token is not mapped. */
export function judgementOf(profile: RuleProfile, code: RuleCode, category: PayerSetup['category'] | undefined): Judgement {
  const ofProfile = judgements.get(profile) ?? new Map<string, Map<RuleCode, Judgement>>();
  judgements.set(profile, ofProfile);
  const ofCategory = ofProfile.get(category ?? '') ?? new Map<RuleCode, Judgement>();
  ofProfile.set(category ?? '', ofCategory);
  const judgement = ofCategory.get(code) ?? judge(profile, code, category);
  ofCategory.set(code, judgement);
  return judgement;
}

function judge(profile: RuleProfile, code: RuleCode, category: PayerSetup['category'] | undefined): Judgement {
  const defaults: RuleDefaults = rules[code];
  const own = profile.rules[code];
  const narrower = category === undefined ? undefined : own?.byCategory?.[category];
  return {
    severity: narrower?.severity ?? own?.severity ?? defaults.severity,
    version: defaults.version,
    limit(name) {
      const value = narrower?.limits?.[name] ?? own?.limits?.[name] ?? defaults.limits[name];
      if (value === undefined) throw new RangeError(`rule ${code} has no limit ${name}`);
      return value;
    },
  };
}

/** What a profile names that no rule knows: codes and limits, as paths. */
export function unknownSettings(profile: RuleProfile): string[] {
  return Object.entries(profile.rules).flatMap(([code, setting]) => {
    if (!(code in rules)) return [`rules.${code}`];
    const known: Readonly<Record<string, number>> = rules[code as RuleCode].limits;
    const named = [setting, ...Object.values(setting.byCategory ?? {})].flatMap((s) => Object.keys(s?.limits ?? {}));
    return [...new Set(named)].filter((name) => !(name in known)).map((name) => `rules.${code}.limits.${name}`);
  });
}

/** What cannot be read is mended where it was written. */
const unreadable: ReadonlySet<string> = new Set<IssueCode>(['badShape', 'badEncoding', 'wrongColumnCount', 'missingField', 'badNumber', 'badTimestamp', 'missingEnd']);

/** Who looks first at a cause for waiting: what is missing in the set-up belongs to ops. */
export function ownerOf(code: string): FindingOwner {
  if (unreadable.has(code)) return 'partner';
  return code in rules ? rules[code as RuleCode].owner : 'ops';
}
