import { describe, expect, it } from 'vitest';
import { createSessions } from '../../src/api/console/sessions.ts';

const hour = 3_600_000;

describe('sessions of the console', () => {
  it('end after an hour without use, and after twelve hours with it', () => {
    let now = 0;
    const sessions = createSessions(() => now);
    const idle = sessions.start('a');
    const used = sessions.start('b');
    for (now = 0; now <= 12 * hour; now += hour / 2) expect(sessions.find(used.id)).toBe(used);
    expect(sessions.find(idle.id)).toBeUndefined();
    now = 12 * hour + 1;
    expect(sessions.find(used.id)).toBeUndefined();
  });
  it('have ids and form tokens nobody can guess, and end when told', () => {
    const sessions = createSessions();
    const all = Array.from({ length: 100 }, () => sessions.start('same key'));
    expect(new Set(all.flatMap((s) => [s.id, s.csrf])).size).toBe(200);
    expect(all.every((s) => s.id.length === 43 && !JSON.stringify([s.id, s.csrf]).includes('same key'))).toBe(true);
    sessions.end(all[0]?.id ?? '');
    expect([sessions.find(all[0]?.id), sessions.find(undefined), sessions.find(all[1]?.id)]).toEqual([undefined, undefined, all[1]]);
  });
});
