import { readdirSync, readFileSync } from 'node:fs';
import { DefaultLogger, makeTelemetryFilterString, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, it } from 'vitest';
import { workflowNames } from '../../src/workflows/messages.ts';

// A rejected replay is what the second half asks for: its warnings would be noise.
Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } } });

const folder = new URL('histories/', import.meta.url);
const bundle = readFileSync(new URL('../../dist/workflows.js', import.meta.url), 'utf8');
type History = { readonly events: readonly { readonly workflowExecutionStartedEventAttributes?: { readonly workflowType: { readonly name: string } } }[] };
const recorded = readdirSync(folder).map((file) => {
  const history: History = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  return { file, history, type: history.events[0]?.workflowExecutionStartedEventAttributes?.workflowType.name ?? 'none' };
});
const replay = (code: string, history: History) => Worker.runReplayHistory({ workflowBundle: { code } }, history);

describe('recorded histories', () => {
  it('are there for every workflow; if not, npm run record:histories makes them', () => {
    expect(recorded.map(({ type }) => type)).toEqual(expect.arrayContaining(Object.values(workflowNames)));
  });

  // Steps are per run and group, not per record or document: a month of any size has as many.
  it.each(recorded)('have far less events than Temporal allows: $file', ({ history }) => {
    expect(history.events.length).toBeLessThan(10_000);
  });

  it.each(recorded)('replay on the workflows as they are: $file', async ({ history }) => {
    await expect(replay(bundle, history)).resolves.toBeUndefined();
  });
});

// Runs that went on when their history was long, before they began anew, are open for weeks.
describe('a run that was told that its history is long, and went on', () => {
  it('replays as it went', async () => {
    const [{ history } = { history: { events: [] } }] = recorded.filter((r) => r.type === workflowNames.billingCycle);
    const told = history.events.map((event) =>
      'workflowTaskStartedEventAttributes' in event ? { ...event, workflowTaskStartedEventAttributes: { ...(event.workflowTaskStartedEventAttributes as object), suggestContinueAsNew: true } } : event,
    );
    await expect(replay(bundle, { events: told })).resolves.toBeUndefined();
  });
});

// The same code but for one step left out: a replay that let these pass would guard nothing.
describe('a workflow that no longer does what it did', () => {
  it.each([
    ['importBatch', /await processBatch\([^)]*\)/, '{ processed: 0, accepted: 0, duplicates: 0, conflicts: 0, waiting: 0, unattended: false }'],
    ['billingCycle', /closeSet\(\{ runId \}\)/, 'Promise.resolve({ claimed: 0 })'],
    ['cdrLifecycle', /await processCdr\([^)]*\)/, "{ state: 'booked' }"],
  ])('is rejected: %s without a step', async (type, step, instead) => {
    expect(bundle).toMatch(step);
    const history = recorded.find((r) => r.type === type)?.history;
    expect(history).toBeDefined();
    await expect(replay(bundle.replace(step, instead), history ?? { events: [] })).rejects.toThrow(DeterminismViolationError);
  });
});
