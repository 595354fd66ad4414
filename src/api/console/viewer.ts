import type { Context } from 'hono';
import type { Role } from '../../store/reads/api-keys.ts';
import type { Viewer } from '../../ui/shell.tsx';
import type { ApiEnv } from '../env.ts';

/** Who looks at a page. What was just done is told once. */
export function viewerOf(c: Context<ApiEnv>): Viewer {
  const session = c.get('session');
  const { actor, roles } = c.get('caller');
  const { notice } = session;
  session.notice = undefined;
  return { actor, roles, csrf: session.csrf, notice, temporalUiUrl: c.get('temporalUiUrl') };
}

/** True when the signed-in holds one of the roles. */
export function holds(c: Context<ApiEnv>, roles: readonly Role[]): boolean {
  return c.get('caller').roles.some((role) => roles.includes(role));
}
