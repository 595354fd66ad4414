import { heartbeat } from '@temporalio/activity';

const everyMs = 3000;

/** Beats while `work` runs, so that a killed worker is missed within seconds and the step is taken up by another, which is told how far it was. */
export async function beating<T>(work: () => Promise<T>, howFar: () => unknown = () => undefined): Promise<T> {
  const timer = setInterval(() => heartbeat(howFar()), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
