import { groupBy } from '../core/group-by.ts';
import { placeVersion } from '../core/intake/standing.ts';
import { invariant } from '../core/invariant.ts';
import type { Issue } from '../core/issues.ts';
import { betterTwin, SpanIndex, sameSession, weakerTwins } from '../core/plausibility/neighbours.ts';
import { type Db, TryAgain } from '../store/db.ts';
import { loadAllocations } from '../store/intake/load-allocations.ts';
import { loadDecisions, type SignedDecision } from '../store/intake/load-decisions.ts';
import { type Head, headKeyText, loadMessages, lockHeads, type PageMessage } from '../store/intake/load-page.ts';
import { PageBook } from '../store/intake/page-book.ts';
import { countPages, loadNeighbours, messagesLinkedTo, type SpanRow, writeSpans } from '../store/intake/session-spans.ts';
import { type FindingRow, type OutcomeRow, takeOffList, writeFindings, writeHeads, writeOutcomes, writeTokens } from '../store/intake/write-page.ts';
import { correctedSpanOf, decideOrHold, type Occasion } from './decide-message.ts';
import { loadPageSetup } from './page-setup.ts';
import { type Parsed, parseMessage, type Readable, recordKeyText } from './parse-page.ts';

export type PageResult = { readonly accepted: number; readonly duplicates: number; readonly conflicts: number; readonly waiting: readonly { sourceId: string; recordKey: string }[] };

/**
 * The one path of every CDR: parse, identify, check, rate, allocate, seal and book a page of stored messages in the
 * caller's transaction. A single CDR is a page of one. Messages already processed are skipped, so a repeat does nothing; on a `retry` the
 * message a waiting record stands on is tried again. What cannot pass stays as a quarantined or parked record.
 */
export async function processPage(db: Db, rawIds: readonly string[], occasion: Occasion = 'arrival', pages = { next: 0 }): Promise<PageResult> {
  const messages = await loadMessages(db, rawIds, occasion !== 'arrival');
  // In one order everywhere, since each entity's neighbourhood is locked.
  const byEntity = [...groupBy(messages, (m) => m.source.entityId)].sort(([a], [b]) => (a < b ? -1 : 1));
  const results: PageResult[] = [];
  for (const [, own] of byEntity) results.push(await processMessages(db, own, occasion, pages));
  const sum = (of: (result: PageResult) => number) => results.reduce((total, result) => total + of(result), 0);
  return { accepted: sum((r) => r.accepted), duplicates: sum((r) => r.duplicates), conflicts: sum((r) => r.conflicts), waiting: results.flatMap((r) => r.waiting) };
}

