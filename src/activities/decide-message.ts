import type { ChargeFacts, ChargeRecord } from '../contracts/charge-record.ts';
import { correctFacts, type SealedCorrection } from '../core/intake/correct-facts.ts';
import { type Evaluation, evaluateSession } from '../core/intake/evaluate.ts';
import { sameCharges } from '../core/intake/same-charges.ts';
import { isOlder, placeVersion, stillWaits } from '../core/intake/standing.ts';
import { type Issue, issue } from '../core/issues.ts';
import { betterTwin, checkOverlaps, issueOfTwin, type Span } from '../core/plausibility/neighbours.ts';
import { sealRecord } from '../core/seal/charge-record.ts';
import { localDateOf, parseInstant } from '../core/time.ts';
import type { SignedDecision } from '../store/intake/load-decisions.ts';
import type { Head } from '../store/intake/load-page.ts';
import type { SetupBook } from '../store/intake/load-setup.ts';
import type { RecordRow } from '../store/intake/page-book.ts';
import type { SpanRow } from '../store/intake/session-spans.ts';
import { type Parsed, type Readable, recordKeyText } from './parse-page.ts';
import { keepAsEvidence, takeBack } from './set-aside.ts';
import type { Verdict } from './verdict.ts';

/**
 * Why a message is looked at: it came; what it waited for may be there; its neighbours changed; or somebody ordered that what it was billed is
 * billed anew, where that makes a difference (`rebill`) or in any case (`reopen`).
 */
export type Occasion = 'arrival' | 'retry' | 'revisit' | 'rebill' | 'reopen';
export type PageContext = {
  readonly occasion: Occasion;
  readonly setup: SetupBook;
  readonly anonymousTokens: ReadonlySet<string>;
  /** Sessions that may be beside this one, of the database and of the page. */
  readonly neighbours: (span: Span) => readonly Span[];
  readonly decisionOn: (rawId: bigint) => SignedDecision | undefined;
  /** What a record is charged as it stands; of those that are billed anew. */
  readonly chargedFor: (recordId: bigint) => ChargeRecord['allocation'] | undefined;
};
const nothing: Verdict = { outcome: 'duplicate', issues: [] };
const noWaiting = { waiting: null, waitingFor: null, worth: null, issues: [] } as const;

/** As `decideMessage`; a message that breaks it is held with what went wrong, and its neighbours on the page go on. */
export function decideOrHold(item: Parsed, head: Head, page: PageContext): Verdict | undefined {
  try {
    return decideMessage(item, head, page);
  } catch (error) {
    if (item.facts === undefined) throw error;
    return hold(item, head, page, issue('processingFailed', 'blocks', item.key.cdrId, { detail: (error as Error).message }));
  }
}

function hold({ message, facts, version }: Readable, head: Head, { occasion }: PageContext, found: Issue): Verdict | undefined {
  if (occasion === 'revisit' || (occasion === 'retry' && head.waiting?.rawId !== message.rawId)) return undefined;
  const waiting = { waiting: { rawId: message.rawId, ...version }, waitingFor: 'mending', worth: null, issues: [found] };
  if (head.state === 'booked') return { outcome: 'quarantined', issues: [found], head: { ...head, ...waiting } };
  const where = { siteId: null, accountId: null, serviceMonth: null, energyWh: facts.energyWh, endedOn: null, sourceWh: null, tokenRef: facts.tokenRef, linkedTo: null };
  return { outcome: 'quarantined', issues: [found], head: { ...head, ...where, ...waiting, state: 'quarantined' } };
}

