import { setTimeout as sleep } from 'node:timers/promises';
import { retentionClasses } from '../contracts/retention.ts';
import { withApi } from '../stack/with-api.ts';
import type { DryRunRow } from '../store/commands/retention.ts';
import type { RetentionRunView, RetentionView } from '../store/reads/retention.ts';
import { command, jsonArg, say, UsageError } from './command.ts';
import { standstill } from './standstill.ts';

const pollMs = 500;

/** `wattledger retention`: counts what is past its time, or takes it away. */
export const retentionCommand = command(
  'retention',
  'Count what is past its time, by class; --run takes it away',
  {
    run: { type: 'boolean', description: 'Take it away; without this it is only counted', default: false },
    class: { type: 'string', description: `One of ${retentionClasses.join(', ')}; all of them unless told` },
    ...jsonArg,
  },
  async ({ run, class: only, json }) => {
    if (only !== undefined && !retentionClasses.some((name) => name === only)) throw new UsageError(`--class wants one of ${retentionClasses.join(', ')}`);
    return withApi('sample-admin', async (api) => {
      const order = { dryRun: !run, ...(only === undefined ? {} : { class: only }) };
      const begun = await api<{ runId: string; classes?: readonly DryRunRow[] }>('POST', '/v1/retention/runs', { json: order });
      const wanted = only === undefined ? retentionClasses.length : 1;
      let rows: readonly (DryRunRow & Partial<RetentionRunView>)[] = begun.classes ?? [];
      const look = standstill();
      while (rows.length < wanted) {
        look(rows.length);
        await sleep(pollMs);
        rows = (await api<RetentionView>('GET', '/v1/retention')).runs.filter((r) => r.runId === begun.runId);
      }
      if (json) say(JSON.stringify({ runId: begun.runId, dryRun: !run, classes: rows }, null, 2));
      else
        for (const r of rows)
          say(`${r.class.padEnd(16)} ${String(r.due).padStart(9)} due${run ? `, ${r.removed ?? 0} removed` : ''}${r.oldest === null ? '' : `, the oldest of ${r.oldest.slice(0, 10)}`}`);
      return true;
    });
  },
);
