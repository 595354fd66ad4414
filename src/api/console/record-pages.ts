import type { Hono, MiddlewareHandler } from 'hono';
import type { QuarantineCause } from '../../contracts/quarantine-cause.ts';
import type { Store } from '../../store/db.ts';
import { chargesOfRecord } from '../../store/reads/charges.ts';
import { zoneOfSource } from '../../store/reads/entities.ts';
import { quarantineByCause } from '../../store/reads/quarantine.ts';
import { findRecord, listRecords, type RecordView } from '../../store/reads/records.ts';
import { sessionIds } from '../../store/reads/session-ids.ts';
import { timelineOf } from '../../store/reads/timeline.ts';
import { count, grouped, kWh, recordPath, words } from '../../ui/format.ts';
import { QuarantinedRecordsPage, QuarantinePage } from '../../ui/quarantine-page.tsx';
import { RecordPage } from '../../ui/record-page.tsx';
import { may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { noRecord } from '../routes/record-lookup.ts';
import { instantOf, whOf } from './form-values.ts';
import { type ConsoleOrder, type Send, serveOrder } from './order.ts';
import { turns } from './run-pages.ts';
import { holds, viewerOf } from './viewer.ts';

const pageSize = 100;

/** The quarantine, its records and decisions on them, and what became of a record. */
export function recordPages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store, send }: { readonly store: Store; readonly send: Send }): void {
  const db = store.pool;

  app.get('/quarantine', guard, async (c) =>
    c.html(QuarantinePage({ viewer: viewerOf(c), causes: await quarantineByCause(db), mayDecide: holds(c, may.decideRecords), mayRetry: holds(c, may.retryRecords) })),
  );

  app.get('/quarantine/records', guard, async (c) => {
    const { cause = '', sourceId, cursor } = c.req.query();
    const page = await listRecords(db, { cause, sourceId, cursor, limit: pageSize });
    return c.html(
      QuarantinedRecordsPage({
        viewer: viewerOf(c),
        cause,
        sourceId,
        records: page.items,
        mayDecide: holds(c, may.decideRecords),
        ...turns('/quarantine/records', { cause, sourceId }, cursor, page.nextCursor),
      }),
    );
  });

  serveOrder(app, '/quarantine/decide', guard, send, async (c) => {
    const given = c.req.method === 'POST' ? await c.req.parseBody() : c.req.query();
    const [cause, sourceId] = [String(given['cause'] ?? ''), String(given['sourceId'] ?? '')];
    if (cause === '') return decideOrder([]);
    const waiting = (await quarantineByCause(db, sourceId === '' ? undefined : sourceId)).filter((w) => w.cause === cause);
    return decideOrder(waiting, cause);
  });
  serveOrder(app, '/quarantine/correct', guard, send, async (c) => {
    const given = c.req.method === 'POST' ? (await c.req.parseBody())['recordId'] : c.req.query('recordId');
    const record = await findRecord(db, String(given ?? ''));
    if (record === undefined) throw noRecord(String(given ?? ''));
    return correction(record, await zoneOfSource(db, record.sourceId));
  });
  serveOrder(app, '/quarantine/retry', guard, send, () => retryOrder);

  app.get('/records/:id', guard, async (c) => {
    const id = c.req.param('id') ?? '';
    const record = await findRecord(db, id);
    if (record === undefined) throw noRecord(id);
    const [timeline, charges, timeZone, ids] = await Promise.all([
      timelineOf(db, record, record),
      chargesOfRecord(db, record.recordId),
      zoneOfSource(db, record.sourceId),
      sessionIds(db, record.recordId),
    ]);
    return c.html(
      RecordPage({
        viewer: viewerOf(c),
        record,
        timeZone,
        answer: timeline?.answer ?? 'Nothing was received under this key.',
        events: timeline?.events ?? [],
        ...charges,
        ids,
        mayDecide: holds(c, may.decideRecords),
      }),
    );
  });
}

const trail = [
  ['/', 'Runs'],
  ['/quarantine', 'Quarantine'],
] as const;

