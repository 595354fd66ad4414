/** One charge all the way: kWh, record, charge, document line, journal, ERP. */
export type TraceRow = {
  readonly recordId: string | null;
  readonly sessionKey: string | null;
  readonly revision: number | null;
  readonly energyWh: string;
  readonly chargeId: string;
  readonly role: string;
  readonly component: string;
  readonly net: string;
  readonly currency: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly ratedJournal: string;
  readonly accountId: string | null;
  readonly runId: string | null;
  readonly disposition: string | null;
  readonly documentId: string | null;
  readonly lineNo: number | null;
  readonly legalNumber: string | null;
  readonly issueJournal: string | null;
  readonly erpState: string | null;
  readonly erpId: string | null;
};

/** A line of a document that a trace touches, with all the charges it was made of: `equal` when their sums are the line's. */
export type TracedLine = {
  readonly lineNo: number;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly vatCode: string;
  readonly net: string;
  readonly energyWh: string;
  /** Of all charges on it, or of its adjustment. */
  readonly chargesNet: string;
  readonly chargesWh: string;
  readonly equal: boolean;
  /** Those that the trace began with. */
  readonly charges: readonly TraceRow[];
};
/** A document that a trace touches, down to its lines and on to its journal and the ERP's lines. Amounts in its currency. */
export type TracedDocument = {
  readonly documentId: string;
  readonly legalNumber: string | null;
  readonly currency: string;
  readonly net: string;
  readonly energyWh: string;
  readonly lines: readonly TracedLine[];
  /** What the journal of its issue took out of unbilled, or out of what was accrued, with manual amounts; null until then. */
  readonly journal: { readonly key: string; readonly net: string; readonly equal: boolean } | null;
  readonly erp: {
    /** Of a card receipt the journals that it is summed up in, and what the ERP calls them, with commas between. */
    readonly key: string;
    readonly state: string;
    readonly externalId: string | null;
    /** Per account, cost center and VAT code, as the document has it and as the ERP got it; both with the document's sign. */
    readonly lines: readonly { readonly glAccount: string; readonly costCenter: string; readonly vatCode: string; readonly net: string; readonly inErp: string; readonly equal: boolean }[];
    readonly equal: boolean;
  } | null;
};
/** A trace as a tree: what it began with, summed, and each document with its sums at every step. */
export type TraceTree = {
  readonly charges: number;
  readonly records: number;
  readonly energyWh: string;
  readonly net: readonly { readonly currency: string; readonly amount: string }[];
  readonly documents: readonly TracedDocument[];
  /** Charges that are on no document: open, carried or written off. */
  readonly withoutDocument: readonly TraceRow[];
  /** Every sum of every step is that of the step before. */
  readonly equal: boolean;
};

/** What lies at one end and not at the other. */
export type Orphans = { readonly count: number; readonly net: string; readonly energyWh: string; readonly examples: readonly string[] };
/** A whole run, step by step, in one currency: what its charges, lines, journals and ERP lines come to, and what reaches no other end. */
export type RunTrace = {
  readonly currency: string;
  readonly records: number;
  readonly charges: number;
  readonly documents: number;
  readonly erpLines: number;
  readonly energyWh: { readonly charges: string; readonly lines: string; readonly reachingErp: string };
  readonly net: { readonly charges: string; readonly adjustments: string; readonly lines: string; readonly journals: string; readonly erp: string };
  readonly orphans: { readonly chargesWithoutLine: Orphans; readonly linesWithoutErp: Orphans; readonly erpWithoutLine: Orphans };
};
