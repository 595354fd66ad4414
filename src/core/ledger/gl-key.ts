import { accountsOfCharges, type LedgerAccount } from './ledger-table.ts';

const ofVat: ReadonlySet<LedgerAccount> = new Set<LedgerAccount>(['outputVat', 'inputVat', 'selfAssessedVat']);

/**
 * The key under which the GL mapping has a ledger account, with its VAT code where VAT stands on it (`outputVat.SE25`); null for energy,
 * and for accounts whose entries carry the GL account of the charge itself.
 */
export function glKeyOf(ledgerAccount: LedgerAccount, vatCode: string | null): string | null {
  if (accountsOfCharges.has(ledgerAccount) || ledgerAccount.startsWith('energy')) return null;
  return ofVat.has(ledgerAccount) ? `${ledgerAccount}.${vatCode ?? ''}` : ledgerAccount;
}
