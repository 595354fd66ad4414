import { createReadStream } from 'node:fs';
import { command, fileAt } from './command.ts';
import { rateStream } from './rate-stream.ts';

/** `wattledger rate [FILE]`: pure, without database or server. */
export const rateCommand = command(
  'rate',
  'Price OCPI CDRs: NDJSON in (FILE or standard input), NDJSON out in the same order',
  {
    file: { type: 'positional', description: 'NDJSON; standard input without it', required: false },
    explain: { type: 'boolean', description: 'Add, per period and dimension, the element chosen and why the others were not', default: false },
  },
  async ({ file, explain }) => {
    const { refused } = await rateStream(file === undefined ? process.stdin : createReadStream(await fileAt(file)), process.stdout, { explain });
    return refused === 0;
  },
);
