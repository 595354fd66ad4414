import { logoProblem } from '../contracts/letterhead.ts';
import { combineHashes, groupHash } from '../core/document/compose.ts';
import { ocrReference } from '../core/document/ocr.ts';
import type { RunRow, StampRow } from '../store/reads/verification/document-rows.ts';
import type { LetterheadRow } from '../store/reads/verification/letterhead-rows.ts';

/** What does not hold of a run: its hash over its groups, each group's over its documents and what it leaves out, and that fixed documents were approved as they are. */
export function judgeRun(run: RunRow, documentHashes: ReadonlyMap<string, readonly Buffer[]>, leftOut: ReadonlyMap<string, Buffer>): string | null {
  const groups = run.groups.map((g) => groupHash(documentHashes.get(g.name) ?? [], g.leftOut === null ? null : Buffer.from(g.leftOut, 'hex')));
  const known = new Set(run.groups.map((g) => g.name));
  // What is built anew has no hash meanwhile, and no hash is over it; what is fixed has one.
  const whole = run.groups.some((g) => g.hash === null) ? null : run.content_hash;
  const groupsHold = run.groups.every((g, i) => (g.hash === null ? !g.needsApproval : groups[i]?.toString('hex') === g.hash));
  const holds = groupsHold && (whole === null || combineHashes(groups).equals(whole)) && [...documentHashes.keys()].every((name) => known.has(name));
  if (run.kind !== 'live') return `run ${run.id} is called ${run.kind}, and has fixed documents`;
  if (!holds) return `run ${run.id} has other documents than its content hash says`;
  // A cancelled run leaves nothing out any more.
  const otherwise = run.state === 'cancelled' ? undefined : run.groups.find((g) => g.hash !== null && g.leftOut !== null && g.leftOut !== (leftOut.get(g.name)?.toString('hex') ?? ''));
  if (otherwise !== undefined) return `run ${run.id} leaves out other than its content hash says${run.groups.length === 1 ? '' : `, in group ${otherwise.name}`}`;
  const unapproved = run.groups.find((g) => g.needsApproval && !g.approved);
  if (unapproved === undefined) return null;
  return `run ${run.id} has fixed documents${run.groups.length === 1 ? '' : ` in group ${unapproved.name}`}, and nobody approved this content`;
}

/** What does not hold of a legal number and its payment reference. */
export function judgeStamp(stamp: StampRow): string | null {
  if (stamp.problem !== null || stamp.ocr === null) return stamp.problem;
  return stamp.ocr === ocrReference(stamp.legal_number.replaceAll(/\D/g, '')) ? null : `number ${stamp.legal_number} has an OCR reference that is not its own`;
}

/** An entity whose documents go without the logo that it was set up with. */
export function judgeLetterhead({ id, letterhead }: LetterheadRow): string | null {
  const problem = logoProblem(letterhead);
  return problem === undefined ? null : `the logo of ${id} ${problem}, and its documents go without it: set up the letterhead again`;
}
