import type { ErpTotal, RevenueProof, SeriesAudit } from '../../contracts/run-proofs.ts';
import { kWhDecimal } from '../energy.ts';

/** Charges that a run holds back, by reason; `signed`: for how many accounts somebody signed it, null where a rule says so and nobody has to. Money and energy as text. */
export type HeldBackRow = { readonly reason: string; readonly currency: string; readonly accounts: number; readonly energyWh: string; readonly net: string; readonly signed: number | null };
/** A manual amount of a run. */
export type AdjustmentRow = { readonly accountId: string; readonly amount: string; readonly currency: string; readonly reason: string; readonly author: string };
/** A manual amount that a run bills on no document; `why`: known once the run has closed or was cancelled. */
export type ManualLeftRow = AdjustmentRow & { readonly kind: string; readonly why: string | null };
/** What a run left out by an exclusion of its own. */
export type ExclusionRow = {
  readonly scope: string;
  readonly subjectId: string;
  readonly outcome: string;
  readonly reason: string;
  readonly author: string;
  readonly energyWh: string;
  readonly net: string;
  readonly currency?: string;
};
/** What a close report has to say, as it was kept at the close; text of decimals and Wh. A report of an earlier close keeps the columns of its day: what it lacks was nothing then. */
export type CloseFacts = {
  readonly run: {
    readonly runId: string;
    readonly period: string;
    readonly state: string;
    readonly contentHash: string | null;
    readonly closedAt?: string | null;
    readonly byStrategy: readonly { strategy: string; documents: number; net: string; vat: string; payable: string; currency: string; energyWh: string }[];
  };
  readonly approvals: readonly { readonly group: string; readonly decision: string; readonly actor: string; readonly comment: string; readonly at: string }[];
  readonly exclusions: readonly ExclusionRow[];
  readonly smallSessions: { readonly records: number; readonly energyWh: string; readonly net: string; readonly currency?: string };
  readonly adjustments: readonly AdjustmentRow[];
  readonly carried: readonly { readonly reason: string; readonly actor: string; readonly records: number; readonly energyWh: string }[];
  /** `controlTotal`: of what is in the books' currency; `byCurrency`: of each. */
  readonly erp: {
    readonly connectionId: string | null;
    readonly verified: number;
    readonly open: number;
    readonly controlTotal: string;
    readonly byCurrency?: readonly { readonly currency: string; readonly controlTotal: string }[];
  };
  readonly energyBalance: readonly ({ readonly month: string; readonly difference: string } & { readonly [Bucket in (typeof buckets)[number]]?: string })[];
  readonly ledger: readonly { readonly unit: string; readonly rest: string }[];
  readonly series: readonly Omit<SeriesAudit, 'documentType' | 'counterpartyId'>[];
  readonly parkedAccounts: readonly { readonly accountId: string; readonly reason: string | null; readonly energyWh: string; readonly net: string; readonly currency: string }[];
  readonly heldBack: readonly HeldBackRow[];
  readonly manualLeft: readonly ManualLeftRow[];
  readonly erpTotals: readonly ErpTotal[];
  readonly revenue: readonly RevenueProof[];
};
const buckets = ['received', 'billed', 'open', 'carried', 'parked', 'held', 'free', 'excluded', 'rejected', 'billedElsewhere'] as const;

export type ReportColumn = { readonly title: string; readonly width: number; readonly isFigure?: boolean };
export type ReportTable = { readonly title: string; readonly columns: readonly ReportColumn[]; readonly rows: readonly (readonly string[])[] };
/** A close report as titles and tables, ready to be printed. */
export type ClosePaper = { readonly title: string; readonly facts: readonly (readonly [string, string])[]; readonly tables: readonly ReportTable[] };

const mostGapsTold = 10;
const text = (title: string, width: number): ReportColumn => ({ title, width });
const figure = (title: string, width: number): ReportColumn => ({ title, width, isFigure: true });
const kWh = (wh: string) => kWhDecimal(BigInt(wh));
const verdict = (difference: string) => (/^-?0(\.0+)?$/.test(difference) ? 'agrees' : `off by ${difference}`);

/** What is wrong with the numbers of a series, null when nothing is: those that are missing, of which ten are told, and how many lie where it has not come to yet. */
export function gapsOf({ gaps, beyond }: Pick<SeriesAudit, 'gaps' | 'beyond'>): string | null {
  const missing = gaps.length === 0 ? [] : [`${gaps.join(', ')}${gaps.length < mostGapsTold ? '' : ' and perhaps more'}`];
  const ahead = beyond === 0 ? [] : [`${beyond} beyond where it stands`];
  return missing.length + ahead.length === 0 ? null : [...missing, ...ahead].join('; ');
}

