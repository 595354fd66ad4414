import { withApi } from '../stack/with-api.ts';
import type { PostingView } from '../store/reads/erp-postings.ts';
import type { Page } from '../store/reads/page.ts';
import { command, group, jsonArg, say } from './command.ts';

const key = { key: { type: 'positional', description: 'Key of the posting, as `erp list` prints it', required: true } } as const;

/** `wattledger erp …`: what is on its way to the ERP, and decisions on what it did not take, by the API. */
export const erpCommands = group('erp', 'Look at the hand-over to the ERP and decide on what it did not take', {
  list: command(
    'list',
    'Postings; those that wait for a decision unless told',
    { state: { type: 'string', description: 'One state; refused and held unless told' }, run: { type: 'string', description: 'Of one run' }, ...jsonArg },
    async ({ state, run, json }) =>
      withApi('sample-auditor', async (api) => {
        const found: PostingView[] = [];
        for (const wanted of state === undefined ? ['refused', 'held'] : [state]) {
          for (let cursor: string | null | undefined; cursor !== null; ) {
            const page: Page<PostingView> = await api('GET', '/v1/erp-postings', { query: { state: wanted, runId: run, limit: '200', cursor: cursor ?? undefined } });
            found.push(...page.items);
            cursor = page.nextCursor;
          }
        }
        if (json) say(JSON.stringify(found, null, 2));
        else for (const p of found) say(`${p.key}  ${p.kind} ${p.legalNumber ?? '-'}  ${p.amount} ${p.currency}  ${p.state}${p.heldFor === null ? '' : ` for its ${p.heldFor}`}  ${p.answer ?? ''}`);
        return state !== undefined || found.length === 0;
      }),
  ),
  retry: command('retry', 'Send again what was refused or is held', { ...key, reason: { type: 'string', description: 'What was mended' } }, async (args) =>
    decide('sample-ops', args.key, 'retry', args.reason),
  ),
  skip: command('skip', 'Decide that it is not sent', { ...key, reason: { type: 'string', description: 'Why; stays with it', required: true } }, async (args) =>
    decide('sample-approver', args.key, 'skip', args.reason),
  ),
});

async function decide(user: string, posting: string, verb: 'retry' | 'skip', reason: string | undefined): Promise<boolean> {
  return withApi(user, async (api) => {
    const { followers } = await api<{ followers: number }>('POST', `/v1/erp-postings/${encodeURIComponent(posting)}/${verb}`, { json: { reason } });
    say(`${posting}: ${verb === 'retry' ? 'queued again' : 'skipped'}${followers === 0 ? '' : `; ${followers} that waited for it go on`}`);
    return true;
  });
}
