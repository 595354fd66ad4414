import { withApi } from '../stack/with-api.ts';
import { command, group, jsonArg, say } from './command.ts';

const of = {
  month: { type: 'positional', description: 'Month, such as 2019-12', required: true },
  entity: { type: 'string', description: 'Legal entity', required: true },
} as const;
const why = { reason: { type: 'string', description: 'Why; kept in the audit trail', required: true } } as const;
const path = (entity: string, month: string, what: string) => `/v1/entities/${encodeURIComponent(entity)}/accounting-periods/${encodeURIComponent(month)}/${what}`;

type Line = { readonly kind: string; readonly currency: string; readonly glAccount: string; readonly costCenter: string | null; readonly amount: string };
type Proof = {
  readonly holds: boolean;
  readonly unverified: number;
  readonly rows: readonly {
    readonly currency: string;
    readonly glAccount: string | null;
    readonly costCenter: string | null;
    readonly ledger: string;
    readonly erpDocuments: string;
    readonly erpAccruals: string;
    readonly difference: string;
  }[];
};

function setState(name: string, description: string, action: 'softClose' | 'close' | 'reopen') {
  return command(name, description, { ...of, ...why }, async ({ month, entity, reason }) =>
    withApi('sample-approver', async (api) => {
      const { state, waitsForSecond } = await api<{ state: string; waitsForSecond: boolean }>('POST', path(entity, month, 'state'), { json: { action, reason } });
      say(waitsForSecond ? `${month} is ${state} until somebody else asks for it too` : `${month} is ${state}`);
      return true;
    }),
  );
}

/** `wattledger period …`: accounting periods and their accruals, by the API. */
export const periodCommands = group('period', 'Accrue, close and prove accounting periods', {
  accrue: command('accrue', 'Bring what is not invoiced of an ended month into the ERP; again, what changed since', { ...of, ...jsonArg }, async ({ month, entity, json }) =>
    withApi('sample-preparer', async (api) => {
      const made = await api<{ accrualId: string | null; lines: readonly Line[] }>('POST', path(entity, month, 'accruals'), { json: {} });
      if (json) say(JSON.stringify(made, null, 2));
      else {
        say(made.accrualId === null ? `all of ${month} is accrued` : `accrual ${made.accrualId}`);
        for (const l of made.lines) say(`${l.kind.padEnd(12)} ${l.glAccount.padEnd(8)} ${(l.costCenter ?? '-').padEnd(8)} ${l.amount.padStart(14)} ${l.currency}`);
      }
      return true;
    }),
  ),
  proof: command('proof', 'What the ERP was handed in a month against the sub-ledger', { ...of, ...jsonArg }, async ({ month, entity, json }) =>
    withApi('sample-auditor', async (api) => {
      const proof = await api<Proof>('GET', path(entity, month, 'proof'));
      if (json) say(JSON.stringify(proof, null, 2));
      else {
        for (const r of proof.rows)
          say(
            `${r.currency} ${(r.glAccount ?? '-').padEnd(8)} ${(r.costCenter ?? '-').padEnd(8)} ${r.ledger.padStart(14)} = ${r.erpDocuments.padStart(14)} + ${r.erpAccruals.padStart(14)}${/^-?0*(\.0*)?$/.test(r.difference) ? '' : `  off by ${r.difference}`}`,
          );
        say(proof.holds ? `documents + change in accruals = ledger, for each account and cost center of ${month}; ${proof.unverified} postings are not read back yet` : `${month} does not hold`);
      }
      return proof.holds;
    }),
  ),
  'soft-close': setState('soft-close', 'Leave a month open to accruals alone', 'softClose'),
  close: setState('close', 'Close a month; its last accrual is made first', 'close'),
  reopen: setState('reopen', 'Reopen a month; a closed one needs two persons', 'reopen'),
});
