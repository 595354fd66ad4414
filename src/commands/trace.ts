import type { Orphans, RunTrace, TraceRow, TraceTree } from '../contracts/trace.ts';
import { groupBy } from '../core/group-by.ts';
import { formatMinor, parseMinor } from '../core/money.ts';
import { withApi } from '../stack/with-api.ts';
import type { Page } from '../store/reads/page.ts';
import type { Timeline } from '../store/reads/timeline.ts';
import { allPages } from './all-pages.ts';
import { command, jsonArg, say, UsageError } from './command.ts';

/** `wattledger trace ID`: from a record, document, account or ERP id to all the others; `trace RUN --from run` proves a whole run. */
export const traceCommand = command(
  'trace',
  'Follow a kWh from any end: record, document, account, ERP id or run',
  {
    id: { type: 'positional', description: 'Record number, source/recordKey, document id or legal number, acc_…, run_… or the ERP’s id', required: true },
    from: { type: 'string', description: 'record, document, account, erp or run, when the id alone does not tell' },
    tree: { type: 'boolean', description: 'As a tree, with the sums of each step', default: false },
    gl: { type: 'string', description: 'Of a run: only this account of the chart' },
    'cost-center': { type: 'string', description: 'Of a run: only this cost center' },
    vat: { type: 'string', description: 'Of a run: only this VAT code' },
    examples: { type: 'string', description: 'Of a whole run: how many of its charges to show all the way, up to 200', default: '0' },
    ...jsonArg,
  },
  async ({ id, from, tree, json, gl, vat, examples, 'cost-center': costCenter }) => {
    const end = from ?? kindOf(id);
    if (!['record', 'document', 'account', 'erp', 'run'].includes(end)) throw new UsageError('--from wants record, document, account, erp or run');
    if (!/^\d{1,3}$/.test(examples) || Number(examples) > 200) throw new UsageError('--examples wants a number up to 200');
    const balance = { glAccount: gl, costCenter, vatCode: vat };
    const query = { [end]: id, ...balance };
    return withApi('sample-auditor', async (api) => {
      if (tree) {
        const found = await api<TraceTree>('GET', '/v1/trace/tree', { query });
        if (json) say(JSON.stringify(found, null, 2));
        else for (const line of treeLines(found)) say(line);
        return found.equal && found.charges > 0;
      }
      if (end === 'run' && Object.values(balance).every((v) => v === undefined)) {
        const { currencies } = await api<{ currencies: readonly RunTrace[] }>('GET', `/v1/runs/${encodeURIComponent(id)}/trace`);
        const shown = examples === '0' ? [] : (await api<Page<TraceRow>>('GET', '/v1/trace', { query: { run: id, limit: examples } })).items;
        if (json) say(JSON.stringify(examples === '0' ? currencies : { currencies, examples: shown }, null, 2));
        else {
          for (const line of currencies.flatMap(runLines)) say(line);
          print(shown, undefined);
        }
        return currencies.every((c) => Object.values(c.orphans).every((o) => o.count === 0));
      }
      const rows = await allPages<TraceRow>(api, '/v1/trace', query);
      const timeline = end === 'record' ? await api<Timeline>('GET', `/v1/records/${encodeURIComponent(id)}/timeline`) : undefined;
      if (json) say(JSON.stringify({ charges: rows, ...(timeline === undefined ? {} : { timeline }) }, null, 2));
      else print(rows, timeline);
      if (rows.length > 0 || timeline !== undefined) return true;
      process.stderr.write(`wattledger: no charge hangs on ${end} "${id}": look whether it is written whole, or say what it is by --from\n`);
      return false;
    });
  },
);

function kindOf(id: string): string {
  if (/^\d+$/.test(id) || id.includes('/')) return 'record';
  if (id.startsWith('acc_')) return 'account';
  if (id.startsWith('run_')) return 'run';
  return id.startsWith('doc_') || /^\d{4}-\d+$/.test(id) ? 'document' : 'erp';
}

