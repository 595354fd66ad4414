import type { ChargeFacts } from '../contracts/charge-record.ts';
import type { Evaluation } from '../core/intake/evaluate.ts';
import { isOlder } from '../core/intake/standing.ts';
import { issue } from '../core/issues.ts';
import { localDateOf, parseInstant } from '../core/time.ts';
import type { Head } from '../store/intake/load-page.ts';
import type { SpanRow } from '../store/intake/session-spans.ts';
import type { Readable } from './parse-page.ts';
import type { Verdict } from './verdict.ts';

type Found = Pick<Evaluation, 'serviceMonth' | 'siteId' | 'accountId'>;

/**
 * What its own sender takes back (a credit CDR) is not billed, in whatever order the two come: the credit is the newer version of the record.
 * It keeps its place among its neighbours, so that another route's copy of it does not come back.
 */
export function takeBack(item: Readable, head: Head, { serviceMonth }: Found, span: SpanRow): Verdict {
  if (head.waiting !== null && isOlder(item.version, head.waiting)) return { outcome: 'superseded', issues: item.issues };
  const found = [...item.issues, issue('creditedBySender', 'info', item.key.cdrId, { credit: item.facts.externalIds.cdr })];
  return { outcome: 'accepted', issues: found, unbook: head.state === 'booked', span, head: { ...asideOf(item, head), siteId: null, accountId: null, serviceMonth, issues: found } };
}

/** What a vehicle tells is evidence beside a meter's record, never billed. It keeps site and account, by which the two are compared. */
export function keepAsEvidence(item: Readable, head: Head, { serviceMonth, siteId, accountId }: Found, span: SpanRow): Verdict {
  const found = [...item.issues, issue('keptAsEvidence', 'info', item.key.cdrId)];
  return { outcome: 'accepted', issues: found, span, head: { ...asideOf(item, head), siteId, accountId, serviceMonth, issues: found } };
}

function asideOf({ message, version, facts }: Readable, head: Head): Head {
  return {
    ...head,
    waiting: null,
    waitingFor: null,
    worth: null,
    state: 'rejected',
    standing: version,
    energyWh: facts.energyWh,
    endedOn: dayOf(facts, message.source.timeZone),
    sourceWh: null,
    tokenRef: facts.tokenRef,
    linkedTo: null,
  };
}

function dayOf(facts: ChargeFacts, zone: string): string | null {
  const endMs = parseInstant(facts.endAt);
  return endMs === undefined ? null : localDateOf(endMs, zone);
}
