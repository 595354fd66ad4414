import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';

/** Waits until the server answers for a namespace, which exists only some time after the port is open. */
export async function temporalHealthy(address: string, namespace: string, lost: AbortSignal, seconds = 30): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; ; ) {
    lost.throwIfAborted();
    let connection: Connection | undefined;
    try {
      connection = await Connection.connect({ address, connectTimeout: 2000 });
      await connection.workflowService.describeNamespace({ namespace });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`Temporal at ${address} is not healthy: ${(error as Error).message}`, { cause: error });
    } finally {
      await connection?.close();
    }
    await sleep(100);
  }
}
