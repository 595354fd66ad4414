import { type Issue, issue } from '../issues.ts';
import type { EntitySetup } from './setup.ts';

/**
 * The GL account of a key such as `revenue.driverSale`; a key that also names the VAT code (`revenue.driverSale.AE`) goes before it.
 * What is not mapped is an issue that blocks: there is no fallback account.
 */
export function glAccountOf(entity: Pick<EntitySetup, 'glAccounts'>, key: string, vatCode: string, subject: string): string | Issue {
  return entity.glAccounts.get(`${key}.${vatCode}`) ?? entity.glAccounts.get(key) ?? issue('unmappedAccount', 'blocks', subject, { key });
}