/** The messages of a page that are of one entity: its prices, its books. */
async function processMessages(db: Db, messages: readonly PageMessage[], occasion: Occasion, pages: { next: number }): Promise<PageResult> {
  const parsed = messages.map(parseMessage);
  const heads = await lockHeads(
    db,
    parsed.map((p) => p.key),
  );
  const begun = new Set([...heads.values()].flatMap((head) => (head.isNew ? [head.recordId] : [])));
  const headOf = (item: Parsed): Head => {
    const head = heads.get(headKeyText(item.key));
    if (head === undefined) throw new Error(`no head for ${headKeyText(item.key)}`);
    return head;
  };
  const readable = parsed.filter((p): p is Readable => p.facts !== undefined);
  const { setup, tokens, anonymousTokens } = await loadPageSetup(db, messages, readable);
  const decisions: ReadonlyMap<bigint, SignedDecision> =
    occasion === 'arrival'
      ? new Map()
      : await loadDecisions(
          db,
          messages.map((m) => m.rawId.toString()),
        );
  const charged =
    occasion === 'rebill'
      ? await loadAllocations(
          db,
          readable.map((item) => headOf(item).recordId),
        )
      : new Map();
  const { around, seen } = await neighbourhood(db, occasion === 'arrival' ? readable.filter((item) => mayStand(item, headOf(item))) : readable, headOf, decisions);

  const changed: Changed = { heads: new Map(), spans: new Map() };
  const outcomes: OutcomeRow[] = [];
  const findings: FindingRow[] = [];
  // A record revised twice in one page is sealed twice, in order: later revisions reverse what is already booked.
  const books: PageBook[] = [];
  const bookedIn = new Map<bigint, number>();
  const bookFor = ({ recordId }: Head): PageBook => {
    const at = bookedIn.get(recordId) ?? 0;
    bookedIn.set(recordId, at + 1);
    const book = books[at] ?? new PageBook(`page/${messages[0]?.transaction}.${pages.next++}`);
    books[at] = book;
    return book;
  };
  const result = { accepted: 0, duplicates: 0, conflicts: 0, waiting: [] as { sourceId: string; recordKey: string }[] };
  for (const item of parsed) {
    const key = headKeyText(item.key);
    const head = headOf(item);
    const verdict = decideOrHold(item, head, {
      occasion,
      setup,
      anonymousTokens,
      neighbours: (span) => around.beside(span),
      decisionOn: (rawId) => decisions.get(rawId),
      chargedFor: (recordId) => charged.get(recordId),
    });
    if (verdict === undefined) continue;
    const { message } = item;
    if (verdict.head !== undefined) {
      heads.set(key, verdict.head);
      changed.heads.set(key, verdict.head);
    }
    if (verdict.span !== undefined) {
      changed.spans.set(head.recordId, verdict.span);
      around.put(head.recordId, verdict.span);
    }
    if (verdict.unbook === true) {
      const recordKey = `${item.key.sourceId}/${recordKeyText(item.key)}`;
      bookFor(head).takeBack({ recordId: head.recordId, revision: head.revision, sourceId: item.key.sourceId, entityId: message.source.entityId, recordKey });
    }
    if (verdict.seal !== undefined) bookFor(head).seal(verdict.seal);
    if (message.pending) {
      outcomes.push({ rawId: message.rawId, recordId: head.recordId, revision: verdict.head?.revision ?? head.revision, outcome: verdict.outcome, issues: verdict.issues });
      findings.push(...verdict.issues.map((issue: Issue) => ({ rawId: message.rawId, recordId: head.recordId, issue, profileVersion: message.source.ruleProfileVersion })));
    }
    if (verdict.outcome === 'duplicate' || verdict.outcome === 'superseded') result.duplicates += 1;
    else if (verdict.outcome === 'conflict') result.conflicts += 1;
    else if (verdict.outcome !== 'quarantined') result.accepted += 1;
  }
  await writeHeads(db, [...changed.heads.values()]);
  await writeFindings(db, findings);
  const gl = new Map(messages.map(({ source }) => [source.entityId, setup.entity(source.entityId).glAccounts]));
  for (const book of books) await book.write(db, gl);
  await writeOutcomes(db, outcomes);
  const processed = outcomes.map((o) => o.rawId);
  if (occasion === 'arrival') invariant(processed.length === messages.length, 'what is taken off the work list has an outcome');
  else await takeOffList(db, processed);
  const spans = [...changed.spans.values()].filter((s) => s !== null);
  const gone = [...changed.spans].flatMap(([recordId, span]) => (span === null ? [recordId] : []));
  await writeSpans(db, spans, gone, begun);
  for (const head of changed.heads.values()) {
    if (head.waiting !== null) result.waiting.push({ sourceId: head.key.sourceId, recordKey: recordKeyText(head.key) });
  }
  // Last, since another page with the same token waits for this one's commit; what is looked at again is known already.
  if (occasion === 'arrival' || occasion === 'retry') await writeTokens(db, tokens);
  if (changed.spans.size > 0 && messages.some((m) => m.source.hasSiblings)) {
    result.waiting.push(...(await settleTwins(db, messages, changed, { around, seen }, begun, pages)));
  }
  return result;
}

/** How records stand after a page, by their key, and where their sessions do; null takes one out of its neighbours' sight. */
type Changed = { readonly heads: Map<string, Head>; readonly spans: Map<bigint, SpanRow | null> };

/** Whether a message that arrives may come to stand for its record; else the record stays where it stands. */
function mayStand({ version, credit, message }: Readable, head: Head): boolean {
  return placeVersion(version, head, credit ? 'revise' : message.source.repeatProfile) === 'candidate';
}

