import { ActivityFailure, isCancellation, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { createCompareActivities } from '../activities/compare-erp.ts';
import { erpActivityOptions } from './activity-options.ts';
import type { CompareInput } from './messages.ts';

const { connectionsToCompare, compareErp } = proxyActivities<ReturnType<typeof createCompareActivities>>({ ...erpActivityOptions, startToCloseTimeout: '2 hours' });

/**
 * Looks at what each ERP holds, and keeps where it is something else than was sent and what is paid. Runs on a Schedule, nightly, and of one
 * connection when somebody asks. An ERP that does not answer keeps no other one waiting; answers what was said of each.
 */
export async function erpCompare({ connectionId }: CompareInput): Promise<Readonly<Record<string, string>>> {
  const said: Record<string, string> = {};
  for (const id of connectionId === undefined ? await connectionsToCompare() : [connectionId]) {
    try {
      const { compared, drifts, paid } = await compareErp({ connectionId: id });
      said[id] = `${compared} compared, ${drifts} drifted, payment of ${paid} changed`;
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
      said[id] = `not compared: ${error.cause?.message ?? error.message}`;
    }
    setCurrentDetails(
      Object.entries(said)
        .map(([name, words]) => `${name}: ${words}`)
        .join('\n\n'),
    );
  }
  return said;
}
