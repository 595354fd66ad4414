import type { ErpDocument, ErpHeld, ErpHolding, ErpPayment } from '../../contracts/erp-document.ts';
import type { ErpMasterData } from '../../contracts/erp-mapping.ts';
import type { PeriodThere } from '../../core/hand-over/compare-periods.ts';
import { addSums } from '../../core/hand-over/sums.ts';

/** Sums of what the ERP holds, by `kind|glAccount|costCenter|vatCode|currency`, in minor units; without those that are nothing. */
export type ControlTotals = { readonly count: number; readonly sums: ReadonlyMap<string, bigint> };

/** Who a document is for, as an ERP's party register takes it. */
export type ErpParty = { readonly accountId: string; readonly name: string; readonly country: string; readonly vatNumber: string | null };
/** Looks parties up when a document needs one: their words are in no payload, which nothing could take them out of. */
export type PartiesOf = (accountIds: readonly string[]) => Promise<readonly ErpParty[]>;

/** Told when documents are written there and not posted yet. */
export type OnDrafted = (documents: readonly ErpDocument[]) => Promise<void>;

/** What became of a document: `held` is what the ERP says it holds, where it was asked after it had posted it; else it is asked once more. */
export type ErpPosted = { readonly externalId: string; readonly held?: ErpHeld };

/** One ERP. An adapter translates; it decides nothing. It throws the errors below; anything else counts as an unknown outcome. */
export type ErpPort = {
  /** How long a request whose answer was lost may still take effect there: before a look-up decides anything, that long is waited. */
  readonly settleMs?: number;
  /** What is posted under a document's key; asked before every post whose earlier outcome is not known. A draft counts as nothing. */
  find(document: ErpDocument): Promise<ErpHeld | undefined>;
  /** Posts a document, or finds it posted. */
  post(document: ErpDocument, onDrafted?: OnDrafted): Promise<ErpPosted>;
  /** Of an ERP that takes several documents of a kind at once. */
  readonly together?:
    | {
        /** How many of the first of these, all of one kind, it takes in one go; one at least. */
        fit(documents: readonly ErpDocument[]): number;
        /** The same as `find` of each, by key; without what is not there. */
        find(documents: readonly ErpDocument[]): Promise<ReadonlyMap<string, ErpHeld>>;
        /** Posts all or, when it throws ErpRefused or ErpPeriodClosed, none. Answers by key. */
        post(documents: readonly ErpDocument[], onDrafted?: OnDrafted): Promise<ReadonlyMap<string, ErpPosted>>;
      }
    | undefined;
  /** Of calendar dates, how their periods stand there; those it tells nothing of are left out. Asked before anything of a batch is sent. */
  periodsOn(dates: readonly string[]): Promise<ReadonlyMap<string, PeriodThere>>;
  controlTotals(runId: string): Promise<ControlTotals>;
  /** All of ours that it holds of a run (null: of what belongs to none), also what somebody reversed there, and what bears our marks and we never sent. `ours`: the documents we know of. */
  holdings(runId: string | null, ours: readonly ErpDocument[]): Promise<readonly ErpHolding[]>;
  /** Accounts, cost centers and VAT codes that it has; of an ERP that tells. Documents are checked against them before they are sent. */
  masterData?(): Promise<ErpMasterData>;
  /** What is paid of documents; of an ERP that tells. Those it does not know are left out. */
  payments?(documents: readonly ErpDocument[]): Promise<readonly ErpPayment[]>;
};

/** The ERP said no: it will say no again until somebody changes something. */
export class ErpRefused extends Error {
  override name = 'ErpRefused';
}
/** The ERP takes nothing of that date now: the document waits until somebody opens the period, or has it tried again. */
export class ErpPeriodClosed extends Error {
  override name = 'ErpPeriodClosed';
}
/** Nothing reached the ERP: safe to try again, after `retryAfterMs` when the ERP named a time. `said`: its own words, as of ErpOutcomeUnknown. */
export class ErpUnavailable extends Error {
  override name = 'ErpUnavailable';
  readonly retryAfterMs: number | undefined;
  readonly said: string | undefined;
  constructor(message: string, retryAfterMs?: number, said?: string) {
    super(message);
    this.retryAfterMs = retryAfterMs;
    this.said = said;
  }
}
/**
 * It may or may not have been posted: look it up before anything else. `said`: the ERP's own words, which may name a driver or hold a
 * secret. They are kept with the posting and are no part of the message, which histories of Temporal keep.
 */
export class ErpOutcomeUnknown extends Error {
  override name = 'ErpOutcomeUnknown';
  readonly said: string | undefined;
  constructor(message: string, said?: string) {
    super(message);
    this.said = said;
  }
}

/** Control totals of documents, as both sides of the comparison count them. */
export function controlTotalsOf(documents: readonly (Pick<ErpDocument, 'kind' | 'currency'> & Pick<ErpHeld, 'lines'>)[]): ControlTotals {
  const sums = new Map<string, bigint>();
  for (const { kind, currency, lines } of documents) addSums(sums, lines, `${kind}|`, `|${currency}`);
  return { count: documents.length, sums };
}
