import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { registerSearchAttributes } from '../../src/stack/temporal-worker.ts';
import { seeded } from '../support/seeded.ts';

let seed: Awaited<ReturnType<typeof seeded>>;
const namespace = `test-${randomUUID()}`;

beforeAll(async () => {
  seed = await seeded();
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: { seconds: 86_400 as never } });
  await connection.close();
});
afterAll(() => seed.drop());

describe('the process of a worker', () => {
  it('says where it looked, and what to do, when Temporal is away, as does the whole stack', async () => {
    // Both begin so. Nobody listens there.
    await expect(registerSearchAttributes('127.0.0.1:1', namespace)).rejects.toThrow(
      'Temporal at 127.0.0.1:1 cannot be reached (Failed to connect before the deadline): look whether it runs, and whether TEMPORAL_ADDRESS is its address',
    );
  });

  it('ends when its worker fails, though its parent lives, so that it is started again', async () => {
    // As when its namespace goes, or is closed to it, which the SDK takes a minute to see.
    const code = `import { Worker } from '@temporalio/worker';
      import { runWorker } from '${path.resolve('dist/worker.js')}';
      const { run } = Worker.prototype;
      Worker.prototype.run = async function () {
        const running = run.call(this);
        setTimeout(() => this.shutdown(), 200);
        await running;
        throw new Error('the namespace is gone');
      };
      await runWorker({ withParent: true }).catch(({ message }) => { console.log(message); process.exitCode = 1; });`;
    const env = {
      ...process.env,
      DATABASE_URL: seed.database.url,
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TEMPORAL_NAMESPACE: namespace,
      WATTLEDGER_ENV: 'test',
      WATTLEDGER_HOME: path.join(inject('home'), 'worker'),
    };
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (data) => {
      said += data;
    });
    try {
      await expect.poll(() => [said.trim(), child.exitCode], { timeout: 40_000 }).toEqual(['the namespace is gone', 1]);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
