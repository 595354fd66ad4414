import { parserFor } from '../adapters/sources/registry.ts';
import type { ChargeFacts } from '../contracts/charge-record.ts';
import { evaluateSession } from '../core/intake/evaluate.ts';
import type { Issue } from '../core/issues.ts';
import { factsHash } from '../core/normalise/facts-hash.ts';
import { sealRecord } from '../core/seal/charge-record.ts';
import type { Db } from '../store/db.ts';
import { type Head, type HeadKey, headKeyText, loadMessages, loadSetup, lockHeads, type PageMessage } from '../store/intake/load-page.ts';
import { type HeadRow, type OutcomeRow, type RecordRow, restateHeads, sealAndBook, writeFindings, writeHeads, writeOutcomes } from '../store/intake/write-page.ts';

export type PageResult = { readonly accepted: number; readonly duplicates: number; readonly conflicts: number; readonly waiting: readonly { sourceId: string; recordKey: string }[] };

type Parsed = {
  readonly message: PageMessage;
  readonly key: HeadKey;
  readonly facts: ChargeFacts | undefined;
  readonly updatedAt?: number;
  readonly statedWh?: number;
  readonly issues: readonly Issue[];
};
type Pending = {
  outcomes: OutcomeRow[];
  findings: { rawId: bigint; recordId: bigint; issue: Issue }[];
  heads: Map<string, HeadRow>;
  restated: Map<string, { key: HeadKey; updatedAt: number }>;
  records: RecordRow[];
};

/**
 * The one path of every CDR: parse, identify, check, rate, allocate, seal and book a page of stored messages in the
 * caller's transaction. A single CDR is a page of one. Messages already processed are skipped, so a repeat does nothing;
 * with `retry` the message a waiting record stands on is tried again. What cannot pass stays as a quarantined or parked record.
 */
export async function processPage(db: Db, rawIds: readonly string[], now: Date, retry = false): Promise<PageResult> {
  const messages = await loadMessages(db, rawIds, retry);
  const parsed = messages.map(parseMessage);
  const heads = await lockHeads(
    db,
    parsed.map((p) => p.key),
  );
  const facts = parsed.flatMap((p) => (p.facts === undefined ? [] : [p.facts]));
  const unique = (values: readonly string[]) => [...new Set(values)];
  const setup = await loadSetup(db, {
    entityIds: unique(messages.map((m) => m.source.entityId)),
    sourceIds: unique(messages.map((m) => m.source.id)),
    siteKeys: unique(facts.map((f) => f.siteKey)),
    tokenKeys: unique(facts.map((f) => f.tokenKey)),
  });
  const pending: Pending = { outcomes: [], findings: [], heads: new Map(), restated: new Map(), records: [] };
  const result = { accepted: 0, duplicates: 0, conflicts: 0, waiting: [] as { sourceId: string; recordKey: string }[] };
  for (const item of parsed) {
    const head = heads.get(headKeyText(item.key));
    if (head === undefined) throw new Error(`no head for ${headKeyText(item.key)}`);
    const { outcome, issues, skipped } = decide(item, head, setup, now, pending);
    if (skipped) continue;
    if (item.message.pending) {
      pending.outcomes.push({ rawId: item.message.rawId, recordId: head.recordId, revision: head.revision, outcome, issues });
      pending.findings.push(...issues.map((issue) => ({ rawId: item.message.rawId, recordId: head.recordId, issue })));
    }
    if (outcome === 'duplicate') result.duplicates += 1;
    else if (outcome === 'conflict') result.conflicts += 1;
    else if (outcome === 'superseded') result.duplicates += 1;
    else if (outcome !== 'quarantined') result.accepted += 1;
  }
  await writeHeads(db, [...pending.heads.values()], heads);
  await restateHeads(db, [...pending.restated.values()]);
  await writeFindings(db, pending.findings);
  // A record revised twice in one page is sealed twice, in order: later revisions reverse what is already booked.
  for (const [wave, records] of waves(pending.records).entries()) await sealAndBook(db, records, wave);
  await writeOutcomes(db, pending.outcomes);
  for (const head of pending.heads.values()) {
    if (head.state === 'quarantined' || head.state === 'parked') result.waiting.push({ sourceId: head.key.sourceId, recordKey: recordKeyText(head.key) });
  }
  return result;
}

