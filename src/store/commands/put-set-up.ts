import type { SetUpKind } from '../../contracts/set-up.ts';
import type { Db } from '../db.ts';
import { lockSetUp } from '../set-up-lock.ts';
import { type Plan, planEntries } from './put-entries.ts';
import { createReferences, type References } from './put-references.ts';
import type { By, InputRow, PlannedRow } from './put-rows.ts';
import { planSpans } from './put-spans.ts';
import { refuseNaming } from './refuse-naming.ts';

/** Plans rows of one kind. `references` carries what the same load brings of other kinds. */
export function planRows(db: Db, kind: SetUpKind, input: readonly InputRow[], references: References): Promise<Plan> {
  switch (kind) {
    case 'parties':
    case 'accounts':
    case 'sites':
    case 'fleetUnits':
      return planEntries(db, kind, input, references);
    case 'siteHolders':
    case 'fleetAssignments':
    case 'mappings':
    case 'vatStatuses':
      return planSpans(db, kind, input, references);
  }
}

/**
 * Creates or changes one entry of the set-up, with its next version. What is left out stays as it is; the same again changes nothing. What
 * is wrong comes back in the row, which is then `refused` and has changed nothing. `expectedVersion` 0 is: nothing is there yet.
 */
export async function putSetUp(db: Db, kind: SetUpKind, values: InputRow['values'], reason: string, by: By): Promise<PlannedRow> {
  await lockSetUp(db);
  const plan = await planRows(db, kind, [{ line: 1, values, errors: [] }], createReferences(db));
  const [row] = plan.rows;
  if (row === undefined) throw new Error('one row was planned to none');
  if (row.outcome === 'refused' || row.outcome === 'unchanged') return row;
  refuseNaming(reason, await wordsOf(db, plan.rows));
  await plan.write(reason, by);
  return row;
}

/** What the changes of rows say of persons: of parties that no company's account stands on, of fleet units, and of homes. */
export async function wordsOf(db: Db, rows: readonly PlannedRow[]): Promise<string[]> {
  const changed = rows.filter((row) => row.changes.length > 0);
  const { rows: companies } = await db.query<{ party_id: string }>("SELECT DISTINCT party_id FROM account WHERE party_id = ANY($1) AND category <> 'driver'", [
    changed.flatMap((row) => (row.kind === 'parties' ? [row.id] : [])),
  ]);
  const known = new Set(companies.map((r) => r.party_id));
  // Accounts of the same load count as if they were there.
  for (const row of changed) {
    const after = (field: string) => row.changes.find((c) => c.field === field)?.after;
    if (row.kind === 'accounts' && typeof after('partyId') === 'string' && after('category') !== 'driver') known.add(String(after('partyId')));
  }
  const naming = new Set(['name', 'vatNumber', 'orgNumber', 'email', 'label', 'externalKey']);
  return changed
    .filter((row) => (row.kind === 'parties' && !known.has(row.id)) || row.kind === 'fleetUnits' || (row.kind === 'sites' && row.changes.some((c) => c.field === 'kind' && c.after === 'home')))
    .flatMap((row) => row.changes.flatMap(({ field, before, after }) => (naming.has(field) ? [before, after] : field === 'address' ? [before, after].map(streetOf) : [])))
    .filter((word): word is string => typeof word === 'string');
}

function streetOf(address: unknown): unknown {
  return typeof address === 'object' && address !== null ? (address as { street?: unknown }).street : undefined;
}
