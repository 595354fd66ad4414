import { judgeDocument } from '../core/document/judge-document.ts';
import { documentHashes } from '../store/cycle/content-hashes.ts';
import { leftOutHashes } from '../store/cycle/left-out-hash.ts';
import type { Db, Store } from '../store/db.ts';
import { energyOff } from '../store/reads/energy-balance.ts';
import { archivedRows } from '../store/reads/verification/archived-rows.ts';
import { blockLeaves, blockMembership } from '../store/reads/verification/block-rows.ts';
import { openChargesOff, ratedCharges, tariffVersions } from '../store/reads/verification/charge-rows.ts';
import { builtDocuments, creditsOff, hashedRuns, issueStamps, outboxRows, unnumbered } from '../store/reads/verification/document-rows.ts';
import { type Judged, rawBodies, rawMessages, recordHeads, sealedRecords } from '../store/reads/verification/intake-rows.ts';
import { clearingOff, convertedDocuments, energyTwice, entryCount, ledgerBalances, ledgerDifferences, ledgerHeaders, ledgerPlaces } from '../store/reads/verification/ledger-rows.ts';
import { letterheads } from '../store/reads/verification/letterhead-rows.ts';
import { owedDocuments } from '../store/reads/verification/owed-rows.ts';
import { inSnapshot } from '../store/reads/verification/pages.ts';
import { matchedInvoices, paidDifferences, proposedPayments } from '../store/reads/verification/paid-rows.ts';
import { setUpGone, setUpRows } from '../store/reads/verification/set-up-rows.ts';
import { chainSteps } from './blocks.ts';
import { judgeConverted } from './converted.ts';
import { judgeLetterhead, judgeRun, judgeStamp } from './documents.ts';
import { judgeMatched } from './matched.ts';
import { judgeOwed } from './owed.ts';
import { judgePayment } from './payments.ts';
import { judgeCharge, judgeRecord, judgeTariff } from './records.ts';
import { type Check, judging, type Step } from './section.ts';

/** One section of the proof: how much was looked at, and the first thing that does not hold. */
export type Section = { readonly name: string; readonly checked: number; readonly problem: string | null; readonly counts: Readonly<Record<string, number>> };
export type Verification = { readonly sections: readonly Section[] };

const judged = (row: Judged) => row.problem;

const checks: readonly Check[] = [
  { name: 'raw bodies', steps: (db) => judging(rawBodies(db), judged, (row) => (row.expunged ? 'expunged' : undefined)) },
  { name: 'messages', steps: (db) => judging(rawMessages(db), judged) },
  { name: 'records', steps: (db) => judging(sealedRecords(db), judgeRecord) },
  { name: 'record heads', steps: (db) => judging(recordHeads(db), judged) },
  { name: 'blocks', steps: (db) => chainSteps(blockLeaves(db)) },
  { name: 'block membership', steps: (db) => judging(blockMembership(db), judged, (row) => (row.waiting ? 'waiting for a block' : undefined)) },
  { name: 'set-up', steps: setUpSteps },
  { name: 'tariffs', steps: (db) => judging(tariffVersions(db), judgeTariff) },
  { name: 'charges', steps: chargeSteps },
  { name: 'documents', steps: documentSteps },
  { name: 'runs', steps: runSteps },
  { name: 'numbers', steps: numberSteps },
  { name: 'ledger', steps: (db) => judging(ledgerBalances(db), judged) },
  { name: 'ledger against its sources', steps: ledgerSteps },
  { name: 'energy', steps: energySteps },
  { name: 'payments', steps: (db) => judging(proposedPayments(db), judgePayment) },
  { name: 'archived files', steps: (db) => judging(archivedRows(db), judged, (row) => (row.missing ? 'documents without their file' : undefined)) },
  { name: 'letterheads', steps: (db) => judging(letterheads(db), judgeLetterhead) },
  { name: 'outbox', steps: (db) => judging(outboxRows(db), judged) },
];

/**
 * Recomputes what the database holds, section by section, as it stands at this instant; it only reads. Each section names the first
 * thing that does not hold. What is not hashed anywhere (when something was received or sealed, findings, the audit trail) is not covered.
 */
export async function verifyAll(store: Store, onProgress: (section: { readonly name: string; readonly checked: number }) => void = () => undefined): Promise<Verification> {
  return inSnapshot(store, async (db) => {
    const sections: Section[] = [];
    for (const { name, steps } of checks) {
      let checked = 0;
      let problem: string | null = null;
      const counts: Record<string, number> = {};
      for await (const step of steps(db)) {
        checked += step.checked;
        for (const [kind, n] of Object.entries(step.counts ?? {})) counts[kind] = (counts[kind] ?? 0) + n;
        onProgress({ name, checked });
        problem = step.problem;
        if (problem !== null) break;
      }
      sections.push({ name, checked, problem, counts });
    }
    return { sections };
  });
}

async function* documentSteps(db: Db): AsyncGenerator<Step> {
  yield* judging(builtDocuments(db), judgeDocument);
  for await (const [first] of creditsOff(db)) yield { checked: 0, problem: first?.problem ?? null };
}

async function* runSteps(db: Db): AsyncGenerator<Step> {
  for await (const page of hashedRuns(db)) for (const run of page) yield { checked: 1, problem: judgeRun(run, await documentHashes(db, run.id), await leftOutHashes(db, run.id)) };
}

async function* setUpSteps(db: Db): AsyncGenerator<Step> {
  yield* judging(setUpRows(db), judged);
  for await (const [first] of setUpGone(db)) yield { checked: 0, problem: first?.problem ?? null };
}

async function* chargeSteps(db: Db): AsyncGenerator<Step> {
  yield* judging(ratedCharges(db), judgeCharge);
  for await (const [first] of openChargesOff(db)) yield { checked: 0, problem: first?.problem ?? null };
}

async function* numberSteps(db: Db): AsyncGenerator<Step> {
  yield* judging(issueStamps(db), judgeStamp);
  for await (const [first] of unnumbered(db)) yield { checked: 0, problem: first?.problem ?? null };
}

async function* ledgerSteps(db: Db): AsyncGenerator<Step> {
  yield { checked: await entryCount(db), problem: null };
  for await (const [first] of ledgerHeaders(db)) yield { checked: 0, problem: first?.problem ?? null };
  for await (const [first] of ledgerPlaces(db)) yield { checked: 0, problem: first?.problem ?? null };
  for await (const [first] of ledgerDifferences(db)) yield { checked: 0, problem: first?.problem ?? null };
  for await (const [first] of paidDifferences(db)) yield { checked: 0, problem: first?.problem ?? null };
  for await (const [first] of clearingOff(db)) yield { checked: 0, problem: first?.problem ?? null };
  for await (const step of judging(convertedDocuments(db), judgeConverted)) yield { ...step, checked: 0 };
  for await (const step of judging(owedDocuments(db), judgeOwed)) yield { ...step, checked: 0 };
  for await (const step of judging(matchedInvoices(db), judgeMatched)) yield { ...step, checked: 0 };
}

async function* energySteps(db: Db): AsyncGenerator<Step> {
  yield await energyOff(db);
  for await (const [first] of energyTwice(db)) yield { checked: 0, problem: first?.problem ?? null };
}