function parseMessage(message: PageMessage): Parsed {
  const { source } = message;
  const fallback = { sourceId: source.id, ownerCountry: source.ownerCountry, ownerParty: source.ownerParty, cdrId: message.recordKey };
  if (message.bytes === null) {
    return { message, key: fallback, facts: undefined, issues: [{ code: 'badShape', severity: 'blocks', subject: message.recordKey, params: { detail: 'the raw body was expunged' } }] };
  }
  const context = { sourceId: source.id, ownerCountry: source.ownerCountry, ownerParty: source.ownerParty, timeZone: source.timeZone };
  const parsed = parserFor(source.format).parse(message.bytes, context);
  if (!parsed.ok) {
    // The key the intake gave it stands, so that a corrected message of the same id meets this record.
    return { message, key: keyFromText(source.id, message.recordKey) ?? fallback, facts: undefined, statedWh: parsed.statedWh ?? 0, issues: parsed.issues };
  }
  const { facts } = parsed;
  return {
    message,
    key: { sourceId: source.id, ownerCountry: facts.ownerCountry, ownerParty: facts.ownerParty, cdrId: facts.cdrId },
    facts,
    ...(parsed.updatedAt === undefined ? {} : { updatedAt: parsed.updatedAt }),
    issues: parsed.issues,
  };
}

/** `cc*party*id` back to its parts; undefined for a message that could not be keyed. */
function keyFromText(sourceId: string, recordKey: string): HeadKey | undefined {
  const match = /^([a-z]{2})\*([^*]+)\*(.+)$/.exec(recordKey);
  if (match === null) return undefined;
  return { sourceId, ownerCountry: (match[1] ?? '').toUpperCase(), ownerParty: (match[2] ?? '').toUpperCase(), cdrId: match[3] ?? '' };
}

function recordKeyText(key: HeadKey): string {
  if (key.cdrId.startsWith('unkeyed/')) return key.cdrId;
  return `${key.ownerCountry}*${key.ownerParty}*${key.cdrId}`.toLowerCase();
}