/** A close report as what is printed of it: empty tables are left out, and every difference is said. */
export function closePaper(report: CloseFacts): ClosePaper {
  const { run, erp } = report;
  const tables: ReportTable[] = [
    {
      title: 'Documents',
      columns: [text('Strategy', 24), figure('Documents', 12), figure('Net', 18), figure('VAT', 16), figure('Payable', 18), text('Currency', 10), figure('kWh', 18)],
      rows: run.byStrategy.map((s) => [s.strategy, String(s.documents), s.net, s.vat, s.payable, s.currency, kWh(s.energyWh)]),
    },
    {
      title: 'Number series',
      columns: [text('Series', 46), text('First', 24), text('Last', 24), figure('Documents', 12), text('Gaps', 20)],
      rows: report.series.map((s) => [s.seriesId, s.first, s.last, String(s.count), gapsOf(s) ?? 'none']),
    },
    {
      title: 'Energy by service month, kWh',
      columns: [text('Month', 11), ...buckets.map((b) => figure(b === 'billedElsewhere' ? 'elsewhere' : b, 13)), text('Balance', 14)],
      rows: report.energyBalance.map((row) => [row.month, ...buckets.map((b) => kWh(row[b] ?? '0')), row.difference === '0' ? 'balances' : `off by ${kWh(row.difference)}`]),
    },
    {
      title: 'Revenue = issued + unbilled + written off',
      columns: [
        text('Month', 12),
        text('Account', 12),
        text('Cost center', 14),
        figure('Revenue', 18),
        figure('Issued', 18),
        figure('Unbilled', 18),
        figure('Written off', 16),
        text('Currency', 13),
        text('Proof', 14),
      ],
      rows: report.revenue.map((r) => [r.month, r.glAccount, r.costCenter, r.revenue, r.issued, r.unbilled, r.writtenOff, r.currency, verdict(r.difference)]),
    },
    {
      title: 'What the ERP holds',
      columns: [text('Kind', 16), text('Account', 12), text('Cost center', 16), text('VAT code', 14), figure('Handed over', 20), figure('In the ERP', 20), text('Currency', 13), text('Proof', 14)],
      rows: report.erpTotals.map((t) => [t.kind, t.glAccount, t.costCenter, t.vatCode, t.handedOver, t.inErp, t.currency, verdict(t.difference)]),
    },
    {
      title: 'Left out and changed',
      columns: [text('What', 38), text('Reason', 38), text('By', 26), figure('kWh', 14), figure('Net', 18)],
      rows: [
        ...report.exclusions.map((x) => [`excluded ${x.scope} ${x.subjectId} (${x.outcome})`, x.reason, x.author, kWh(x.energyWh), [x.net, x.currency ?? []].flat().join(' ')]),
        ...report.carried.map((c) => [`${c.records} waiting records, carried`, c.reason, c.actor, kWh(c.energyWh), '']),
        ...(report.smallSessions.records === 0
          ? []
          : [
              [
                `${report.smallSessions.records} small sessions, written off`,
                'below the limit',
                'by rule',
                kWh(report.smallSessions.energyWh),
                [report.smallSessions.net, report.smallSessions.currency ?? []].flat().join(' '),
              ],
            ]),
        ...report.adjustments.map((a) => [`adjusted ${a.accountId}`, a.reason, a.author, '', `${a.amount} ${a.currency}`]),
        ...report.heldBack.map((h) => [
          `held back: ${h.reason}`,
          `${h.accounts} ${h.accounts === 1 ? 'account' : 'accounts'}`,
          h.signed === null ? 'by rule' : `${h.signed} signed`,
          kWh(h.energyWh),
          `${h.net} ${h.currency}`,
        ]),
        ...report.manualLeft.map((l) => [`${l.kind} of ${l.accountId}, waits for the next run`, [l.reason, ...(l.why === null ? [] : [l.why])].join('; '), l.author, '', `${l.amount} ${l.currency}`]),
        ...report.parkedAccounts.map((p) => [`parked ${p.accountId}`, p.reason ?? 'could not be built', '', kWh(p.energyWh), `${p.net} ${p.currency}`]),
      ],
    },
    {
      title: 'Approvals',
      columns: [text('Decision', 14), text('Group', 14), text('By', 22), text('When (UTC)', 26), text('Comment', 50)],
      rows: report.approvals.map((a) => [a.decision, a.group, a.actor, a.at.slice(0, 16).replace('T', ' '), a.comment]),
    },
    { title: 'Ledger', columns: [text('Unit', 20), figure('Rest', 20)], rows: report.ledger.map((l) => [l.unit, l.rest]) },
  ];
  return {
    title: `Close report ${run.period}`,
    facts: [
      ['Run', run.runId],
      ['State', run.state],
      ...(run.closedAt == null ? [] : [['Closed at', `${run.closedAt.slice(0, 16).replace('T', ' ')} UTC`] as const]),
      ['Content hash', run.contentHash ?? '-'],
      [
        'ERP',
        `${erp.connectionId ?? '-'}: ${erp.verified} posted and read back, ${erp.open} open, ${erp.byCurrency?.map((c) => `${c.controlTotal} ${c.currency}`).join(', ') || erp.controlTotal} in all`,
      ],
    ],
    tables: tables.filter((t) => t.rows.length > 0),
  };
}
