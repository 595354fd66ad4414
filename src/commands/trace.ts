import type { TraceRow } from '../contracts/trace.ts';
import { withApi } from '../stack/with-api.ts';
import type { Page } from '../store/reads/page.ts';
import type { Timeline } from '../store/reads/timeline.ts';
import { command, jsonArg, say, UsageError } from './command.ts';

/** `wattledger trace ID`: from a record, document, account or ERP id to all the others. */
export const traceCommand = command(
  'trace',
  'Follow a kWh from any end: record, document, account or ERP id',
  {
    id: { type: 'positional', description: 'Record number, source/recordKey, document id or legal number, acc_… or the ERP’s id', required: true },
    from: { type: 'string', description: 'record, document, account or erp, when the id alone does not tell' },
    ...jsonArg,
  },
  async ({ id, from, json }) => {
    const end = from ?? kindOf(id);
    if (!['record', 'document', 'account', 'erp'].includes(end)) throw new UsageError('--from wants record, document, account or erp');
    return withApi('sample-auditor', async (api) => {
      const rows: TraceRow[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page: Page<TraceRow> = await api('GET', '/v1/trace', { query: { [end]: id, limit: '200', cursor: cursor ?? undefined } });
        rows.push(...page.items);
        cursor = page.nextCursor;
      }
      const timeline = end === 'record' ? await api<Timeline>('GET', `/v1/records/${encodeURIComponent(id)}/timeline`) : undefined;
      if (json) say(JSON.stringify({ charges: rows, ...(timeline === undefined ? {} : { timeline }) }, null, 2));
      else print(rows, timeline);
      return rows.length > 0 || timeline !== undefined;
    });
  },
);

function kindOf(id: string): string {
  if (/^\d+$/.test(id) || id.includes('/')) return 'record';
  if (id.startsWith('acc_')) return 'account';
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