/** Decides on one message of a page, given how its record stands; pure. Undefined: there is nothing to do. */
function decideMessage(item: Parsed, head: Head, page: PageContext): Verdict | undefined {
  if (item.facts === undefined) return decideUnreadable(item, head, page);
  const { version, message } = item;
  if (page.occasion === 'retry') {
    const signed = page.decisionOn(message.rawId);
    if (head.waiting?.rawId !== message.rawId || signed?.action === 'hold') return undefined;
    return signed?.action === 'reject' ? reject(item, head, page) : judge(item, head, page, signed);
  }
  if (page.occasion === 'revisit') return revisit(item, head, page);
  if (page.occasion === 'rebill' || page.occasion === 'reopen') return billAnew(item, head, page);
  // A credit is no other content under a known key: it says so itself.
  switch (placeVersion(version, head, item.credit ? 'revise' : message.source.repeatProfile)) {
    case 'repeatsStanding': {
      const standing = later(head.standing, version);
      // The source went back to what stands: what it said in between is older now.
      if (head.waiting !== null && standing !== null && head.state === 'booked' && !stillWaits(head.waiting, standing, 'revise')) return { ...nothing, head: { ...head, ...noWaiting, standing } };
      return standing === head.standing ? nothing : { ...nothing, head: { ...head, standing } };
    }
    case 'repeatsWaiting': {
      const waiting = later(head.waiting, version);
      return waiting === head.waiting ? nothing : { ...nothing, head: { ...head, waiting } };
    }
    case 'superseded':
      return { outcome: 'superseded', issues: [] };
    case 'conflict':
      return conflict(item, head);
    case 'candidate':
      return judge(item, head, page, undefined);
  }
}

/** The same content said again later: what lies between the two is older too. */
function later<T extends { readonly updatedAt: number | null }>(known: T | null, { updatedAt }: { readonly updatedAt: number | null }): T | null {
  if (known === null || updatedAt === null || (known.updatedAt !== null && updatedAt <= known.updatedAt)) return known;
  return { ...known, updatedAt };
}

function conflict(item: Parsed, head: Head): Verdict {
  const found = issue('conflictingRepeat', 'warns', item.key.cdrId, { recordId: head.recordId.toString() });
  return { outcome: 'conflict', issues: [...item.issues, found] };
}

function decideUnreadable(item: Extract<Parsed, { readonly facts: undefined }>, head: Head, { occasion, decisionOn }: PageContext): Verdict | undefined {
  const { message, issues } = item;
  if (occasion !== 'arrival') {
    if (head.waiting?.rawId !== message.rawId || decisionOn(message.rawId)?.action !== 'reject') return undefined;
    return { outcome: 'accepted', issues: [], head: { ...head, ...noWaiting, state: 'rejected', energyWh: item.statedWh } };
  }
  // The very bytes that were expunged came again: they stay gone, and they say what was known already.
  if (message.bytes === null && head.standing !== null) return nothing;
  // What can be read is never given up for what cannot.
  if (head.standing !== null || (head.waiting !== null && head.waiting.hash !== null)) return conflict(item, head);
  const waiting = { rawId: message.rawId, hash: null, updatedAt: null };
  return {
    outcome: 'quarantined',
    issues,
    head: {
      ...head,
      state: 'quarantined',
      siteId: null,
      accountId: null,
      serviceMonth: null,
      energyWh: item.statedWh,
      endedOn: null,
      sourceWh: null,
      waitingFor: 'decision',
      waiting,
      worth: null,
      issues,
      tokenRef: null,
      linkedTo: null,
    },
  };
}

/** Where and when the session of a readable message stood. */
function spanOf({ message, facts }: Readable, head: Pick<Head, 'recordId' | 'key'>): SpanRow {
  return {
    recordId: head.recordId,
    sourceId: message.source.id,
    route: message.source.route,
    cdrKey: recordKeyText(head.key),
    place: facts.evseId?.toUpperCase() ?? null,
    tokenRef: facts.tokenRef,
    startMs: parseInstant(facts.startAt) ?? 0,
    endMs: parseInstant(facts.endAt) ?? 0,
    energyWh: facts.energyWh,
    linkedTo: null,
    rawId: message.rawId,
    entityId: message.source.entityId,
    sessionId: facts.externalIds.session ?? null,
    authorizationId: facts.externalIds.authorization ?? null,
    connectorId: facts.connectorId ?? null,
    meterStartWh: facts.meterStartWh ?? null,
    meterEndWh: facts.meterEndWh ?? null,
  };
}