function print(rows: readonly TraceRow[], timeline: Timeline | undefined): void {
  if (timeline !== undefined) {
    say(timeline.answer);
    for (const event of timeline.events) say(`  ${event.at}  ${event.event.padEnd(9)} ${event.text}`);
    say('');
  }
  for (const r of rows) {
    say(
      `record ${r.recordId ?? '-'} rev ${r.revision ?? '-'}: ${r.role} ${r.component} ${r.net} ${r.currency}, ${r.energyWh} Wh, GL ${r.glAccount}, cost center ${r.costCenter} > charge ${r.chargeId} > journal ${r.ratedJournal}` +
        (r.documentId === null
          ? r.disposition === null
            ? ''
            : ` > ${r.disposition} in ${r.runId}`
          : ` > ${r.legalNumber ?? r.documentId} line ${r.lineNo} > ${r.issueJournal ?? 'not issued'} > ERP ${r.erpId ?? r.erpState ?? '-'}`),
    );
  }
}

/** What the charges of a tree come to, each role by itself: what is sold and what is owed of it are no sum. */
function sumsByRole({ documents, withoutDocument }: TraceTree): string {
  const charges = [...documents.flatMap((d) => d.lines.flatMap((l) => l.charges)), ...withoutDocument];
  return [...groupBy(charges, (r) => `${r.role} ${r.currency}`).values()]
    .flatMap(([first, ...others]) => {
      if (first === undefined) return [];
      const { role, currency } = first;
      return [
        `${role} ${formatMinor(
          [first, ...others].reduce((sum, r) => sum + parseMinor(r.net, currency), 0n),
          currency,
        )} ${currency}`,
      ];
    })
    .join(', ');
}

/** One line a node, its sum and whether it is that of what it is made of. */
function treeLines(tree: TraceTree): string[] {
  const mark = (equal: boolean) => (equal ? '=' : 'DIFFERS');
  const leaf = (depth: string, r: TraceRow) =>
    `${depth}charge ${r.chargeId} of record ${r.recordId ?? '-'}: ${r.role} ${r.component} ${r.net} ${r.currency}, ${r.energyWh} Wh, journal ${r.ratedJournal}`;
  return [
    `${tree.energyWh} Wh in ${tree.records} records, ${tree.charges} charges: ${sumsByRole(tree)}`,
    ...tree.documents.flatMap((d) => [
      `  document ${d.legalNumber ?? d.documentId}: net ${d.net} ${d.currency}, ${d.energyWh} Wh`,
      ...d.lines
        .filter((l) => l.charges.length > 0)
        .flatMap((l) => [
          `    line ${l.lineNo}: ${l.glAccount} ${l.costCenter} ${l.vatCode} ${l.net}, ${l.energyWh} Wh ${mark(l.equal)} all its charges ${l.chargesNet}, ${l.chargesWh} Wh`,
          ...l.charges.map((r) => leaf('      ', r)),
        ]),
      ...(d.journal === null ? ['    not issued'] : [`    journal ${d.journal.key}: ${d.journal.net} ${mark(d.journal.equal)} net ${d.net}`]),
      ...(d.erp === null
        ? []
        : [`    ERP ${d.erp.externalId ?? '-'} (${d.erp.state})`, ...d.erp.lines.map((l) => `      ${l.glAccount} ${l.costCenter} ${l.vatCode}: ${l.inErp} ${mark(l.equal)} lines ${l.net}`)]),
    ]),
    ...(tree.withoutDocument.length === 0 ? [] : ['  on no document', ...tree.withoutDocument.map((r) => `${leaf('    ', r)}, ${r.disposition ?? 'open'}`)]),
  ];
}

function runLines(c: RunTrace): string[] {
  const orphanLine = (what: string, o: Orphans) => `  ${what}: ${o.count}, net ${o.net} ${c.currency}, ${o.energyWh} Wh${o.examples.length === 0 ? '' : `: ${o.examples.slice(0, 5).join(', ')}`}`;
  return [
    `${c.currency}: ${c.energyWh.charges} Wh in ${c.records} records and ${c.charges} charges, ${c.net.charges} net`,
    `  adjustments ${c.net.adjustments}; lines of ${c.documents} documents ${c.net.lines}, ${c.energyWh.lines} Wh; their journals ${c.net.journals}`,
    `  ERP: ${c.erpLines} sums, ${c.net.erp}, ${c.energyWh.reachingErp} Wh behind them`,
    orphanLine('charges that are not what their line is', c.orphans.chargesWithoutLine),
    orphanLine('lines that the ERP has not', c.orphans.linesWithoutErp),
    orphanLine('sums in the ERP without a line', c.orphans.erpWithoutLine),
  ];
}
