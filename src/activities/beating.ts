import { heartbeat } from '@temporalio/activity';

const everyMs = 3000;

/** Beats, with `details`, while `work` runs, so that a killed worker is missed within seconds and the step is taken up by another. */
export async function beating<T>(work: () => Promise<T>, details?: unknown): Promise<T> {
  const timer = setInterval(() => heartbeat(details), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
