import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withApi } from '../stack/with-api.ts';
import type { ImportProgress } from '../store/reads/imports.ts';
import { command, fileAt, jsonArg, say } from './command.ts';
import { standstill } from './standstill.ts';

const showEveryMs = 2000;

/** `wattledger import FILE --source ID`: stores a file of sessions and follows it until all of it is processed. */
export const importCommand = command(
  'import',
  'Import a file of sessions in the format of its source',
  { file: { type: 'positional', description: 'File', required: true }, source: { type: 'string', description: 'Source whose format it has', required: true }, ...jsonArg },
  async ({ file, source, json }) => {
    const body = await readFile(await fileAt(file));
    return withApi('sample-ops', async (api) => {
      const started = await api<{ batchId: string; duplicate: boolean; lineCount: number }>('POST', `/v1/sources/${encodeURIComponent(source)}/files`, {
        query: { fileName: path.basename(file) },
        body,
        type: 'application/octet-stream',
      });
      let progress: ImportProgress;
      const look = standstill();
      for (let shown = Date.now(); ; await sleep(200)) {
        progress = await api<ImportProgress>('GET', `/v1/imports/${started.batchId}`);
        if (progress.processed >= progress.lineCount) break;
        look(progress.processed);
        if (!process.stderr.isTTY || Date.now() - shown < showEveryMs) continue;
        shown = Date.now();
        process.stderr.write(`${progress.processed} of ${progress.lineCount} processed\n`);
      }
      if (json) say(JSON.stringify({ ...progress, duplicate: started.duplicate }, null, 2));
      else
        say(
          `${progress.batchId}: ${progress.lineCount} sessions${started.duplicate ? ', known already' : ''} (${Object.entries(progress.outcomes)
            .map(([outcome, n]) => `${n} ${outcome}`)
            .join(', ')})`,
        );
      return true;
    });
  },
);
