import type { VatTable } from '../../contracts/vat-table.ts';
import type { Issue } from '../../core/issues.ts';
import { lintVatTable } from '../../core/set-up/lint-vat-table.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { keepProposal } from './propose-set-up.ts';
import type { ProposalOutcome } from './propose-vat-status.ts';
import { Refused } from './refusal.ts';

export type NewVatTable = { readonly entityId: string; readonly validFrom: string; readonly rows: VatTable };

/** Proposes a version of an entity's VAT table. Every finding of the lint blocks; a second person publishes it. */
export async function proposeVatTable(db: Db, table: NewVatTable, reason: string, by: By): Promise<ProposalOutcome> {
  const { entityId, validFrom, rows } = table;
  const newest = await newestTable(db, entityId);
  if (newest !== undefined && newest.validFrom === validFrom && JSON.stringify(newest.rows) === JSON.stringify(await normalised(db, rows)))
    return { outcome: 'unchanged', proposalId: null, findings: [] };
  const findings = await lint(db, entityId, rows);
  if (findings.length > 0) return { outcome: 'refused', proposalId: null, findings };
  const proposalId = await keepProposal(db, { kind: 'vatTable', subjectId: entityId, body: { validFrom, rows }, findings, reason }, by);
  return { outcome: 'proposed', proposalId, findings };
}

/** Publishes a proposed table as the next version, write-once; linted once more. A version that begins earlier takes its place from then on. */
export async function publishVatTable(db: Db, table: NewVatTable & { readonly author: string; readonly reason: string }, by: By): Promise<number> {
  const { entityId, validFrom, rows, author, reason } = table;
  const newest = await newestTable(db, entityId);
  const findings = await lint(db, entityId, rows);
  if (findings.length > 0) throw new Refused('wrongState', `the set-up has changed since (${findings.map((f) => f.code).join(', ')}): propose it anew`);
  if (newest !== undefined && validFrom < newest.validFrom) throw new Refused('wrongState', `version ${newest.version} of ${entityId} begins ${newest.validFrom}: a newer one begins then or later`);
  const version = (newest?.version ?? 0) + 1;
  await db.query('INSERT INTO vat_table (entity_id, version, valid_from, rows, reason, author, second_person) VALUES ($1, $2, $3, $4, $5, $6, $7)', [
    entityId,
    version,
    validFrom,
    JSON.stringify(rows),
    reason,
    author,
    by.actor,
  ]);
  await audit(db, by, { action: 'vatTable.publish', subject: `${entityId}/${version}`, reason, after: { author, validFrom } });
  return version;
}

async function newestTable(db: Db, entityId: string): Promise<{ readonly version: number; readonly validFrom: string; readonly rows: unknown } | undefined> {
  if ((await db.query('SELECT FROM legal_entity WHERE id = $1 FOR UPDATE', [entityId])).rowCount === 0) throw new Refused('notFound', `there is no entity "${entityId}"`);
  return (await db.query('SELECT version, valid_from AS "validFrom", rows FROM vat_table WHERE entity_id = $1 ORDER BY version DESC LIMIT 1', [entityId])).rows[0];
}

/** As the database would give it back: jsonb has an order of keys of its own. */
async function normalised(db: Db, rows: VatTable): Promise<unknown> {
  return (await db.query('SELECT $1::jsonb AS rows', [JSON.stringify(rows)])).rows[0]?.rows;
}

async function lint(db: Db, entityId: string, rows: VatTable): Promise<Issue[]> {
  const { rows: codes } = await db.query<{ code: string }>('SELECT code FROM vat_rule');
  return lintVatTable(entityId, rows, new Set(codes.map((r) => r.code)));
}
