import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { PaymentView } from '../contracts/payment-overview.ts';
import { withApi } from '../stack/with-api.ts';
import { allPages } from './all-pages.ts';
import { command, group, jsonArg, say } from './command.ts';

const id = { payment: { type: 'positional', description: 'Id of the payment', required: true } } as const;

const sentBack = ({ items }: PaymentView) => {
  const count = items.filter((i) => i.returned !== null).length;
  return count === 0 ? '' : ` (${count} sent back)`;
};

/** `wattledger payment …`: what we pay ourselves, by the API. */
export const paymentCommands = group('payment', 'Propose, approve and fetch payments to site owners', {
  list: command('list', 'Payments, newest first', { ...jsonArg }, async ({ json }) =>
    withApi('sample-auditor', async (api) => {
      const items = await allPages<PaymentView>(api, '/v1/payments');
      if (json) say(JSON.stringify(items, null, 2));
      else if (items.length === 0) say('there is no payment yet; `wattledger payment propose` makes one');
      else for (const p of items) say(`${p.paymentId}  ${p.state.padEnd(9)} ${p.executeOn} ${p.amount.padStart(14)} ${p.currency} to ${p.items.length} payees${sentBack(p)}, content ${p.contentHash}`);
      return true;
    }),
  ),
  propose: command(
    'propose',
    'Propose to pay what is due',
    {
      entity: { type: 'string', description: 'Legal entity', required: true },
      currency: { type: 'string', description: 'Currency; that of the entity’s books unless told' },
      'due-until': { type: 'string', description: 'Last due date that is paid', required: true },
      'execute-on': { type: 'string', description: 'Day the bank is to pay', required: true },
      format: { type: 'string', description: 'pain.001.001.03 or pain.001.001.09', default: 'pain.001.001.03' },
      reason: { type: 'string', description: 'Why; kept in the audit trail', required: true },
    },
    async (args) =>
      withApi('sample-preparer', async (api) => {
        const { currency = (await api<{ currency: string }>('GET', `/v1/entities/${encodeURIComponent(args.entity)}`)).currency } = args;
        const made = await api<{ paymentId: string | null; leftOut: { text: string; severity: string }[] }>('POST', '/v1/payments', {
          json: { entityId: args.entity, currency, dueUntil: args['due-until'], executeOn: args['execute-on'], format: args.format, reason: args.reason },
        });
        say(made.paymentId === null ? `nobody is to be paid in ${currency}` : `${made.paymentId} is proposed; somebody else approves it`);
        for (const left of made.leftOut) say(`  not paid: ${left.text}`);
        return made.leftOut.every((left) => left.severity !== 'blocks');
      }),
  ),
  ...Object.fromEntries(
    (['approve', 'reject'] as const).map((decision) => [
      decision,
      command(
        decision,
        decision === 'approve' ? 'Approve exactly the content of a hash' : 'Reject a payment, which lets go of its documents',
        {
          ...id,
          hash: { type: 'string', description: 'Content hash that was looked at, as `payment list` prints it', required: true },
          comment: { type: 'string', description: 'What was checked', required: true },
        },
        async (args) =>
          withApi('sample-approver', async (api) => {
            const { state } = await api<{ state: string }>('POST', `/v1/payments/${encodeURIComponent(args.payment)}/decision`, { json: { contentHash: args.hash, decision, comment: args.comment } });
            say(`${args.payment} is ${state}`);
            return true;
          }),
      ),
    ]),
  ),
  returned: command(
    'returned',
    'State that the bank sent a payment back: one payee’s part, or all of it',
    {
      ...id,
      part: { type: 'string', description: 'EndToEndId of the part that came back; all of the payment unless told' },
      amount: { type: 'string', description: 'What was sent', required: true },
      on: { type: 'string', description: 'Day it came back', required: true },
      reason: { type: 'string', description: 'What the bank says, such as AC04; kept for good', required: true },
      key: { type: 'string', description: 'What names it, such as the bank’s reference: the same again changes nothing' },
    },
    async ({ payment, part, amount, on, reason, key }) =>
      withApi('sample-preparer', async (api) => {
        const { returned } = await api<{ returned: { accountId: string; endToEndId: string; amount: string }[] }>('POST', `/v1/payments/${encodeURIComponent(payment)}/returns`, {
          json: { endToEndId: part, amount, returnedOn: on, reason },
          ...(key === undefined ? {} : { idempotencyKey: key }),
        });
        for (const r of returned) say(`${r.endToEndId}: ${r.amount} are owed to ${r.accountId} again`);
        return true;
      }),
  ),
  file: command('file', 'The file for the bank', { ...id, out: { type: 'string', description: 'Folder to write into', default: '.' } }, async ({ payment, out }) =>
    withApi('sample-approver', async (api) => {
      const { name, bytes } = await api.file(`/v1/payments/${encodeURIComponent(payment)}/file`);
      mkdirSync(out, { recursive: true });
      const file = path.join(out, path.basename(name));
      writeFileSync(file, bytes);
      say(file);
      return true;
    }),
  ),
});
