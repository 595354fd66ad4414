import type { Agreement, AgreementKind } from '../../contracts/agreement.ts';
import type { Known } from '../../core/agreement/known.ts';
import { lintAgreement } from '../../core/agreement/lint-agreement.ts';
import { type Issue, issue } from '../../core/issues.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { keepProposal } from './propose-set-up.ts';
import { Refused } from './refusal.ts';

export type NewAgreement = { readonly contractId: string; readonly validFrom: Date; readonly agreement: Agreement; readonly reason: string };
export type ContractOutcome = {
  /** proposed: a second person publishes it. published: it holds from its start on. refused: the findings that block say why. */
  readonly outcome: 'proposed' | 'published' | 'unchanged' | 'refused';
  readonly proposalId: string | null;
  readonly version: number | null;
  readonly findings: readonly Issue[];
};

/** Kinds of which a second person publishes the versions (invariant 7). */
const forTwo: readonly AgreementKind[] = ['revenueShare'];

/**
 * Proposes a version of a contract. What the lint finds to block refuses it. Shares wait for a second person; other kinds are published at
 * once, write-once from then on. The same as the newest version changes nothing.
 */
export async function proposeContract(db: Db, input: NewAgreement, by: By): Promise<ContractOutcome> {
  const { contractId, agreement, validFrom, reason } = input;
  const { known, newest } = await loadKnown(db, contractId, agreement);
  if (newest !== undefined && newest.validFrom.getTime() === validFrom.getTime() && (await isSame(db, contractId, newest.version, agreement))) {
    return { outcome: 'unchanged', proposalId: null, version: newest.version, findings: [] };
  }
  const findings = [...lintAgreement(agreement, known), ...(await bookedSince(db, contractId, validFrom))];
  if (findings.some((f) => f.severity === 'blocks')) return { outcome: 'refused', proposalId: null, version: null, findings };
  refuseEarlier(contractId, validFrom, newest);
  if (forTwo.includes(known.contract.kind)) {
    const proposalId = await keepProposal(db, { kind: 'contract', subjectId: contractId, body: { validFrom: validFrom.toISOString(), agreement }, findings, reason }, by);
    return { outcome: 'proposed', proposalId, version: null, findings };
  }
  const version = await writeContractVersion(db, input, newest?.version ?? 0, by, null);
  return { outcome: 'published', proposalId: null, version, findings };
}

/** Publishes what was proposed, as the next version; linted once more, since set-up may have changed. */
export async function publishContract(db: Db, input: NewAgreement & { readonly author: string }, by: By): Promise<number> {
  const { known, newest } = await loadKnown(db, input.contractId, input.agreement);
  const blocking = lintAgreement(input.agreement, known).filter((f) => f.severity === 'blocks');
  if (blocking.length > 0) throw new Refused('wrongState', `the set-up has changed since (${blocking.map((f) => f.code).join(', ')}): propose it anew`);
  refuseEarlier(input.contractId, input.validFrom, newest);
  return writeContractVersion(db, input, newest?.version ?? 0, { ...by, actor: input.author }, by.actor);
}

type Newest = { readonly version: number; readonly validFrom: Date; readonly status: string };

function refuseEarlier(contractId: string, validFrom: Date, newest: Newest | undefined): void {
  // A first version may hold without beginning, which is no Date.
  if (newest !== undefined && validFrom.getTime() <= newest.validFrom.getTime()) {
    throw new Refused('wrongState', `version ${newest.version} of ${contractId} begins ${newest.validFrom.toISOString()}: a newer one has to begin later`);
  }
}

/** A version that begins in the past changes nothing that was booked: whoever proposes it is told. */
async function bookedSince(db: Db, contractId: string, from: Date): Promise<Issue[]> {
  const { rows } = await db.query<{ since: string }>(
    `SELECT c.service_on::text AS since FROM contract k JOIN account a ON a.id = k.account_id JOIN rated_charge c ON c.entity_id = a.entity_id AND c.payer_account_id = a.id
     WHERE k.id = $1 AND c.contract_id = k.id AND c.service_on >= $2::date ORDER BY c.service_on LIMIT 1`,
    [contractId, from],
  );
  return rows.map(({ since }) => issue('chargesKeepVersion', 'warns', contractId, { from: since }));
}

