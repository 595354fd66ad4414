import { readFile } from 'node:fs/promises';
import { setUpKinds } from '../contracts/set-up.ts';
import { withApi } from '../stack/with-api.ts';
import { command, fileAt, jsonArg, say, UsageError } from './command.ts';

const mostRows = 200;

type Row = {
  readonly kind: string;
  readonly line: number;
  readonly id: string;
  readonly outcome: string;
  readonly changes: readonly { readonly field: string; readonly before: unknown; readonly after: unknown }[];
  readonly errors: readonly { readonly text: string }[];
};
type Totals = Readonly<Record<string, Readonly<Record<string, number>>>>;
type Load = { readonly loadId: string; readonly expiresAt: string; readonly totals: Totals; readonly items: readonly Row[]; readonly nextCursor: string | null };

/** `wattledger load FILE`: shows what a file of set-up would do, and with --apply does it. */
export const loadCommand = command(
  'load',
  'Load set-up from a file (CSV or JSON) and show what it would do; --apply does it',
  {
    file: { type: 'positional', description: 'CSV of one kind, or JSON', required: true },
    kind: { type: 'string', description: `What a CSV holds: ${setUpKinds.join(', ')}` },
    apply: { type: 'boolean', description: 'Carry out what is shown', default: false },
    reason: { type: 'string', description: 'Why; kept in the audit trail. Needed to apply' },
    'without-refused': { type: 'boolean', description: 'Apply the other rows when some are refused', default: false },
    ...jsonArg,
  },
  async ({ file, kind, apply, reason, json, ...more }) => {
    if (kind !== undefined && !setUpKinds.some((name) => name === kind)) throw new UsageError(`--kind wants one of ${setUpKinds.join(', ')}`);
    if (apply && reason === undefined) throw new UsageError('--apply wants a --reason');
    const body = await readFile(await fileAt(file));
    return withApi('sample-preparer', async (api) => {
      const load = await api<Load>('POST', '/v1/set-up/loads', { query: { kind }, body, type: 'application/octet-stream' });
      const refused = Object.values(load.totals).reduce((sum, t) => sum + (t['refused'] ?? 0), 0);
      if (!json) show(load);
      if (!apply) {
        if (json) say(JSON.stringify(load, null, 2));
        else say(`load ${load.loadId} waits until ${load.expiresAt}; nothing is changed yet`);
        return refused === 0;
      }
      const done = await api<{ totals: Totals }>('POST', `/v1/set-up/loads/${load.loadId}/apply`, { json: { reason, withoutRefused: more['without-refused'] } });
      if (json) say(JSON.stringify({ loadId: load.loadId, ...done }, null, 2));
      else say(`load ${load.loadId} is applied`);
      return refused === 0;
    });
  },
);

function show({ totals, items, nextCursor }: Load): void {
  const lines = items.flatMap((row) => {
    if (row.outcome === 'unchanged') return [];
    const what = row.outcome === 'refused' ? row.errors.map((e) => e.text).join(' ') : row.changes.map((c) => `${c.field}: ${text(c.before)} > ${text(c.after)}`).join(', ');
    return [[String(row.line), row.kind, row.id, row.outcome, what]];
  });
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines) say(line.map((cell, i) => (i === 0 ? cell.padStart(widths[0] ?? 0) : cell.padEnd(widths[i] ?? 0))).join('  '));
  if (nextCursor !== null) say(`… after the first ${mostRows} rows`);
  for (const [kind, t] of Object.entries(totals)) say(`${kind}: ${['created', 'changed', 'unchanged', 'refused'].map((outcome) => `${t[outcome] ?? 0} ${outcome}`).join(', ')}`);
}

function text(value: unknown): string {
  return value === null || value === undefined ? '-' : typeof value === 'string' ? value : JSON.stringify(value);
}
