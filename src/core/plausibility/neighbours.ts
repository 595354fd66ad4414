import type { Issue } from '../issues.ts';
import { type CheckContext, issueOf } from './check-facts.ts';
import { judgementOf } from './rules.ts';

/** A session as its neighbours see it. Times in epoch ms, energy in Wh. */
export type Span = {
  readonly recordId: bigint;
  readonly sourceId: string;
  readonly route: Route;
  /** `{cc}*{party}*{id}`, case-folded: the same through two sources is the same session, unless time, token and energy speak against it. */
  readonly cdrKey: string;
  /** EVSE, upper case; null where the source names none. */
  readonly place: string | null;
  readonly tokenRef: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly energyWh: number;
  /** The record of another route that is billed in its place. */
  readonly linkedTo: bigint | null;
};
export type Route = 'ownCsms' | 'proprietary' | 'file' | 'ocpiPeer' | 'ocpiHub';

/** Own metering wins for kWh and time (D31); then the shorter way. */
const rank: Readonly<Record<Route, number>> = { ownCsms: 0, proprietary: 1, file: 2, ocpiPeer: 3, ocpiHub: 4 };

function overlapS(a: Span, b: Span): number {
  return (Math.min(a.endMs, b.endMs) - Math.max(a.startMs, b.startMs)) / 1000;
}

/** How far apart in time two records of one session may lie, in s: what a time read in the wrong zone makes of it. */
const sameIdWithinS = 24 * 3600;
/** Energies as close as this, under one id by one token, are one session's whenever it is said to have been: a clock was wrong. */
const sameEnergyWh = 100;

/** Why two records of different sources are one physical session; undefined when they are not. An id alone tells little where two systems count from 1. */
export function sameSession(a: Span, b: Span): 'CDR id' | 'token, EVSE and time' | undefined {
  if (a.sourceId === b.sourceId) return undefined;
  const isClose = () => overlapS(a, b) >= -sameIdWithinS || (a.tokenRef === b.tokenRef && Math.abs(a.energyWh - b.energyWh) <= sameEnergyWh);
  if (a.cdrKey === b.cdrKey && isClose()) return 'CDR id';
  return a.place !== null && a.place === b.place && a.tokenRef === b.tokenRef && overlapS(a, b) > 0 ? 'token, EVSE and time' : undefined;
}

/** Sessions by what may make them neighbours. */
export class SpanIndex<S extends Span> {
  readonly #spans = new Map<bigint, S>();
  readonly #byCdr = new Map<string, S[]>();
  readonly #byToken = new Map<string, S[]>();
  readonly #byPlace = new Map<string, S[]>();

  constructor(spans: readonly S[]) {
    for (const span of spans) this.put(span.recordId, span);
  }

  has(recordId: bigint): boolean {
    return this.#spans.has(recordId);
  }

  /** Where a session stands now; null takes it out. */
  put(recordId: bigint, span: S | null): void {
    const before = this.#spans.get(recordId);
    if (before !== undefined) {
      for (const [list] of this.#listsOf(before)) list?.splice(list.indexOf(before), 1);
      this.#spans.delete(recordId);
    }
    if (span === null) return;
    this.#spans.set(recordId, span);
    for (const [list, by, key] of this.#listsOf(span)) {
      if (list === undefined) by.set(key, [span]);
      else list.push(span);
    }
  }

  /** The sessions that may be beside one, itself left out. */
  beside(span: Span): readonly S[] {
    let found: S[] | undefined;
    for (const [list] of this.#listsOf(span)) {
      if (list === undefined) continue;
      for (const other of list) {
        if (other.recordId === span.recordId || found?.includes(other) === true) continue;
        if (found === undefined) found = [other];
        else found.push(other);
      }
    }
    return found ?? [];
  }

  #listsOf({ cdrKey, tokenRef, place }: Span): [S[] | undefined, Map<string, S[]>, string][] {
    const lists: [S[] | undefined, Map<string, S[]>, string][] = [
      [this.#byCdr.get(cdrKey), this.#byCdr, cdrKey],
      [this.#byToken.get(tokenRef), this.#byToken, tokenRef],
    ];
    if (place !== null) lists.push([this.#byPlace.get(place), this.#byPlace, place]);
    return lists;
  }
}

export type Twin = { readonly span: Span; readonly reason: 'CDR id' | 'token, EVSE and time' };

/** Of all records of one physical session the one to bill; undefined when it is `self`. The same for every order of arrival. */
export function betterTwin(self: Span, others: readonly Span[]): Twin | undefined {
  if (others.length === 0) return undefined;
  const twins = others.flatMap((span): Twin[] => {
    const reason = sameSession(self, span);
    return reason === undefined || compareRoutes(span, self) > 0 ? [] : [{ span, reason }];
  });
  const byId = (t: Twin) => Number(t.reason !== 'CDR id');
  return twins.sort((a, b) => compareRoutes(a.span, b.span) || byId(a) - byId(b) || compareText(a.span.cdrKey, b.span.cdrKey))[0];
}

const compareText = (a: string, b: string) => Number(a > b) - Number(a < b);
const compareRoutes = (a: Span, b: Span) => rank[a.route] - rank[b.route] || compareText(a.sourceId, b.sourceId);

/** Records of other routes that have to give way to `self`. */
export function weakerTwins<S extends Span>(self: Span, others: readonly S[]): S[] {
  return others.filter((span) => span.linkedTo !== self.recordId && sameSession(self, span) !== undefined && betterTwin(span, [self]) !== undefined);
}

/** Overlaps with other sessions on the EVSE or by the token; the longest of each kind. A record that another stands for is no neighbour. */
export function checkOverlaps(self: Span, others: readonly Span[], subject: string, context: Pick<CheckContext, 'profile' | 'category'>): Issue[] {
  if (others.length === 0) return [];
  const real = others.filter((o) => o.linkedTo === null && o.recordId !== self.recordId && sameSession(self, o) === undefined);
  const worst = (code: 'overlapOnEvse' | 'overlapOnToken', of: readonly Span[]): Issue[] => {
    const limit = judgementOf(context.profile, code, context.category).limit('toleranceS');
    const [longest] = of.map((o) => ({ o, s: overlapS(self, o) })).sort((a, b) => b.s - a.s);
    if (longest === undefined || longest.s <= limit) return [];
    return [issueOf({ code, params: { record: longest.o.recordId.toString(), computed: Math.round(longest.s), limit } }, subject, context)].flatMap((f) => f ?? []);
  };
  const onEvse = real.filter((o) => o.place !== null && o.place === self.place);
  return [
    ...worst('overlapOnEvse', onEvse),
    ...worst(
      'overlapOnToken',
      real.filter((o) => o.tokenRef === self.tokenRef && !onEvse.includes(o)),
    ),
  ];
}

/** The finding on a record that gives way, with the energy both report. */
export function issueOfTwin(self: Span, twin: Twin, subject: string, context: Pick<CheckContext, 'profile' | 'category'>): Issue | undefined {
  const limit = judgementOf(context.profile, 'sameSession', context.category).limit('toleranceWh');
  const apart = Math.abs(self.energyWh - twin.span.energyWh);
  const found = issueOf({ code: 'sameSession', params: { record: twin.span.recordId.toString(), source: twin.span.sourceId, reason: twin.reason, computed: apart, limit } }, subject, context);
  // It gives way whatever the profile says of the finding.
  return found === undefined || apart <= limit ? found : { ...found, severity: 'warns' };
}
