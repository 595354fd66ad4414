import { describe, expect, it } from 'vitest';
import { until } from '../../src/platform/until.ts';

const failing = (message: string, code?: string) => Object.assign(new Error(message), { code });
const never = () => false;

describe('waiting for a server', () => {
  it('takes as long as a recovery of PostgreSQL does: ended before, it would begin anew at each start', async () => {
    const readyAt = Date.now() + 600;
    const answers = async () => {
      if (Date.now() < readyAt) throw failing('the database system is starting up', '57P03');
    };
    await until('PostgreSQL', answers, never, 200);
    expect(Date.now()).toBeGreaterThanOrEqual(readyAt);
  });

  it('ends when nothing answers in time, when it is stopped, and at a wrong password', async () => {
    const refused = (code: string) => until('PostgreSQL', () => Promise.reject(failing('no', code)), never, 200);
    await expect(refused('ECONNREFUSED')).rejects.toThrow('PostgreSQL did not answer: no');
    await expect(refused('28P01')).rejects.toThrow('refuses the passwords in secrets.json');
    const stopped = Date.now() + 300;
    const recovers = () => Promise.reject(failing('the database system is starting up', '57P03'));
    await expect(until('PostgreSQL', recovers, () => Date.now() > stopped, 200)).rejects.toThrow('starting up');
  });
});