/** What a message says, as somebody corrected it where somebody did. */
function asSigned({ facts }: Readable, signed: SignedDecision | undefined): { readonly facts: ChargeFacts; readonly correction?: SealedCorrection } {
  return signed?.action === 'correct' ? correctFacts(facts, signed.correction, signed) : { facts };
}

/** `spanOf` where somebody may have corrected when it was. */
export function correctedSpanOf(item: Readable, head: Pick<Head, 'recordId' | 'key'>, signed: SignedDecision | undefined): SpanRow {
  return spanOf({ ...item, facts: asSigned(item, signed).facts }, head);
}

/** The day of the session in its source's zone, and the energy where a correction bills another: what the source's own totals count. */
function asSaid({ message, facts: said }: Readable, billed: ChargeFacts): Pick<Head, 'endedOn' | 'sourceWh'> {
  const endMs = parseInstant(said.endAt);
  return { endedOn: endMs === undefined ? null : localDateOf(endMs, message.source.timeZone), sourceWh: billed.energyWh === said.energyWh ? null : said.energyWh };
}

/** Somebody signed that this version is never billed: what was booked before it stays. */
function reject(item: Readable, head: Head, page: PageContext): Verdict {
  if (head.state === 'booked') {
    const standing = later(head.standing, item.version);
    return { outcome: 'accepted', issues: [], head: { ...head, ...noWaiting, standing } };
  }
  const { serviceMonth } = evaluate(item, item.facts, [], page, true);
  return {
    outcome: 'accepted',
    issues: [],
    head: { ...head, ...noWaiting, state: 'rejected', standing: item.version, serviceMonth, siteId: null, accountId: null, energyWh: item.facts.energyWh, ...asSaid(item, item.facts) },
    span: null,
  };
}

/** What stands booked, by the set-up as it is now; what people decided on its message holds. Undefined when it comes out as it was. */
function billAnew(item: Readable, head: Head, page: PageContext): Verdict | undefined {
  if (head.state !== 'booked' || head.standing === null || !head.standing.hash.equals(item.version.hash)) return undefined;
  const verdict = judge(item, head, page, page.decisionOn(item.message.rawId));
  const before = page.chargedFor(head.recordId);
  if (page.occasion === 'reopen' || verdict.seal === undefined || before === undefined) return verdict;
  const { allocation } = JSON.parse(verdict.seal.sealed.canonical) as ChargeRecord;
  return sameCharges(before, allocation) ? undefined : verdict;
}

/** Whether another route's record is billed instead may have changed. */
function revisit(item: Readable, head: Head, page: PageContext): Verdict | undefined {
  const signed = page.decisionOn(item.message.rawId);
  const span = correctedSpanOf(item, head, signed);
  const gives = betterTwin(span, page.neighbours(span)) !== undefined;
  const linked = head.linkedTo !== null;
  if (!gives && !linked) return undefined;
  return judge(item, head, page, signed);
}

