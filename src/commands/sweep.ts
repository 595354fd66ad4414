import { setTimeout as sleep } from 'node:timers/promises';
import { withApi } from '../stack/with-api.ts';
import type { SweepView } from '../store/reads/sweeps.ts';
import { command, jsonArg, say, UsageError } from './command.ts';

const pollMs = 500;

/** `wattledger sweep SOURCE`: looks at a source now and follows it to its end. */
export const sweepCommand = command(
  'sweep',
  'Pull what a source has that we have not; with a window, everything in it',
  {
    source: { type: 'positional', description: 'Source', required: true },
    from: { type: 'string', description: 'Begin of a window of its own, ISO 8601' },
    to: { type: 'string', description: 'End of it' },
    ...jsonArg,
  },
  async ({ source, from, to, json }) => {
    if ((from === undefined) !== (to === undefined)) throw new UsageError('--from and --to belong together');
    return withApi('sample-ops', async (api) => {
      const path = `/v1/sources/${encodeURIComponent(source)}/sweeps`;
      const newest = async () => (await api<{ items: readonly SweepView[] }>('GET', path, { query: { limit: '1' } })).items[0];
      const before = await newest();
      const { workflowId } = await api<{ workflowId: string }>('POST', path, { json: from === undefined || to === undefined ? {} : { window: { from, to } } });
      const deadline = Date.now() + 60_000;
      for (let found = await newest(); ; found = await newest()) {
        const ours = found?.id !== before?.id || before?.state === 'running' ? found : undefined;
        if (ours !== undefined && ours.state !== 'running') {
          say(json ? JSON.stringify(ours, null, 2) : `${source}: ${ours.pulled} CDRs on ${ours.pages} pages, ${ours.fresh} of them new or changed${ours.problem === null ? '' : `; ${ours.problem}`}`);
          return ours.state === 'done';
        }
        // A folder has no sweep of its own: its files show as imports.
        if (ours === undefined && Date.now() > deadline) {
          say(json ? JSON.stringify({ workflowId }) : `${source}: ${workflowId} was started and pulled nothing`);
          return true;
        }
        await sleep(pollMs);
      }
    });
  },
);
