import { formatMinor } from '../../core/money.ts';
import { describeAllowance } from '../../core/period/allowance-statement.ts';
import { resultsOf } from '../../core/period/contract-months.ts';
import type { Place } from '../../core/period/month.ts';
import { formatInstant } from '../../core/time.ts';
import { loadPeriod } from '../cycle/load-period.ts';
import type { Db } from '../db.ts';

/** What of an account's included energy is used in a month, as of now. Energy in Wh as text, money in major units. */
export type AllowanceView = {
  readonly contractId: string;
  readonly clause: string;
  readonly from: string;
  /** Not included. */
  readonly to: string;
  readonly includedWh: string;
  readonly rolledInWh: string;
  readonly usedWh: string;
  readonly leftWh: string;
  readonly lapsesWh: string;
  readonly currency: string;
  readonly sessions: readonly { readonly session: string; readonly endAt: string; readonly energyWh: string; readonly coveredWh: string; readonly value: string }[];
  readonly sentences: readonly string[];
};

// Fees are computed beside the allowance and not looked at: nothing has to be known of their VAT.
const nowhere: Place = { costCenter: '', customerCostCenter: null, siteId: null, vat: { code: '', percent: '0', rule: '' } };

/** The allowances of an account in a month, over what is rated and not left out; undefined when there is no such account. */
export async function allowancesOf(db: Db, accountId: string, month: string): Promise<AllowanceView[] | undefined> {
  const account = (await db.query<{ entity_id: string }>('SELECT entity_id FROM account WHERE id = $1', [accountId])).rows[0];
  if (account === undefined) return undefined;
  const { entity, contracts } = await loadPeriod(db, { entityId: account.entity_id, period: month, runId: null, accountIds: [accountId] });
  return contracts.flatMap((contract) => {
    const { currency, roundingMode: mode } = contract.account;
    const result = resultsOf({ ...contract, zone: entity.timeZone, currency, mode, ownPlace: () => nowhere }, month, month).get(month);
    return (result?.allowances ?? []).map(
      (a): AllowanceView => ({
        contractId: contract.contractId,
        clause: a.clause,
        from: a.fromOn,
        to: a.toOn,
        includedWh: String(a.includedWh),
        rolledInWh: String(a.rolledInWh),
        usedWh: String(a.usedWh),
        leftWh: String(a.leftWh),
        lapsesWh: String(a.lapsesWh),
        currency,
        sessions: a.uses.map((u) => ({ session: u.session, endAt: formatInstant(u.endMs), energyWh: String(u.energyWh), coveredWh: String(u.coveredWh), value: formatMinor(u.value, currency) })),
        sentences: describeAllowance(a, currency, mode),
      }),
    );
  });
}