/** Decides on chosen records, or on all that wait for a cause. */
function decideOrder(waiting: readonly QuarantineCause[], cause?: string): ConsoleOrder {
  const all = cause !== undefined;
  return {
    title: all ? `Decide on all that wait: ${words(cause)}` : 'Decide on records',
    explain:
      'Accept bills a record although a check failed; reject never bills it; hold leaves it where it is. Each decision is signed and kept. Above the limit of the source it takes effect when a second person decides the same.',
    about: waiting.map((w): readonly [string, string] => [`${words(w.cause)}, ${w.sourceId}`, `${count(w.records, 'record')}, ${kWh(w.energyWh)} kWh${atRiskText(w)}`]),
    fields: [
      ...(all
        ? (['cause', 'sourceId', 'expected'] as const).map((name) => ({ name, label: name, kind: 'hidden' as const }))
        : [{ name: 'recordIds', label: 'Records', kind: 'text' as const, required: true, hint: 'Their numbers, with commas between.' }]),
      {
        name: 'action',
        label: 'Decision',
        kind: 'choice',
        required: true,
        choices: [
          ['hold', 'hold: leave them where they are'],
          ['accept', 'accept: bill them as they are'],
          ['reject', 'reject: never bill them'],
        ],
      },
      { name: 'billedBy', label: 'Billed by another system or company', kind: 'text', hint: 'With reject: by whom, where it is billed elsewhere by agreement.' },
      { name: 'reason', label: 'Reason', kind: 'long', required: true, hint: 'Why; signed and kept.' },
    ],
    verb: 'Decide',
    trail,
    roles: may.decideRecords,
    request: (v) => ({
      method: 'POST',
      path: '/v1/decisions',
      json: { action: v['action'], reason: v['reason'], ...(v['action'] === 'reject' && v['billedBy']?.trim() ? { billedBy: v['billedBy'].trim() } : {}), ...selectionOf(v) },
    }),
    done: (answer) => `${count(Number(answer['decided']), 'record')} decided${answer['awaitingSecond'] === 0 ? '' : `; ${answer['awaitingSecond']} need the same decision by another person`}.`,
    next: () => '/quarantine',
  };
}

/** Bills one waiting record with other facts. */
function correction(record: RecordView, timeZone: string): ConsoleOrder {
  const name = `${record.sourceId}/${record.recordKey}`;
  return {
    title: `Correct record ${record.recordId}`,
    explain:
      'Bills the record with the facts given here instead of those it came with; what stays empty stays as it came. The evidence is sealed with it, and what came first is kept. Above the limit of the source it takes effect when a second person decides the same.',
    about: [['Record', name], ['Energy as it came', `${kWh(record.energyWh)} kWh`], ...record.issues.map((i): readonly [string, string] => ['Why it waits', i.text])],
    fields: [
      { name: 'recordId', label: 'Record', kind: 'shown' },
      { name: 'energy', label: 'Energy in kWh', kind: 'text', hint: 'With a point and up to three decimals, such as 13.7.' },
      { name: 'startAt', label: 'Start', kind: 'dateTime', hint: `Local time of ${timeZone}.` },
      { name: 'endAt', label: 'End', kind: 'dateTime', hint: `Local time of ${timeZone}; in the hour that comes twice in autumn the first is meant.` },
      { name: 'reason', label: 'Evidence', kind: 'long', required: true, hint: 'What shows that it was so; sealed with the record.' },
    ],
    verb: 'Correct',
    trail: [...trail, [recordPath(record.recordId), `Record ${record.recordId}`]],
    roles: may.decideRecords,
    request: (v) => {
      const energy = v['energy']?.trim() ?? '';
      const at = (field: 'startAt' | 'endAt', label: string) => (v[field] ? { [field]: instantOf(label, v[field], timeZone) } : {});
      const correction = { ...(energy === '' ? {} : { energyWh: whOf('Energy', energy) }), ...at('startAt', 'Start'), ...at('endAt', 'End') };
      if (Object.keys(correction).length === 0) throw new Problem(422, 'invalid', 'Name at least one of energy, start and end.');
      return { method: 'POST', path: '/v1/decisions', json: { action: 'correct', recordIds: [record.recordId], correction, reason: v['reason'] } };
    },
    done: (answer) => (answer['awaitingSecond'] === 0 ? 'Corrected; it is checked and priced again.' : 'Kept; it needs the same correction by another person.'),
    next: () => recordPath(record.recordId),
  };
}

function atRiskText({ atRisk, unpriced }: QuarantineCause): string {
  const sums = atRisk.map((m) => `, ${grouped(m.net)} ${m.currency} net at risk`).join('');
  return unpriced === 0 ? sums : `${sums}, ${unpriced} without a price yet`;
}

const retryOrder: ConsoleOrder = {
  title: 'Try again what waits for a cause',
  explain: 'After its set-up was mended: a contract, a VAT registration or a GL account. Mapping a site or token, and publishing a price, do this by themselves.',
  about: [],
  fields: [
    { name: 'cause', label: 'Cause', kind: 'text', required: true },
    { name: 'sourceId', label: 'Source', kind: 'text', required: true },
  ],
  verb: 'Try again',
  trail,
  roles: may.retryRecords,
  request: (v) => ({ method: 'POST', path: '/v1/quarantine/retries', json: { cause: v['cause'], sourceId: v['sourceId'] } }),
  done: () => 'They are being tried again.',
  next: () => '/quarantine',
};

function selectionOf(v: Readonly<Record<string, string>>): object {
  const text = (name: string) => (v[name]?.trim() === '' ? {} : { [name]: v[name]?.trim() });
  const recordIds = (v['recordIds'] ?? '').split(/[\s,]+/).filter((id) => id !== '');
  const expected = v['expected']?.trim() ?? '';
  return { ...(recordIds.length === 0 ? {} : { recordIds }), ...text('cause'), ...text('sourceId'), ...(expected === '' ? {} : { expected: Number(expected) }) };
}
