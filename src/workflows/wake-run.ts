import { getExternalWorkflowHandle, isCancellation } from '@temporalio/workflow';
import { inputsChangedSignal } from './messages.ts';

/** Has a run look again. One that is over, or has not begun, needs no word. */
export async function wakeRun(workflowId: string): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(inputsChangedSignal);
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}
