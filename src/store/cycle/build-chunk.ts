import { copyIn } from '../copy-in.ts';
import type { Db } from '../db.ts';
import { partsOf } from './chunks.ts';
import { keepHeld } from './dispositions.ts';
import { type DocumentSetup, loadDocumentSetup } from './document-setup.ts';
import { holdCharges, noteHeld, parkAccounts, settleCorrections } from './hold-charges.ts';
import { DocumentWriter } from './insert-documents.ts';
import { leftOutCells } from './left-out-fee-rows.ts';
import { type MovedClaims, moveClaims, movedClaims } from './link-claims.ts';
import { loadCredits, type MadeDocuments, makeDocuments, withoutOverCredited } from './make-documents.ts';
import { draftPeriodCharges } from './period-charges.ts';
import { type AccountPreviews, type BuildRef, PreviewWriter } from './record-preview.ts';
import { sumCharges } from './summed-charges.ts';
import { planForAccounts, planForSums } from './whole-run.ts';

/** Accounts that are composed at once: their charges, lines and documents are gone when the next ones come. */
const accountsAtOnce = 50;

/** Begins with what is decided of accounts of which something may be left out. */
export type Decide = (db: Db, shaped: readonly string[]) => Promise<void>;

/** Builds the drafts of a chunk of accounts, in the caller's transaction, and answers what they come to, to be stored with the build, unless that is stored with them. What is left out or corrected is settled of those that are `shaped`; it begins with `decide`. */
export async function buildChunk(db: Db, ref: BuildRef, accounts: readonly string[], shaped: readonly string[], decide: Decide): Promise<AccountPreviews> {
  const { runId } = ref;
  const setup = await prepare(db, runId, accounts, shaped, decide);
  const leftOut = await leftOutCells(db, runId, accounts);
  const [documents, previews, moved] = [new DocumentWriter(runId), new PreviewWriter(ref), [] as MovedClaims[]];
  const waiting: MadeDocuments[] = [];
  await planForSums(db);
  for (const some of partsOf(setup.accounts, Math.ceil(setup.accounts.length / accountsAtOnce))) {
    const made = await make(db, { ...setup, accounts: some });
    const waits = whoWaits(made);
    const settled = only(made, (id) => !waits.has(id));
    documents.add(made.documents);
    moved.push(...movedClaims(made));
    previews.add(waits.size === 0 ? some : some.filter((a) => !waits.has(a.id)), settled, leftOut);
    if (waits.size > 0) waiting.push(only(made, (id) => waits.has(id)));
  }
  await planForAccounts(db);
  const held: MadeDocuments = {
    charges: waiting.flatMap((w) => w.charges),
    documents: waiting.flatMap((w) => w.documents),
    held: waiting.flatMap((w) => w.held),
    parked: new Map(waiting.flatMap((w) => [...w.parked])),
  };
  await holdCharges(db, runId, held.held);
  await noteHeld(db, runId, accounts, held);
  await parkAccounts(db, runId, held.parked);
  await keepHeld(db, runId, accounts);
  if (waiting.length > 0) {
    const waits = whoWaits(held);
    // With the fees that went with what is held.
    previews.add(
      setup.accounts.filter((a) => waits.has(a.id)),
      held,
      await leftOutCells(db, runId, [...waits]),
    );
  }
  await documents.insert(db);
  await moveClaims(db, runId, moved);
  const rows = previews.finish();
  if (!ref.withChunks) return rows;
  await copyIn(db, rows);
  return [];
}

async function make(db: Db, setup: DocumentSetup): Promise<MadeDocuments> {
  const charges = await sumCharges(db, setup);
  return withoutOverCredited(db, makeDocuments(setup, charges, await loadCredits(db, setup, charges)));
}

/** Accounts of which something waits for a later run. */
function whoWaits({ held, parked }: MadeDocuments): ReadonlySet<string> {
  return new Set([...held.map((h) => h.accountId), ...parked.keys()]);
}

/** What was made of some of the accounts. */
function only(made: MadeDocuments, wanted: (accountId: string) => boolean): MadeDocuments {
  if (made.held.length === 0 && made.parked.size === 0) return made;
  const own = <T extends { readonly accountId: string }>(parts: readonly T[]) => parts.filter((p) => wanted(p.accountId));
  return { charges: own(made.charges), documents: own(made.documents), held: own(made.held), parked: new Map([...made.parked].filter(([id]) => wanted(id))) };
}

/** All that is settled of accounts before their charges are summed. */
async function prepare(db: Db, runId: string, accounts: readonly string[], shaped: readonly string[], decide: Decide): Promise<DocumentSetup> {
  if (shaped.length > 0) {
    await decide(db, shaped);
    await settleCorrections(db, runId, shaped);
  }
  await db.query("DELETE FROM document WHERE run_id = $1 AND account_id = ANY($2) AND state = 'draft'", [runId, accounts]);
  await draftPeriodCharges(db, runId, accounts);
  return loadDocumentSetup(db, runId, accounts, shaped);
}
