import { type Agreement, type AgreementOf, agreementSchema } from '../../src/contracts/agreement.ts';
import type { MonthSession } from '../../src/core/share/month.ts';
import type { PriceBook, PricePoint } from '../../src/core/share/price-by-interval.ts';
import { shareOfRecord } from '../../src/core/share/share-of-record.ts';
import type { StatedShare, StatementInput } from '../../src/core/share/statement.ts';

export type Share = AgreementOf<'revenueShare'>;
type Clause = Record<string, unknown>;

/** A revenue-share agreement with these clauses, through the contract's own schema. */
export function shareAgreement(clauses: readonly Clause[], rest: Partial<Share> = {}): Share {
  const agreement: Agreement = agreementSchema.parse({ kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses, ...rest });
  if (agreement.kind !== 'revenueShare') throw new Error('not a revenue share');
  return agreement;
}

/** Energy at constant power over an hour from an instant. */
export const energy = (wh: number, from = '2026-03-02T10:00:00Z') => {
  const startMs = Date.parse(from);
  return { energyWh: BigInt(wh), stretches: [{ startMs, endMs: startMs + 3_600_000, energyWh: BigInt(wh) }] };
};

export const noPrices: PriceBook = new Map();
/** Hourly points of zone SE3 in SEK per MWh, from an instant on. */
export const se3 = (from: string, prices: readonly string[], seconds = 3600, version = 1): PriceBook => {
  const points = prices.map((price, i): PricePoint => ({ startMs: Date.parse(from) + i * seconds * 1000, seconds, version, price }));
  return new Map([['se3', { seriesId: 'se3', zone: 'SE3', currency: 'SEK', unit: 'MWh', points }]]);
};

type Given = { readonly key: string; readonly saleMinor: bigint; readonly wh?: number; readonly at?: string; readonly siteId?: string; readonly late?: boolean; readonly version?: number } & Partial<
  Pick<MonthSession, 'isWrittenOff' | 'periodNetMinor' | 'includedWh'>
>;

export type BookedSession = StatementInput['sessions'][number] & { readonly booked: readonly StatedShare[] };

/** A session of the month with what its record books by the agreement. */
export function monthSession(agreement: Share, given: Given, prices: PriceBook = noPrices): BookedSession {
  const { key, saleMinor, wh = 0, at = '2026-03-02T10:00:00Z', siteId = 'site_1', late = false, version = 1 } = given;
  const shared = { siteId, saleNetMinor: saleMinor, delivered: energy(wh, at), isWrittenOff: given.isWrittenOff ?? false };
  const { shares } = shareOfRecord({ ...shared, agreement, ownerAccountId: 'acc_owner', currency: 'SEK', prices, subject: key });
  const startMs = Date.parse(at);
  return {
    ...shared,
    key,
    startMs,
    endMs: startMs + 3_600_000,
    contractVersion: version,
    periodNetMinor: given.periodNetMinor ?? 0n,
    includedWh: given.includedWh ?? 0n,
    isLate: late,
    booked: shares.map((s): StatedShare => ({ clause: s.clause, payeeAccountId: s.payeeAccountId, siteId, netMinor: s.netMinor })),
  };
}

/** The first statement of March 2026 under one version that holds all month, unless said otherwise. */
export const march = (agreement: Share, sessions: readonly BookedSession[], rest: Partial<StatementInput> = {}): StatementInput => ({
  contractId: 'ctr_owner',
  ownerAccountId: 'acc_owner',
  currency: 'SEK',
  serviceMonth: '2026-03',
  segments: [{ version: 1, agreement, fromOn: '2026-03-01', toOn: '2026-04-01' }],
  prices: noPrices,
  statementNo: 1,
  stated: [],
  sessions,
  booked: sessions.flatMap((s) => s.booked),
  ...rest,
});
export const nothingCarried = { guarantees: new Map<string, bigint>(), balances: new Map<string, bigint>() };
