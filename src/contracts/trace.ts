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