/** A version that may be the one to bill: sealed, held, or linked to the record of another route that is billed instead. */
function judge(item: Readable, head: Head, page: PageContext, signed: SignedDecision | undefined): Verdict {
  const { message, version } = item;
  const { source } = message;
  if (item.credit) return takeBack(item, head, evaluate(item, item.facts, [], page, true), spanOf(item, head));
  const { facts, correction } = asSigned(item, signed);
  const span = spanOf({ ...item, facts }, head);
  const others = page.neighbours(span);
  const twin = betterTwin(span, others);
  // Nearly always nobody is beside it, and nobody asks who pays.
  const payer = others.length === 0 ? undefined : page.setup.payer(source.id, item.facts.tokenRef, span.startMs);
  const context = { profile: source.ruleProfile, category: payer?.category };
  if (twin !== undefined) {
    if (page.occasion === 'arrival' && head.waiting !== null && isOlder(version, head.waiting)) return { outcome: 'superseded', issues: item.issues };
    const found = issueOfTwin(span, twin, item.facts.cdrId, context);
    const issues = [...item.issues, ...(found === undefined ? [] : [found])];
    const { serviceMonth } = evaluate(item, item.facts, [], page, true);
    return {
      outcome: 'linked',
      issues,
      unbook: head.state === 'booked',
      span: { ...span, linkedTo: twin.span.recordId },
      head: {
        ...head,
        ...noWaiting,
        state: 'rejected',
        standing: version,
        sessionKey: `${twin.span.sourceId}/${twin.span.cdrKey}`,
        siteId: null,
        accountId: null,
        serviceMonth,
        energyWh: item.facts.energyWh,
        ...asSaid(item, item.facts),
        tokenRef: item.facts.tokenRef,
        linkedTo: twin.span.recordId,
        issues,
      },
    };
  }

  const measured = item.facts.measuredBy === undefined ? undefined : evaluate(item, item.facts, [], page, true);
  // Without its site and account there is nothing to compare it with: it waits for them like any other.
  if (measured?.siteId != null && measured.accountId !== null) return keepAsEvidence(item, head, measured, span);
  const verdict = evaluate(item, facts, checkOverlaps(span, others, facts.cdrId, context), page, isSettled(page, signed));
  const where = {
    siteId: verdict.siteId,
    accountId: verdict.accountId,
    serviceMonth: verdict.serviceMonth,
    energyWh: facts.energyWh,
    ...asSaid(item, facts),
    tokenRef: facts.tokenRef,
    linkedTo: null,
    sessionKey: `${source.id}/${recordKeyText(head.key)}`,
  };
  if (verdict.kind !== 'billable') {
    // A newer version waits already.
    if (page.occasion === 'arrival' && head.waiting !== null && isOlder(version, head.waiting)) return { outcome: 'superseded', issues: verdict.issues };
    const waiting = { waiting: { rawId: message.rawId, ...version }, waitingFor: verdict.waitingFor, worth: verdict.worth, issues: verdict.issues };
    if (head.state === 'booked') return { outcome: 'quarantined', issues: verdict.issues, head: { ...head, ...waiting } };
    return { outcome: 'quarantined', issues: verdict.issues, head: { ...head, ...where, ...waiting, state: verdict.kind }, span };
  }

  const revision = head.revision + 1;
  const sealed = sealRecord({
    recordId: head.recordId,
    revision,
    sessionKey: where.sessionKey,
    facts,
    siteId: verdict.siteId,
    accountId: verdict.accountId,
    ...(correction === undefined ? {} : { correction }),
    rating: verdict.rating,
    charges: verdict.charges,
  });
  const seal: RecordRow = {
    recordId: head.recordId,
    revision,
    rawId: message.rawId,
    sourceId: source.id,
    entityId: source.entityId,
    recordKey: where.sessionKey,
    sessionKey: where.sessionKey,
    siteId: verdict.siteId,
    accountId: verdict.accountId,
    startAt: facts.startAt,
    endAt: facts.endAt,
    serviceMonth: verdict.serviceMonth,
    energyWh: facts.energyWh,
    sealed,
    charges: verdict.charges,
  };
  // A correction that waits still does when what stands is billed anew.
  const stays = page.occasion !== 'retry' && page.occasion !== 'revisit' && stillWaits(head.waiting, version, source.repeatProfile);
  const waiting = stays ? {} : { ...noWaiting, issues: verdict.issues };
  // Released from waiting or from another route's shadow, it is no correction of anything billed.
  const outcome = head.state === 'booked' ? 'revised' : 'accepted';
  return { outcome, issues: verdict.issues, seal, span, head: { ...head, ...where, ...waiting, state: 'booked', revision, standing: version } };
}

/** Whether plausibility was settled before: by a signature, or since it is billed already. */
function isSettled({ occasion }: PageContext, signed: SignedDecision | undefined): boolean {
  return signed?.action === 'accept' || signed?.action === 'correct' || occasion === 'rebill' || occasion === 'reopen';
}

function evaluate({ message, issues }: Readable, facts: ChargeFacts, beside: readonly Issue[], { setup, anonymousTokens }: PageContext, accepted: boolean): Evaluation {
  const { source, receivedAt } = message;
  return evaluateSession(facts, setup, setup.entity(source.entityId), { found: [...issues, ...beside], profile: source.ruleProfile, anonymousTokens, receivedMs: receivedAt.getTime(), accepted });
}
