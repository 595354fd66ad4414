import type { Charges } from './likely-lines.ts';
import { shareRoles } from './owner-contracts.ts';
import { notOfEarlier, runAsItStands, selected, withinPeriod } from './selection.ts';
import { withinIds } from './whole-run.ts';

/** What holds for a column with an account: SQL. */
type Accounts = (account: string) => string;

/** Sales of a run's accounts and months that a list has as open: a FROM clause. `accounts`: of which payers. */
export const openSales = (accounts: Accounts, list = 'open_charge') => `${runAsItStands} r
  JOIN ${list} o ON o.entity_id = r.entity_id AND o.service_month <= r.period AND ${accounts('o.account_id')}
  JOIN rated_charge c ON c.charge_id = o.charge_id AND ${withinIds('c.charge_id', list)} AND c.payer_account_id IS NOT NULL AND ${accounts('c.payer_account_id')} AND ${withinPeriod('c', 'o.service_month')} AND ${notOfEarlier('c', 'o.service_month')} AND ${selected('c.payer_account_id')}`;

/** Shares of a run's months that are open, whether their sale is billed or not: a FROM clause. `accounts`: of which payees. */
export const openShares = (accounts: Accounts) => `${runAsItStands} r
  JOIN open_charge o ON o.entity_id = r.entity_id AND o.service_month <= r.period AND ${accounts('o.account_id')}
  JOIN rated_charge c ON c.charge_id = o.charge_id AND ${withinIds('c.charge_id', 'open_charge')} AND c.role IN ${shareRoles} AND c.payee_account_id IS NOT NULL AND ${accounts('c.payee_account_id')}`;

export const anyAccount = () => 'true';
/** SQL that holds for accounts from one parameter, included, to another; null for no bound. */
export const between =
  (from: '$2' | '$3', to: '$3' | '$4'): Accounts =>
  (account) =>
    `(${from}::text IS NULL OR ${account} >= ${from}) AND (${to}::text IS NULL OR ${account} < ${to})`;

/** Sessions of a run's months that somebody earns a share of, as `e` beside a charge `c`. */
const sharedThen = `LEFT JOIN (
    SELECT DISTINCT s.record_id FROM rated_charge s WHERE s.entity_id = (SELECT entity_id FROM billing_run WHERE id = $1)
      AND s.service_month BETWEEN (SELECT first_month FROM billing_run WHERE id = $1) AND (SELECT period FROM billing_run WHERE id = $1)
      AND s.payer_account_id IS NULL AND s.payee_account_id IS NOT NULL AND s.record_id IS NOT NULL) e
  ON e.record_id = c.record_id`;

/** What is open of the sales of accounts, to be summed. */
export const freshSales = (accounts: Accounts): Charges => ({
  account: 'c.payer_account_id',
  from: `${openSales(accounts)} ${sharedThen}`,
  unshared: '(c.record_id IS NOT NULL AND c.service_month BETWEEN r.first_month AND r.period AND e.record_id IS NULL)',
});
