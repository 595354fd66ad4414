import { ruleProfileSchema } from '../../contracts/rule-profile.ts';
import type { IssueCode } from '../../core/issues.ts';
import { dayBefore } from '../../core/period/segments.ts';
import { judgementOf, type RuleCode } from '../../core/plausibility/rules.ts';
import type { Db } from '../db.ts';
import type { ControlDay } from '../reads/control-day.ts';
import { controlTotalDays } from '../reads/control-totals.ts';
import { missingCdrs } from '../reads/expectations.ts';
import { type VehicleEvidence, vehicleEvidence } from '../reads/vehicle-evidence.ts';
import { keepFindings, type RunFound } from './check-preview.ts';
import { type RunWindow, runWindow } from './run-window.ts';

const codes = [
  'controlTotalDiffers',
  'controlTotalMissing',
  'expectationOpen',
  'listedCountDiffers',
  'vehicleDiffers',
  'vehicleWithoutMeter',
  'watermarkBehind',
] as const satisfies readonly RuleCode[];
type Code = (typeof codes)[number];

/**
 * Says what is known to be missing of a run's period as findings of the run: what blocks has to be mended or signed before approval. Judged
 * anew with each build; a finding that comes out as before keeps its row. An off-cycle run has none.
 */
export async function checkCompleteness(db: Db, runId: string): Promise<void> {
  const window = await runWindow(db, runId);
  const found = window.offCycle ? [] : await findMissing(db, runId, window);
  const standing = await db.query('SELECT f.*, l.account_id FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.code = ANY($2)', [runId, codes]);
  await keepFindings(db, runId, standing.rows, found);
}

async function findMissing(db: Db, runId: string, window: RunWindow): Promise<RunFound[]> {
  const days = await controlTotalDays(db, window);
  const missing = await missingCdrs(db, { sourceIds: window.sourceIds, before: window.periodEnd, runId });
  const evidence = await vehicleEvidence(db, { sourceIds: window.sourceIds, firstMonth: window.from.slice(0, 7), lastMonth: dayBefore(window.to).slice(0, 7) });
  return window.sources.flatMap((source) => {
    const profile = ruleProfileSchema.parse(source.ruleProfile);
    const make = (code: Code, params: RunFound['params']): RunFound[] => {
      const { severity, version } = judgementOf(profile, code, undefined);
      if (severity === 'off') return [];
      return [
        { code: code satisfies IssueCode, version, severity, profileVersion: source.ruleProfileVersion, subject: `source ${source.id}`, accountId: null, documentId: null, recordId: null, params },
      ];
    };
    const own = days.filter((d) => d.sourceId === source.id);
    const lacks = missing.find((m) => m.sourceId === source.id);
    const told = evidence.filter((e) => e.sourceId === source.id);
    const behind = source.completeUntil !== null && source.completeUntil < window.periodEnd;
    return [
      ...own.filter((d) => d.status === 'differs').flatMap((d) => make(d.countedBy === 'lastUpdated' ? 'listedCountDiffers' : 'controlTotalDiffers', differenceOf(d))),
      ...own.filter((d) => d.status === 'missing').flatMap((d) => make('controlTotalMissing', { on: placeOf(d), receivedCount: d.received.count, receivedWh: String(d.received.energyWh) })),
      ...(lacks === undefined
        ? []
        : make('expectationOpen', {
            computed: lacks.open,
            oldest: lacks.oldest,
            energyWh: lacks.energyWh.toString(),
            amount: lacks.atRisk.map((a) => a.amount).join(' + ') || '0',
            currency: lacks.atRisk.map((a) => a.currency).join(' + '),
          })),
      ...evidenceFindings(told).flatMap(({ code, params }) => make(code, params)),
      ...(behind ? make('watermarkBehind', { computed: source.completeUntil.toISOString(), limit: window.periodEnd.toISOString() }) : []),
    ];
  });
}

/** What vehicles saw at homes that meters did not, or not so. */
function evidenceFindings(told: readonly VehicleEvidence[]): { readonly code: Code; readonly params: RunFound['params'] }[] {
  const differing = told.filter((e) => e.status === 'vehicleMore' || e.status === 'meterMore');
  const alone = told.filter((e) => e.status === 'noMeter');
  const sum = (wh: readonly (bigint | null)[]) => wh.reduce<bigint>((total, one) => total + (one ?? 0n), 0n).toString();
  return [
    ...(differing.length === 0
      ? []
      : [{ code: 'vehicleDiffers' as const, params: { records: differing.length, computed: sum(differing.map((e) => e.vehicleWh)), limit: sum(differing.map((e) => e.meteredWh)) } }]),
    ...(alone.length === 0 ? [] : [{ code: 'vehicleWithoutMeter' as const, params: { computed: alone.length, energyWh: sum(alone.map((e) => e.vehicleWh)) } }]),
  ];
}

/** The day or month, and whose CDRs where it is of one party. */
function placeOf({ on, party }: ControlDay): string {
  return party === null ? on : `${on} for ${party}`;
}

function differenceOf(day: ControlDay): RunFound['params'] {
  const { origin, version, currency, stated, received } = day;
  const base = { on: placeOf(day), origin, version, statedCount: stated?.count ?? 0, receivedCount: received.count };
  if (day.countedBy === 'lastUpdated') return { ...base, computed: received.count, limit: stated?.count ?? 0 };
  const amount = (value: string | null | undefined) => (value === null || value === undefined ? '' : ` for ${value} ${currency}`);
  const wh = (value: bigint | null | undefined) => (value ?? 0n).toString();
  return {
    ...base,
    statedWh: wh(stated?.energyWh),
    statedAmount: amount(stated?.amount),
    receivedWh: wh(received.energyWh),
    receivedAmount: amount(received.amount),
    computed: wh(received.energyWh),
    limit: wh(stated?.energyWh),
  };
}
