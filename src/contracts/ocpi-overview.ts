import type { OcpiPartner, OcpiTerms, OcpiVersion } from './ocpi.ts';

/** An OCPI connection as ops see it. Instants are UTC, ISO 8601. */
export type PeerOverview = OcpiTerms & {
  readonly peerId: string;
  readonly state: 'prepared' | 'invited' | 'registered' | 'unregistered';
  readonly version: OcpiVersion | null;
  readonly versionsUrl: string | null;
  readonly registeredAt: string | null;
  readonly problem: string | null;
  readonly partners: readonly OcpiPartner[];
  /** How what they have is pulled (the source's connection), until when, and the last look; null when it is not. */
  readonly sweep: {
    readonly everyMinutes: number;
    readonly until: string | null;
    /** How it was last asked for its daily counts: `stated` of `days` had X-Total-Count; null before the first look. */
    readonly counts: { readonly at: string; readonly until: string | null; readonly days: number; readonly stated: number; readonly problem: string | null } | null;
    readonly last: {
      readonly state: 'running' | 'done' | 'failed';
      readonly startedAt: string;
      readonly pulled: number;
      readonly fresh: number;
      readonly stated: number | null;
      readonly problem: string | null;
    } | null;
  } | null;
  /** `waiting`: sales without a CDR yet. */
  readonly deliveries: {
    readonly waiting: number;
    readonly queued: number;
    readonly refused: number;
    /** Not sent, since the partner is known to refuse them. */
    readonly held: number;
    readonly withheld: number;
    readonly sent: number;
    readonly hubAcknowledged: number;
    readonly seen: number;
    readonly agreed: number;
    readonly oldestQueuedAt: string | null;
  };
  /** Our tariffs there: known to it, to be told, refused. `thereVersion` may stand there; null: nothing does. */
  readonly tariffs: readonly {
    readonly tariffId: string;
    readonly version: number;
    readonly state: 'queued' | 'sent' | 'refused' | 'withdrawn' | 'notTakenBack';
    readonly thereVersion: number | null;
    readonly attempts: number;
    readonly answer: string | null;
    readonly sentAt: string | null;
  }[];
  /** What our sales wait for, that of most sales first, at most 20; `moreWaitingFor`: of how many other things it is not told. */
  readonly waitingFor: readonly { readonly what: string; readonly sales: number }[];
  readonly moreWaitingFor: number;
};

/** A CDR of ours on its way to a peer. Instants are UTC, ISO 8601. */
export type CdrDelivery = {
  readonly cdrId: string;
  readonly kind: 'cdr' | 'credit';
  readonly recordId: string;
  readonly revision: number;
  readonly accountId: string;
  readonly state: string;
  readonly attempts: number;
  readonly answer: string | null;
  /** Why the partner is known to refuse it; empty unless it is held. */
  readonly issues: readonly { readonly code: string; readonly severity: 'blocks' | 'warns' | 'info'; readonly subject: string; readonly text: string }[];
  readonly madeAt: string;
  readonly sentAt: string | null;
  readonly hubAcknowledgedAt: string | null;
  readonly seenAt: string | null;
  readonly agreedAt: string | null;
};