function decide(item: Parsed, head: Head, setup: Awaited<ReturnType<typeof loadSetup>>, now: Date, pending: Pending): { outcome: OutcomeRow['outcome']; issues: readonly Issue[]; skipped: boolean } {
  const { message, facts } = item;
  const { source } = message;
  const isRetry = !message.pending;
  if (isRetry && (head.waitingRawId !== message.rawId || head.decision?.action === 'hold')) return { outcome: 'duplicate', issues: [], skipped: true };
  const waits = head.state === 'quarantined' || head.state === 'parked';
  const hash = facts === undefined ? null : factsHash(facts);
  const known = !isRetry && head.factsHash !== null;
  if (known && hash !== null && head.factsHash?.equals(hash)) {
    // The same content said again later: what lies between the two is older too.
    if (item.updatedAt !== undefined && item.updatedAt > (head.sourceUpdatedAt ?? Number.NEGATIVE_INFINITY)) {
      head.sourceUpdatedAt = item.updatedAt;
      pending.restated.set(headKeyText(item.key), { key: item.key, updatedAt: item.updatedAt });
    }
    return { outcome: 'duplicate', issues: [], skipped: false };
  }
  if (known && hash !== null && source.repeatProfile === 'revise' && isOlder(item.updatedAt, hash, head)) return { outcome: 'superseded', issues: [], skipped: false };
  // What can be read is never given up for what cannot.
  if (known && (facts === undefined || ((head.state === 'booked' || head.state === 'rejected') && source.repeatProfile === 'conflict'))) {
    const issues: Issue[] = [{ code: 'conflictingRepeat', severity: 'warns', subject: item.key.cdrId, params: { recordId: head.recordId.toString() } }];
    return { outcome: 'conflict', issues: [...item.issues, ...issues], skipped: false };
  }

  const base = {
    key: item.key,
    recordId: head.recordId,
    factsHash: hash,
    sessionKey: `${source.id}/${recordKeyText(item.key)}`,
    energyWh: facts?.energyWh ?? item.statedWh ?? 0,
    // What cannot be read says nothing of its age.
    sourceUpdatedAt: facts === undefined ? head.sourceUpdatedAt : (item.updatedAt ?? null),
  };
  const put = (row: HeadRow) => {
    pending.heads.set(headKeyText(item.key), row);
    Object.assign(head, { revision: row.revision, factsHash: row.factsHash, state: row.state, waitingRawId: row.waitingRawId, sourceUpdatedAt: row.sourceUpdatedAt });
  };
  if (isRetry && head.decision?.action === 'reject') {
    const entity = setup.entity(source.entityId);
    const month = facts === undefined ? null : evaluateSession(facts, [], setup, entity, now.getTime(), true).serviceMonth;
    put({ ...base, revision: head.revision, state: 'rejected', siteId: null, accountId: null, serviceMonth: month, waitingFor: null, waitingRawId: null, issues: item.issues });
    return { outcome: 'accepted', issues: [], skipped: false };
  }
  if (facts === undefined) {
    put({
      ...base,
      factsHash: null,
      revision: head.revision,
      state: 'quarantined',
      siteId: null,
      accountId: null,
      serviceMonth: null,
      waitingFor: 'decision',
      waitingRawId: message.rawId,
      issues: item.issues,
    });
    return { outcome: 'quarantined', issues: item.issues, skipped: false };
  }

  const entity = setup.entity(source.entityId);
  const verdict = evaluateSession(facts, item.issues, setup, entity, now.getTime(), isRetry && head.decision?.action === 'accept');
  const where = { siteId: verdict.siteId, accountId: verdict.accountId, serviceMonth: verdict.serviceMonth, issues: verdict.issues };
  if (verdict.kind !== 'billable') {
    put({ ...base, ...where, revision: head.revision, state: verdict.kind, waitingFor: verdict.waitingFor, waitingRawId: message.rawId });
    return { outcome: 'quarantined', issues: verdict.issues, skipped: false };
  }
  const revision = head.revision + 1;
  const sealed = sealRecord({
    recordId: head.recordId,
    revision,
    sessionKey: base.sessionKey,
    facts,
    siteId: verdict.siteId,
    accountId: verdict.accountId,
    rating: verdict.rating,
    charges: verdict.charges,
  });
  pending.records.push({
    recordId: head.recordId,
    revision,
    rawId: message.rawId,
    sourceId: source.id,
    entityId: source.entityId,
    recordKey: `${source.id}/${recordKeyText(item.key)}`,
    sessionKey: base.sessionKey,
    siteId: verdict.siteId,
    accountId: verdict.accountId,
    startAt: facts.startAt,
    endAt: facts.endAt,
    serviceMonth: verdict.serviceMonth,
    energyWh: facts.energyWh,
    sealed,
    charges: verdict.charges,
  });
  put({ ...base, ...where, revision, state: 'booked', waitingFor: null, waitingRawId: null });
  return { outcome: revision > 1 && !waits ? 'revised' : 'accepted', issues: verdict.issues, skipped: false };
}

/** An older version, by the source's own clock, that comes after a newer one. At the same time the hash decides, so that the order of arrival does not. */
function isOlder(updatedAt: number | undefined, hash: Buffer, head: Head): boolean {
  if (updatedAt === undefined || head.sourceUpdatedAt === null) return false;
  if (updatedAt !== head.sourceUpdatedAt) return updatedAt < head.sourceUpdatedAt;
  return head.factsHash !== null && Buffer.compare(hash, head.factsHash) < 0;
}

function waves(records: readonly RecordRow[]): RecordRow[][] {
  const result: RecordRow[][] = [];
  const depth = new Map<bigint, number>();
  for (const record of records) {
    const at = depth.get(record.recordId) ?? 0;
    depth.set(record.recordId, at + 1);
    const wave = result[at];
    if (wave === undefined) result.push([record]);
    else wave.push(record);
  }
  return result;
}
