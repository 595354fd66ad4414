import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { RetentionClass } from '../contracts/retention.ts';
import type { UnattendedScope } from '../contracts/unattended.ts';
import type { RunState } from '../core/cycle/run-states.ts';

/** A further message of the same CDR, or a decision, was stored; the workflow reads it from the database. */
export const arrivedSignal = defineSignal('arrived');
/** Exclusions, adjustments, pull-ins or decisions of a run changed; coalesced. */
export const inputsChangedSignal = defineSignal('inputsChanged');
/** Stop waiting for late CDRs (no `at`), or move the cut-off to an instant. */
export const cutOffSignal = defineSignal<[{ at?: string }]>('cutOff');
/** What a run, an ERP connection or waiting records stumbled over was mended: try again. */
export const retrySignal = defineSignal('retry');
/** The outbox of an ERP connection has new rows. */
export const wakeSignal = defineSignal('wake');
/** The ERP writer has no row of the run left to send. */
export const handedOverSignal = defineSignal('handedOver');

export type Order = { readonly actor: string; readonly reason: string; readonly requestId?: string };
export type DecisionOrder = {
  readonly approvalId: string;
  readonly decision: 'approve' | 'reject';
  readonly contentHash: string;
  /** Without it all groups in review, and `contentHash` is the run's. */
  readonly group?: string;
  readonly actor: string;
  readonly comment: string;
  readonly requestId?: string;
};

/** What became of an approval: groups that somebody else has to approve too. */
export type Decided = { readonly waitsForSecond: readonly string[] };
export type GroupOrder = Order & { readonly group?: string };

/** Approves or rejects the content a run shows; fails with type `wrongState`, `staleHash` (detail: the present hash), `blockingFindings`, `unsoundContent` or `ownWork`. */
export const decideUpdate = defineUpdate<Decided, [DecisionOrder]>('decide');
export const pauseUpdate = defineUpdate<void, [Order]>('pause');
export const resumeUpdate = defineUpdate<void, [Order]>('resume');
/** Only before the run issues. */
export const cancelUpdate = defineUpdate<void, [Order]>('cancel');
/** Lets groups that wait in their canary go on; answers which. */
export const releaseUpdate = defineUpdate<{ readonly groups: readonly string[] }, [GroupOrder]>('release');
/** Takes approvals back before anything of their group is issued; answers of which groups. */
export const reopenUpdate = defineUpdate<{ readonly groups: readonly string[] }, [GroupOrder]>('reopen');

export type GroupProgress = { readonly state: RunState; readonly contentHash: string | null };
export type RunProgress = {
  readonly state: RunState;
  readonly paused: boolean;
  readonly problem: string | null;
  readonly contentHash: string | null;
  readonly groups: Readonly<Record<string, GroupProgress>>;
};
export const runStateQuery = defineQuery<RunProgress>('state');

export const taskQueue = 'wattledger';

/** Workflow names, so that no caller imports workflow code. */
export const workflowNames = {
  cdrLifecycle: 'cdrLifecycle',
  importBatch: 'importBatch',
  intakeSweep: 'intakeSweep',
  retryWaiting: 'retryWaiting',
  runOpener: 'runOpener',
  partitionKeeper: 'partitionKeeper',
  retentionKeeper: 'retentionKeeper',
  blockSealer: 'blockSealer',
  billingCycle: 'billingCycle',
  erpHandOver: 'erpHandOver',
  erpRounds: 'erpRounds',
  erpCompare: 'erpCompare',
  monthAccrual: 'monthAccrual',
  creditAndRebill: 'creditAndRebill',
  ocpiRounds: 'ocpiRounds',
  ocpiPush: 'ocpiPush',
  ocpiTariffs: 'ocpiTariffs',
  sourceSweep: 'sourceSweep',
  peerCounts: 'peerCounts',
  waitingWorkflows: 'waitingWorkflows',
} as const;

export type BillingCycleInput = {
  readonly runId: string;
  readonly period: string;
  readonly cutOffAtMs: number;
  /** Live unless told: a dry run ends with its preview. */
  readonly kind?: 'live' | 'dry';
  /** How long a run waits before it first looks again by itself: what is missing while it collects, what changed while it waits for people. */
  readonly lookEveryMs?: number;
  /** Where one stands that begins anew while it waits for people. */
  readonly review?: ReviewSoFar;
};
/** What a run shows: where it stands, what is wrong with it or, by name, with one of its groups, and what it waits for. */
export type BoardSoFar = { readonly progress: RunProgress; readonly problems: readonly (readonly [group: string, problem: string])[]; readonly counts: readonly string[]; readonly waitsFor: string };
/** A review as far as it has come: how many documents were issued, since when it waits, when it next reminds, and how long it waited before it last looked by itself. */
export type ReviewSoFar = { readonly board: BoardSoFar; readonly issued: number; readonly sinceMs: number; readonly remindAtMs: number; readonly lookMs: number };
/** A stored batch, or the messages of one page; `pageSize` of `WaitingWorkflowsInput`. */
export type ImportInput = ({ readonly sourceId: string; readonly batchId: string } | { readonly sourceId: string; readonly rawIds: readonly string[] }) & { readonly pageSize?: number };
/** Which of the waiting records; `pageSize`: how many are started at a time, 200 unless told; `started` by the runs before a continue-as-new. */
export type WaitingWorkflowsInput = { readonly scope: UnattendedScope; readonly pageSize?: number; readonly started?: number };
/** Records waiting for a piece of set-up: a site, token, contract or tariff of a source. */
export type RetryWaitingInput = {
  readonly sourceId: string;
  readonly code: string;
  readonly key: string;
  readonly pageSize?: number;
  /** How far an earlier run of it came; `again`: it was told of more on the way, and begins anew after the last page. */
  readonly done?: { readonly after?: string; readonly again?: boolean; readonly tried: number; readonly released: number };
};
/** A look at a source; without a window from where the last full one ended. Instants as ISO text. */
export type SweepInput = { readonly sourceId: string; readonly window?: { readonly from: string; readonly to: string } };
/** A look at what an OCPI peer counts; without a window at the last closed days. Days local to the source, both included. */
export type CountInput = { readonly sourceId: string; readonly window?: { readonly from: string; readonly to: string } };
/** An order to credit and rebill, by its id. */
export type RebillInput = { readonly orderId: string };
/** One ERP connection; every one that holds something unless told. */
export type CompareInput = { readonly connectionId?: string };
/** Who has it done; without a class all of them. */
export type RetentionInput = { readonly actor: string; readonly class?: RetentionClass };
/** Messages of an import: how many were processed, and what became of their records. */
export type ImportTotals = { readonly processed: number; readonly accepted: number; readonly duplicates: number; readonly conflicts: number; readonly waiting: number };
/** The totals are those of the runs before a continue-as-new. */
export type OcpiPushInput = { readonly peerId: string; readonly sent?: number; readonly refused?: number };
export type OcpiPeerInput = { readonly peerId: string };