/** What stands beside the sessions of a page, those of the page among themselves included; and what was `seen` beside which sessions as it began. */
type Neighbourhood = { readonly around: SpanIndex<SpanRow>; readonly seen: { readonly beside: ReadonlyMap<bigint, SpanRow>; readonly found: readonly SpanRow[] } };

async function neighbourhood(db: Db, readable: readonly Readable[], headOf: (item: Parsed) => Head, decisions: ReadonlyMap<bigint, SignedDecision>): Promise<Neighbourhood> {
  const own = new Map<bigint, SpanRow>();
  const newest = new Map<bigint, number>();
  const rejected = new Set<bigint>();
  for (const item of readable) {
    const head = headOf(item);
    const at = item.version.updatedAt ?? 0;
    if (at < (newest.get(head.recordId) ?? Number.NEGATIVE_INFINITY)) continue;
    newest.set(head.recordId, at);
    own.set(head.recordId, { ...correctedSpanOf(item, head, decisions.get(item.message.rawId)), linkedTo: head.linkedTo });
    if (head.state === 'rejected' && head.linkedTo === null) rejected.add(head.recordId);
  }
  const found = await loadNeighbours(db, [...own.values()]);
  // What somebody rejected stands in nobody's way, but a newer version of it may meet others.
  return { around: new SpanIndex([...found, ...[...own.values()].filter((s) => !rejected.has(s.recordId))]), seen: { beside: own, found } };
}

/**
 * Lets records of other routes give way to those of this page, or come back where nothing stands in their way any more, and records of this page
 * where another came to stand elsewhere than was foreseen; answers those that wait then.
 */
async function settleTwins(
  db: Db,
  messages: readonly PageMessage[],
  changed: Changed,
  { around, seen }: Neighbourhood,
  begun: ReadonlySet<bigint>,
  pages: { next: number },
): Promise<PageResult['waiting']> {
  const spans = [...changed.spans.values()].filter((s) => s !== null);
  const sources = new Map(messages.map(({ source }) => [source.id, source]));
  const beside = await countPages(db, [...sources.keys()]);
  const isQuiet = [...sources.values()].every(({ id, pagesBeside }) => pagesBeside !== null && beside.get(id) === pagesBeside);
  const present = isQuiet && spans.every((s) => standsAt(s, seen.beside.get(s.recordId))) ? seen.found : await loadNeighbours(db, spans, 'other sources');
  const own = new SpanIndex(spans);
  // One that came meanwhile was not looked at when this page was decided.
  const unseen = present.find((p) => !around.has(p.recordId) && own.beside(p).some((s) => sameSession(s, p) !== undefined));
  if (unseen !== undefined) throw new TryAgain(`record ${unseen.recordId} of the same session came by another route`);
  const standing = new SpanIndex([...present.filter((p) => !changed.spans.has(p.recordId)), ...spans]);
  const unlinked = spans.filter((s) => s.linkedTo === null);
  const weaker = unlinked.flatMap((s) => weakerTwins(s, standing.beside(s)));
  // What its sender took back keeps its place, and gives way to nobody.
  const claims = new Set([...changed.heads.values()].flatMap((head) => (head.state === 'rejected' ? [] : [head.recordId])));
  const giving = unlinked.filter((s) => claims.has(s.recordId) && betterTwin(s, standing.beside(s)) !== undefined);
  // Nothing but what is on its page was linked to a record before it began.
  const inPageLinks = new Set(spans.map((s) => s.linkedTo));
  const linked = await messagesLinkedTo(
    db,
    [...changed.spans.keys()].filter((recordId) => !begun.has(recordId) || inPageLinks.has(recordId)),
  );
  const again = [...new Set([...[...weaker, ...giving].map((s) => s.rawId), ...linked])].map(String);
  return again.length === 0 ? [] : (await processPage(db, again, 'revisit', pages)).waiting;
}

/** Whether what is beside a session was looked for where it stands. */
function standsAt(span: SpanRow, looked: SpanRow | undefined): boolean {
  return looked?.place === span.place && looked.tokenRef === span.tokenRef && looked.startMs === span.startMs && looked.endMs === span.endMs && looked.cdrKey === span.cdrKey;
}
