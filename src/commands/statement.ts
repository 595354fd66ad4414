import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { withApi } from '../stack/with-api.ts';
import { command, fileAt, jsonArg, say } from './command.ts';

const mostRows = 200;

type Figures = { readonly count: number; readonly energyWh: string | null; readonly amount: string | null };
type Item = {
  readonly on: string;
  readonly party: string | null;
  readonly change: string;
  readonly status: string;
  readonly currency: string | null;
  readonly stated: Figures | null;
  readonly received: Figures;
};
type Load = {
  readonly digest: string;
  readonly applied: boolean;
  readonly lines: number;
  readonly items: readonly Item[];
  readonly refused: readonly { readonly line: number; readonly errors: readonly string[] }[];
};

/** `wattledger statement FILE --source ID`: shows what a hub's statement file would state beside what arrived, and with --apply states it. */
export const statementCommand = command(
  'statement',
  'Read a statement file of a hub or partner by its layout and show how it compares; --apply states its totals',
  {
    file: { type: 'positional', description: 'CSV as the statement layout of the source says', required: true },
    source: { type: 'string', description: 'Source', required: true },
    apply: { type: 'boolean', description: 'Keep what is shown as control totals', default: false },
    ...jsonArg,
  },
  async ({ file, source, apply, json }) => {
    const body = await readFile(await fileAt(file));
    return withApi('sample-ops', async (api) => {
      const load = (query: Record<string, string>) =>
        api<Load>('POST', `/v1/sources/${encodeURIComponent(source)}/statements`, { query: { fileName: path.basename(file), ...query }, body, type: 'text/csv' });
      const shown = await load({});
      const result = apply && shown.refused.length === 0 ? await load({ apply: shown.digest }) : shown;
      if (json) say(JSON.stringify(result, null, 2));
      else show(result);
      return result.refused.length === 0 && result.items.every((i) => i.status !== 'differs');
    });
  },
);

function show({ applied, lines, items, refused }: Load): void {
  for (const { line, errors } of refused) say(`line ${line}: ${errors.join('; ')}`);
  for (const i of items.slice(0, mostRows))
    say(`${i.on}${i.party === null ? '' : ` ${i.party}`}  ${i.change}  ${i.status}  ${figures(i.stated, i.currency)} stated, ${figures(i.received, i.currency)} arrived`);
  if (items.length > mostRows) say(`… after the first ${mostRows} totals`);
  say(`${lines} lines, ${items.length} totals${refused.length === 0 ? '' : `, ${refused.length} lines refused`}; ${applied ? 'they are stated' : 'nothing is kept yet'}`);
}

function figures(f: Figures | null, currency: string | null): string {
  return f === null ? 'nothing' : `${f.count} CDRs ${f.energyWh ?? '?'} Wh${f.amount === null ? '' : ` ${f.amount} ${currency ?? ''}`}`;
}