async function isSame(db: Db, contractId: string, version: number, agreement: Agreement): Promise<boolean> {
  return (await db.query('SELECT FROM contract_version WHERE contract_id = $1 AND version = $2 AND clauses = $3::jsonb', [contractId, version, JSON.stringify(agreement)])).rowCount !== 0;
}

async function writeContractVersion(db: Db, { contractId, agreement, validFrom, reason }: NewAgreement, newest: number, by: By, secondPerson: string | null): Promise<number> {
  const version = newest + 1;
  await db.query('INSERT INTO contract_version (contract_id, version, valid_from, clauses, author, second_person, reason) VALUES ($1, $2, $3, $4, $5, $6, $7)', [
    contractId,
    version,
    validFrom,
    JSON.stringify(agreement),
    by.actor,
    secondPerson,
    reason,
  ]);
  await audit(db, { ...by, actor: secondPerson ?? by.actor }, { action: 'contract.publish', subject: `${contractId}/${version}`, reason, after: { author: by.actor, validFrom } });
  return version;
}

/** What the agreement may refer to; the contract locked, so that two versions at a time get different numbers. */
async function loadKnown(db: Db, contractId: string, agreement: Agreement): Promise<{ readonly known: Known; readonly newest: Newest | undefined }> {
  const { rows } = await db.query<{ kind: AgreementKind; account_id: string; currency: string; entity_id: string }>(
    'SELECT c.kind, c.account_id, a.currency, a.entity_id FROM contract c JOIN account a ON a.id = c.account_id WHERE c.id = $1 FOR UPDATE OF c',
    [contractId],
  );
  const [contract] = rows;
  if (contract === undefined) throw new Refused('notFound', `there is no contract "${contractId}": PUT it first`);
  const newest = (
    await db.query<Newest>("SELECT version, valid_from AS \"validFrom\", coalesce(clauses->>'status', 'active') AS status FROM contract_version WHERE contract_id = $1 ORDER BY version DESC LIMIT 1", [
      contractId,
    ])
  ).rows[0];
  const named = idsIn(agreement);
  const ids = async (sql: string) => (await db.query<{ id: string; value: string }>(sql, [named, contract.entity_id])).rows.map((r) => [r.id, r.value] as const);
  const series = await seriesAmong(db, named);
  return {
    newest: newest === undefined ? undefined : { ...newest, validFrom: begun(newest.validFrom) },
    known: {
      contract: { id: contractId, kind: contract.kind },
      account: { id: contract.account_id, currency: contract.currency },
      previous: newest,
      tariffs: new Map(
        await ids('SELECT DISTINCT ON (tariff_id) tariff_id AS id, currency AS value FROM tariff_version WHERE tariff_id = ANY($1) AND $2::text IS NOT NULL ORDER BY tariff_id, version DESC'),
      ),
      sites: new Map(await ids('SELECT id, kind AS value FROM site WHERE id = ANY($1) AND entity_id = $2')),
      accounts: new Map(await ids('SELECT id, category AS value FROM account WHERE id = ANY($1) AND entity_id = $2')),
      currencies: new Map(await ids('SELECT id, currency AS value FROM account WHERE id = ANY($1) AND entity_id = $2')),
      sourceIds: new Set((await ids('SELECT id, id AS value FROM source WHERE id = ANY($1) AND entity_id = $2')).map(([id]) => id)),
      series,
    },
  };
}

/** Price series are looked up where there are any. */
async function seriesAmong(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, string> | undefined> {
  const { rows } = await db.query<{ there: boolean }>("SELECT to_regclass('price_series') IS NOT NULL AS there");
  if (rows[0]?.there !== true) return undefined;
  return new Map((await db.query<{ id: string; currency: string }>('SELECT id, currency FROM price_series WHERE id = ANY($1)', [ids])).rows.map((r) => [r.id, r.currency]));
}

/** Every text of the agreement that may be a name: few, and only those that exist are found. */
function idsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? [...new Set(Object.values(value).flatMap(idsIn))] : [];
}

/** Without beginning arrives as a number: it is before all others. */
function begun(at: Date): Date {
  return at instanceof Date && !Number.isNaN(at.getTime()) ? at : new Date(-8.64e15);
}
