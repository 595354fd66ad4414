import { withApi } from '../stack/with-api.ts';
import type { DriftView, ErpConnectionView } from '../store/reads/erp-connections.ts';
import type { PostingView } from '../store/reads/erp-postings.ts';
import { allPages } from './all-pages.ts';
import { command, group, jsonArg, say } from './command.ts';

const key = { key: { type: 'positional', description: 'Key of the posting, as `erp list` prints it', required: true } } as const;

/** `wattledger erp …`: what is on its way to the ERP, and decisions on what it did not take, by the API. */
export const erpCommands = group('erp', 'Look at the hand-over to the ERP and decide on what it did not take', {
  list: command(
    'list',
    'Postings; those that wait for a decision unless told',
    { state: { type: 'string', description: 'One state; refused and held, and what has a number that is taken, unless told' }, run: { type: 'string', description: 'Of one run' }, ...jsonArg },
    async ({ state, run, json }) =>
      withApi('sample-auditor', async (api) => {
        const found = await allPages<PostingView>(api, '/v1/erp-postings', { ...(state === undefined ? { undecided: 'true' } : { state }), runId: run });
        if (json) say(JSON.stringify(found, null, 2));
        else if (found.length === 0) say(state === undefined ? 'nothing waits for a decision' : `no posting is ${state}`);
        else
          for (const p of found)
            say(
              `${p.key}  ${p.kind} ${p.legalNumber ?? '-'}  ${p.amount} ${p.currency}  ${p.state}${p.heldFor === null ? '' : ` for its ${p.heldFor}`}  ${p.numberTakenBy === null ? '' : `its number is that of ${p.numberTakenBy}  `}${p.answer ?? ''}`,
            );
        return state !== undefined || found.length === 0;
      }),
  ),
  connections: command('connections', 'ERP connections, and what each holds', { ...jsonArg }, async ({ json }) =>
    withApi('sample-auditor', async (api) => {
      const { items } = await api<{ items: readonly ErpConnectionView[] }>('GET', '/v1/erp-connections');
      if (json) say(JSON.stringify(items, null, 2));
      else
        for (const c of items) {
          say(
            `${c.connectionId}  ${c.adapter} of ${c.entityId} from ${c.validFrom}${c.validTo === null ? '' : ` until ${c.validTo}`}: ${Object.entries(c.postings)
              .map(([state, n]) => `${n} ${state}`)
              .join(', ')}; compared ${c.comparedAt ?? 'never'}, ${c.drifts} drifted`,
          );
          for (const p of c.periods) say(`  ${p.month} is ${p.here === 'softClosed' ? 'soft-closed' : p.here} here and ${p.there} there since ${p.foundAt}${p.words === null ? '' : `: ${p.words}`}`);
        }
      return items.every((c) => c.drifts === 0);
    }),
  ),
  drift: command('drift', 'Where an ERP holds something else than was handed over', { ...jsonArg }, async ({ json }) =>
    withApi('sample-auditor', async (api) => {
      const found = await allPages<DriftView>(api, '/v1/erp-drifts');
      if (json) say(JSON.stringify(found, null, 2));
      else if (found.length === 0) say('nothing drifted');
      else
        for (const d of found) say(`${d.driftId}  ${d.connectionId}  ${d.key}  ${d.kind}: ${d.words} (since ${d.foundAt})${d.signedBy === null ? '' : `, signed by ${d.signedBy}: ${d.signedReason}`}`);
      return found.every((d) => d.signedBy !== null);
    }),
  ),
  sign: command(
    'sign',
    'Sign that what drifted may stay so, so that it keeps no run or month from closing',
    { drift: { type: 'positional', description: 'Its number, as `erp drift` prints it', required: true }, reason: { type: 'string', description: 'Why; stays with it', required: true } },
    async ({ drift, reason }) =>
      withApi('sample-approver', async (api) => {
        await api('POST', `/v1/erp-drifts/${encodeURIComponent(drift)}/signature`, { json: { reason } });
        say(`${drift}: signed`);
        return true;
      }),
  ),
  compare: command(
    'compare',
    'Compare with an ERP now, as each night',
    { connection: { type: 'positional', description: 'Its id, as `erp connections` prints it', required: true } },
    async ({ connection }) =>
      withApi('sample-ops', async (api) => {
        const { workflowId } = await api<{ workflowId: string }>('POST', `/v1/erp-connections/${encodeURIComponent(connection)}/comparison`, { json: {} });
        say(`${workflowId} compares; what it finds is in \`erp drift\``);
        return true;
      }),
  ),
  retry: command('retry', 'Send again what was refused or is held, or ask at once of what is unknown', { ...key, reason: { type: 'string', description: 'What was mended' } }, async (args) =>
    decide('sample-ops', args.key, 'retry', args.reason),
  ),
  skip: command(
    'skip',
    'Decide that it is not sent, or not again where nobody learns whether it is there',
    { ...key, reason: { type: 'string', description: 'Why; stays with it', required: true } },
    async (args) => decide('sample-approver', args.key, 'skip', args.reason),
  ),
  number: command(
    'number',
    'State under which number the ERP has a document that waits for it: it is issued so, and not sent any more',
    {
      ...key,
      number: { type: 'string', description: 'As it stands on the document there', required: true },
      external: { type: 'string', description: 'As what it is there, where that is known' },
      reason: { type: 'string', description: 'How it came there; stays with it', required: true },
    },
    async ({ key: posting, number, external, reason }) =>
      withApi('sample-approver', async (api) => {
        const { followers } = await api<{ followers: number }>('POST', `/v1/erp-postings/${encodeURIComponent(posting)}/number`, { json: { number, externalId: external, reason } });
        say(`${posting}: there as ${number}${goOn(followers)}`);
        return true;
      }),
  ),
});

const goOn = (followers: number) => (followers === 0 ? '' : `; ${followers} that waited for it go on`);

async function decide(user: string, posting: string, verb: 'retry' | 'skip', reason: string | undefined): Promise<boolean> {
  return withApi(user, async (api) => {
    const { followers } = await api<{ followers: number }>('POST', `/v1/erp-postings/${encodeURIComponent(posting)}/${verb}`, { json: { reason } });
    say(`${posting}: ${verb === 'retry' ? 'queued again' : 'skipped'}${goOn(followers)}`);
    return true;
  });
}
