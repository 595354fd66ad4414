import { randomBytes } from 'node:crypto';

const idleMs = 60 * 60_000;
const lifeMs = 12 * 60 * 60_000;
const mostSessions = 10_000;

/** Somebody who signed in. The key stays in this process; the browser holds the session's random id alone. */
export type Session = {
  readonly id: string;
  readonly token: string;
  /** Goes with every form of the session. */
  readonly csrf: string;
  readonly endsAt: number;
  usedAt: number;
  notice?: string | undefined;
};

/** Sessions of this process; they end after an hour without use, after twelve hours, and with the process. `now` in ms. */
export function createSessions(now: () => number = Date.now) {
  const open = new Map<string, Session>();
  const isOver = (session: Session) => now() > session.endsAt || now() > session.usedAt + idleMs;
  return {
    start(token: string): Session {
      for (const session of open.values()) if (isOver(session)) open.delete(session.id);
      // The oldest one gives way.
      for (const [id] of open) {
        if (open.size < mostSessions) break;
        open.delete(id);
      }
      const session: Session = { id: randomBytes(32).toString('base64url'), token, csrf: randomBytes(32).toString('base64url'), endsAt: now() + lifeMs, usedAt: now() };
      open.set(session.id, session);
      return session;
    },
    find(id: string | undefined): Session | undefined {
      const session = id === undefined ? undefined : open.get(id);
      if (session === undefined) return undefined;
      if (isOver(session)) {
        open.delete(session.id);
        return undefined;
      }
      session.usedAt = now();
      return session;
    },
    end(id: string): void {
      open.delete(id);
    },
  };
}
