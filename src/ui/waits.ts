import { count, kWh, words } from './format.ts';

/** A run that could not close says so until it looks again. */
const unsignedSaid = 'waits for a signed carry decision';
/** What a group in review says until it is answered by a change or an approval, named where there are several. */
const reviewSaid = /(^|: |; )(rejected by |has waited )/;

/** An ERP that is away or slow: the hand-over asks it again. */
const isTriedAgain = (problem: string) => problem.split('; ').every((said) => said.includes(' is tried again by itself: '));

type Standing = {
  readonly kind: string;
  readonly state: string;
  readonly paused: boolean;
  readonly problem: string | null;
  readonly contentHash: string | null;
  readonly accounts: { readonly pending: number };
  /** `unsigned` findings block the approval. */
  readonly findings?: { readonly unsigned: number };
  /** What keeps it from closing though it is reconciled, and nobody has signed, in sentences: records, missing CDRs, parked accounts, held invoices, findings. */
  readonly toSign?: readonly string[];
  readonly waiting: readonly { readonly records: number; readonly energyWh: string; readonly signed: number; readonly state: string; readonly code: string | null }[];
};
export type Wait = { readonly who: string; readonly what: string };

/** True while the run works by itself and its page is worth loading again. */
export function isWorking(run: Standing): boolean {
  if (run.paused || run.state === 'closed' || run.state === 'cancelled') return false;
  // An ERP that is away is asked again by itself.
  if (run.state === 'handingOver') return true;
  if (['planned', 'previewing', 'approved', 'canary', 'issuing'].includes(run.state)) return run.problem === null || isTriedAgain(run.problem);
  if (run.state === 'reconciled') return !waitsForSignature(run) && (run.problem === null || run.problem.startsWith(unsignedSaid));
  return run.state === 'inReview' && run.contentHash === null && (run.problem === null || reviewSaid.test(run.problem));
}

const unsignedOf = (run: Standing) => run.waiting.filter((w) => w.signed < w.records);
const waitsForSignature = (run: Standing) => unsignedOf(run).length > 0 || (run.toSign ?? []).length > 0;

/** What a run waits for, and for whom. */
export function waitsOf(run: Standing): readonly Wait[] {
  if (run.state === 'closed' || run.state === 'cancelled') return [];
  const waits: Wait[] = [];
  if (run.paused) waits.push({ who: 'ops', what: 'It is paused: resume it.' });
  // Nobody decides on what only shows what would be.
  if (run.kind !== 'live')
    return run.problem === null ? (run.paused ? waits : [{ who: 'nobody', what: 'It is at work.' }]) : [...waits, { who: 'ops', what: `${run.problem}. Mend the cause, then retry.` }];
  const unsigned = unsignedOf(run);
  if (run.state === 'inReview') {
    const stumbles = run.problem !== null && !reviewSaid.test(run.problem);
    if (stumbles) waits.push({ who: 'ops', what: `${run.problem}. Mend the cause, then retry.` });
    else if (run.problem !== null) waits.push({ who: 'finance-preparer', what: `${run.problem}. Change what it bills, or have it approved after all.` });
    const blocking = run.findings?.unsigned ?? 0;
    if (blocking > 0)
      waits.push({
        who: 'finance',
        what: `${count(blocking, 'finding')} block${blocking === 1 ? 's' : ''} the approval: mend what ${blocking === 1 ? 'it names' : 'they name'}, or sign that it is right; whoever signs does not approve.`,
      });
    if (run.contentHash !== null) waits.push({ who: 'finance-approver', what: 'Review the preview; approve or reject it.' });
    else if (!stumbles) waits.push({ who: 'nobody', what: 'Documents are being built.' });
  } else if (run.state === 'reconciled' && unsigned.length > 0) {
    waits.push({ who: 'finance-approver', what: 'Decide on the records that wait, or sign that they are carried: then it closes.' });
  } else if (run.state === 'reconciled' && waitsForSignature(run)) {
    waits.push({ who: 'finance-approver', what: `Mend what is open, or sign that it is carried: then it closes. ${run.toSign?.join('; ')}.` });
  } else if (run.problem !== null && !run.problem.startsWith(unsignedSaid)) {
    waits.push(isTriedAgain(run.problem) ? { who: 'nobody', what: `${run.problem}.` } : { who: 'ops', what: `${run.problem}. Mend the cause, then retry.` });
  } else if (!run.paused) {
    waits.push({ who: 'nobody', what: run.state === 'collecting' || run.state === 'planned' ? 'It waits for late CDRs until the cut-off.' : 'It is at work.' });
  }
  if (run.state !== 'reconciled') {
    for (const w of unsigned) {
      waits.push({
        who: w.state === 'parked' ? 'finance' : 'ops or finance',
        what: `${count(w.records - w.signed, 'record')} ${w.state} (${w.code === null ? 'no cause' : words(w.code)}), ${kWh(w.energyWh)} kWh: not billed until decided; to be decided or signed before the close.`,
      });
    }
  }
  return waits;
}
