import { ActivityFailure, condition, proxyActivities, setCurrentDetails, setHandler, sleep, upsertSearchAttributes } from '@temporalio/workflow';
import type { createCycleActivities } from '../activities/cycle.ts';
import { approvedSignal, cutOffSignal, inputsChangedSignal, retrySignal, runStateQuery } from './messages.ts';
import { searchAttributes } from './search-attributes.ts';

const { moveRun, closeSet, buildPreview, issueAll, handOverRun, reconcileRun, openQuestions } = proxyActivities<ReturnType<typeof createCycleActivities>>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '5 minutes', maximumAttempts: 8 },
});

export type BillingCycleInput = { readonly runId: string; readonly period: string; readonly cutOffAtMs: number };

/**
 * One monthly run: waits for late CDRs until the cut-off, closes the record set, previews, waits for an approval, issues, hands over
 * to the ERP, reconciles and closes. Every wait and every problem shows in the current details; an exhausted retry waits for `retry`.
 */
export async function billingCycle(input: BillingCycleInput): Promise<{ issued: number }> {
  const { runId } = input;
  let state = 'planned';
  let problem: string | null = null;
  let contentHash: string | null = null;
  let cutOffAtMs = input.cutOffAtMs;
  let moved = false;
  let changed = false;
  let approved = false;
  let retry = false;
  setHandler(cutOffSignal, ({ at }) => {
    cutOffAtMs = at === undefined ? 0 : Date.parse(at);
    moved = true;
  });
  setHandler(inputsChangedSignal, () => {
    changed = true;
  });
  setHandler(approvedSignal, () => {
    approved = true;
  });
  setHandler(retrySignal, () => {
    retry = true;
  });
  setHandler(runStateQuery, () => ({ state, paused: false, problem, contentHash }));

  const show = (waitsFor: string) =>
    setCurrentDetails(
      [`**${state}** · ${input.period}`, problem === null ? '' : `Problem: ${problem}`, contentHash === null ? '' : `Content \`${contentHash}\``, waitsFor].filter(Boolean).join('\n\n'),
    );
  const enter = async (to: Parameters<typeof moveRun>[0]['to'], waitsFor: string) => {
    await insist(() => moveRun({ runId, to }));
    state = to;
    upsertSearchAttributes([{ key: searchAttributes.state, value: to }]);
    show(waitsFor);
  };
  /** Runs a step whose retries are bounded; when they are spent it waits, visibly, for somebody to say `retry`. */
  const insist = async <T>(step: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await step();
      } catch (error) {
        if (!(error instanceof ActivityFailure)) throw error;
        await hold(error.cause?.message ?? error.message);
      }
    }
  };
  const hold = async (words: string) => {
    problem = words;
    upsertSearchAttributes([{ key: searchAttributes.exception, value: words.slice(0, 200) }]);
    show('Waits for ops: mend the cause, then retry.');
    retry = false;
    await condition(() => retry || changed);
    problem = null;
    upsertSearchAttributes([{ key: searchAttributes.exception, value: null }]);
  };

  /** An approval may be stored while its signal was lost: the preview tells. */
  const preview = async () => {
    const built = await insist(() => buildPreview({ runId }));
    contentHash = built.contentHash;
    approved ||= built.approved;
  };

  upsertSearchAttributes([
    { key: searchAttributes.kind, value: 'billingCycle' },
    { key: searchAttributes.period, value: input.period },
  ]);
  await enter('collecting', 'Waits for late CDRs until the cut-off.');
  while (cutOffAtMs > Date.now()) {
    moved = false;
    await Promise.race([sleep(cutOffAtMs - Date.now(), { summary: 'wait for late CDRs' }), condition(() => moved)]);
  }
  await insist(() => closeSet({ runId }));
  await enter('previewing', 'Builds the documents.');
  await preview();
  await enter('inReview', 'Waits for finance to approve.');
  while (!approved) {
    changed = false;
    await preview();
    show('Waits for finance to approve.');
    await condition(() => approved || changed);
  }
  await enter('issuing', 'Issues the approved documents.');
  const { issued } = await insist(() => issueAll({ runId }));
  await enter('handingOver', 'Hands over to the ERP.');
  for (;;) {
    await insist(() => handOverRun({ runId }));
    const differences = await insist(() => reconcileRun({ runId }));
    if (differences.length === 0) break;
    await hold(differences.join('; '));
  }
  await enter('reconciled', 'Looks for what is still open.');
  for (;;) {
    changed = false;
    const open = await insist(() => openQuestions({ runId }));
    if (open.length === 0) break;
    await hold(`waits for a signed carry decision: ${open.join('; ')}`);
  }
  await enter('closed', 'Done.');
  return { issued };
}
