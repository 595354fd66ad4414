import { groupBy } from '../group-by.ts';
import { type Issue, issue } from '../issues.ts';
import { exactFromDecimal, vatOfNet } from '../money.ts';

/** A line of a partner's invoice: a CDR, and what it claims for it, net in minor units. `ifDiffers` overrides the tolerance. */
export type InvoiceLine = { readonly cdrId: string; readonly netMinor: bigint; readonly ifDiffers?: 'accept' | 'dispute' | undefined };
/** Where an amount is borne. */
export type Bearer = { readonly glAccount: string; readonly costCenter: string; readonly siteId: string | null; readonly serviceMonth: string | null; readonly sourceId: string | null };
/** What stands accrued at one place: net in the currency of the agreement, and in the books. */
export type AccruedPart = Bearer & { readonly minor: bigint; readonly bookMinor: bigint; readonly vatCode: string };
/**
 * What we accrued for a session and nobody has invoiced, in all and by place: a correction may have moved it. What the invoice says otherwise is borne
 * where the session stands now.
 */
export type AccruedSession = Bearer & {
  readonly recordId: bigint;
  readonly cdrId: string;
  /** The same with its owner's country and party before it. */
  readonly key: string;
  readonly minor: bigint;
  readonly vatCode: string;
  readonly tolerancePercent: string;
  readonly parts: readonly AccruedPart[];
};
export type MatchedLine = {
  readonly cdrId: string;
  readonly netMinor: bigint;
  readonly session: AccruedSession | null;
  readonly accruedMinor: bigint;
  readonly acceptedMinor: bigint;
  readonly disputedMinor: bigint;
  readonly outcome: 'equal' | 'accepted' | 'disputed' | 'unknown';
};
export type MatchedInvoice = { readonly lines: readonly MatchedLine[]; readonly netMinor: bigint; readonly accruedMinor: bigint; readonly acceptedMinor: bigint; readonly disputedMinor: bigint };

/**
 * Matches each line with the session we accrued under the same CDR id, or the same with its owner before it, without regard to case. A difference within the agreement's tolerance of our own
 * price is accepted as cost, a larger one disputed, unless the line says otherwise; a CDR that we accrued nothing for is disputed wholly. A CDR that comes twice, and
 * an id that CDRs of two owners have, are issues that block.
 */
export function matchInvoice(lines: readonly InvoiceLine[], accrued: readonly AccruedSession[]): MatchedInvoice | Issue {
  const byKey = new Map(accrued.map((s) => [s.key.toLowerCase(), s]));
  const byId = groupBy(accrued, (s) => s.cdrId.toLowerCase());
  const seen = new Set<string | bigint>();
  const matched: MatchedLine[] = [];
  for (const { cdrId, netMinor, ifDiffers } of lines) {
    const name = cdrId.toLowerCase();
    const named = byKey.get(name);
    const [session = null, ...others] = named === undefined ? (byId.get(name) ?? []) : [named];
    if (session !== null && others.length > 0) return issue('invoicedAmbiguous', 'blocks', cdrId, { cdrs: [session, ...others].map((s) => s.key).join(', ') });
    const which = session?.recordId ?? name;
    if (seen.has(which)) return issue('invoicedTwice', 'blocks', cdrId);
    seen.add(which);
    if (session === null) {
      matched.push({ cdrId, netMinor, session, accruedMinor: 0n, acceptedMinor: 0n, disputedMinor: netMinor, outcome: 'unknown' });
      continue;
    }
    const difference = netMinor - session.minor;
    const accepts = ifDiffers === undefined ? isWithin(difference, session.minor, session.tolerancePercent) : ifDiffers === 'accept';
    const [acceptedMinor, disputedMinor] = accepts ? [difference, 0n] : [0n, difference];
    matched.push({ cdrId, netMinor, session, accruedMinor: session.minor, acceptedMinor, disputedMinor, outcome: difference === 0n ? 'equal' : accepts ? 'accepted' : 'disputed' });
  }
  const sum = (of: (line: MatchedLine) => bigint) => matched.reduce((total, line) => total + of(line), 0n);
  return { lines: matched, netMinor: sum((l) => l.netMinor), accruedMinor: sum((l) => l.accruedMinor), acceptedMinor: sum((l) => l.acceptedMinor), disputedMinor: sum((l) => l.disputedMinor) };
}

/** |difference| is at most so many percent of our own price. */
function isWithin(difference: bigint, ours: bigint, percent: string): boolean {
  const { n, d } = exactFromDecimal(percent);
  const magnitude = (value: bigint) => (value < 0n ? -value : value);
  return magnitude(difference) * d * 100n <= magnitude(ours) * n;
}

type VatRules = readonly { readonly code: string; readonly country: string; readonly percent: string; readonly category: string; readonly validFrom: string; readonly validTo: string | null }[];
export type PurchaseVat = { readonly vatCode: string; readonly inputMinor: bigint; readonly selfAssessedMinor: bigint };

/**
 * VAT of a purchase: what the invoice states is deducted; under reverse charge (category AE) it states none, and the buyer owes it at the standard
 * rate of its own country on the tax date and deducts it (Directive 2006/112/EC, Art. 195 and 196). An invoice that states VAT under a code that bears none is an issue.
 */
export function purchaseVat(
  entity: { readonly country: string; readonly vatRules: VatRules },
  purchase: { readonly vatCode: string; readonly netMinor: bigint; readonly statedMinor: bigint; readonly on: string; readonly subject: string },
): PurchaseVat | Issue {
  const { vatCode, netMinor, statedMinor, on, subject } = purchase;
  // A code is what the supply bore, which may be over on this date.
  const category = entity.vatRules.find((r) => r.code === vatCode)?.category;
  if (category === 'S') return { vatCode, inputMinor: statedMinor, selfAssessedMinor: 0n };
  if (statedMinor !== 0n) return issue('vatUnexpected', 'blocks', subject, { code: vatCode });
  if (category !== 'AE') return { vatCode, inputMinor: 0n, selfAssessedMinor: 0n };
  const rates = entity.vatRules.filter((r) => r.country === entity.country && r.category === 'S' && r.validFrom <= on && (r.validTo === null || on < r.validTo));
  // The standard rate is the highest of a country's.
  const [rate] = rates.sort((a, b) => Number(b.percent) - Number(a.percent));
  if (rate === undefined) return issue('unknownVatRule', 'blocks', subject, { country: entity.country, percent: 'self-assessed' });
  return { vatCode, inputMinor: 0n, selfAssessedMinor: vatOfNet(netMinor, rate.percent) };
}
