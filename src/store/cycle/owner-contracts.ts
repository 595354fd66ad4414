import type { ContractVersion } from '../../core/share/month-segments.ts';
import type { Db } from '../db.ts';
import { loadContracts } from '../intake/load-setup.ts';
import { siteShareRoles } from './booked-shares.ts';
import { movedSessions } from './payer-months.ts';
import { selected } from './selection.ts';

/** A contract that shares revenue, with all its versions. */
export type OwnerContract = { readonly contractId: string; readonly accountId: string; readonly currency: string; readonly versions: readonly ContractVersion[] };

/** SQL: roles of what goes out with a sale: to site owners, and to drivers for charging at home. */
export const shareRoles = "('siteShareEstimate', 'energyReimbursement', 'statement', 'homeReimbursement', 'homePurchase')";

/** All contracts of an entity that share revenue. */
export async function ownerContracts(db: Db, entityId: string): Promise<OwnerContract[]> {
  const accounts = await db.query<{ id: string; currency: string }>(
    "SELECT DISTINCT a.id, a.currency FROM account a JOIN contract k ON k.account_id = a.id AND k.kind = 'revenueShare' WHERE a.entity_id = $1 ORDER BY a.id",
    [entityId],
  );
  const book = await loadContracts(
    db,
    accounts.rows.map((a) => a.id),
  );
  const contracts = new Map<string, OwnerContract & { readonly versions: ContractVersion[] }>();
  for (const { accountId, contractId, version, fromMs, toMs, agreement } of book.rows) {
    if (agreement.kind !== 'revenueShare') continue;
    const contract = contracts.get(contractId) ?? { contractId, accountId, currency: accounts.rows.find((a) => a.id === accountId)?.currency ?? '', versions: [] };
    contracts.set(contractId, contract);
    contract.versions.push({ version, fromMs, toMs, agreement });
  }
  return [...contracts.values()];
}

/** Whether a month of the contract is due also when nobody charged. */
export const guarantees = (contract: OwnerContract) => contract.versions.some((v) => v.agreement.clauses.some((c) => c.kind === 'guarantee'));

/** Owners to whom a site came, and who had it within a run's period: their month is due whoever's its sessions were taken for. */
export async function ownersSince(db: Db, runId: string): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT DISTINCT h.owner_account_id AS id FROM billing_run r JOIN site_holder h ON h.valid_from < r.period_end AND h.valid_to > r.period_start
     JOIN account a ON a.id = h.owner_account_id AND a.entity_id = r.entity_id WHERE r.id = $1`,
    [runId],
  );
  return new Set(rows.map((r) => r.id));
}

/** The contract's own account and all that ever had a part in it. */
export function payeesOfContract(contract: OwnerContract): string[] {
  return [...new Set([contract.accountId, ...contract.versions.flatMap((v) => v.agreement.beneficiaries.map((b) => b.accountId))])];
}

/** Who earns by the sales that a run claims of these accounts, or by others that late ones among them move (D44), and may still be built: where a group is approved its statement is fixed, and the next run settles what moved. */
export async function ownersBehind(db: Db, runId: string, accountIds: readonly string[]): Promise<string[]> {
  if (accountIds.length === 0) return [];
  const { rows } = await db.query<{ id: string }>(
    `WITH ${movedSessions('$2')}
     SELECT p.payee AS id FROM (
       SELECT DISTINCT o.payee_account_id AS payee FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id
       JOIN rated_charge o ON o.record_id = c.record_id AND o.payee_account_id IS NOT NULL AND o.role IN ${shareRoles} WHERE k.run_id = $1 AND k.account_id = ANY($2) AND c.payer_account_id IS NOT NULL
       UNION SELECT o.payee_account_id FROM moved s JOIN rated_charge o ON o.record_id = s.record_id AND o.revision = s.revision AND o.payee_account_id IS NOT NULL AND o.role IN ${siteShareRoles}) p
     JOIN account a ON a.id = p.payee JOIN billing_run r ON r.id = $1 AND ${selected('a.id')} LEFT JOIN run_account x ON x.run_id = $1 AND x.account_id = p.payee LEFT JOIN release_group g ON g.run_id = $1 AND g.name = coalesce(x.group_name, a.release_group)
     WHERE g.state IS NULL OR g.state IN ('planned', 'collecting', 'previewing', 'inReview') ORDER BY 1`,
    [runId, accountIds],
  );
  return rows.map((r) => r.id);
}
