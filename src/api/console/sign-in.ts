import { timingSafeEqual } from 'node:crypto';
import type { Context, Hono, MiddlewareHandler } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Db } from '../../store/db.ts';
import { callerOf } from '../../store/reads/api-keys.ts';
import { SignInPage } from '../../ui/sign-in-page.tsx';
import { readers } from '../auth.ts';
import { briefly } from '../briefly.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { createSessions } from './sessions.ts';

const cookie = 'wl_session';

/** Sign-in and sign-out; answers the middleware that lets only the signed-in pass, and from forms of their own session. */
export function signInRoutes(app: Hono<ApiEnv>, db: Db): MiddlewareHandler<ApiEnv> {
  const sessions = createSessions();
  const holderOf = briefly((token: string) => callerOf(db, token));

  const signedIn: MiddlewareHandler<ApiEnv> = async (c, next) => {
    const session = sessions.find(getCookie(c, cookie));
    // A key that was revoked ends its sessions.
    const caller = session === undefined ? undefined : await holderOf(session.token);
    if (session === undefined || caller === undefined) {
      const asked = c.req.method === 'GET' ? `${c.req.path}${new URL(c.req.url).search}` : '/';
      return c.redirect(asked === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(asked)}`, 303);
    }
    c.set('session', session);
    c.set('caller', caller);
    if (c.req.method === 'POST' && !sameText(String((await c.req.parseBody())['csrf'] ?? ''), session.csrf)) {
      throw new Problem(403, 'foreignForm', 'This form is not of your present session: load the page again and send it from there.');
    }
    return next();
  };

  app.get('/sign-in', (c) => c.html(SignInPage({ next: localPath(c.req.query('next')) })));
  app.post('/sign-in', async (c) => {
    const form = await c.req.parseBody();
    const key = String(form['key'] ?? '').trim();
    const next = localPath(String(form['next'] ?? ''));
    const caller = key === '' ? undefined : await holderOf(key);
    const refuse = (status: 401 | 403, code: string, detail: string) => c.html(SignInPage({ next, refusal: { status, code, detail } }), status);
    if (caller === undefined) return refuse(401, 'notSignedIn', 'No API key that is in force is like this: look whether it was copied whole, or ask an admin for a new one.');
    if (!caller.roles.some((role) => readers.includes(role))) return refuse(403, 'forbidden', `The console is for the roles ${readers.join(', ')}; this key has ${caller.roles.join(', ')}.`);
    setCookie(c, cookie, sessions.start(key).id, { httpOnly: true, sameSite: 'Strict', path: '/', secure: isEncrypted(c) });
    return c.redirect(next, 303);
  });
  app.post('/sign-out', signedIn, (c) => {
    sessions.end(c.get('session').id);
    deleteCookie(c, cookie, { path: '/' });
    return c.redirect('/sign-in', 303);
  });
  return signedIn;
}

/** A path of this server, whatever was given; so that nobody is led elsewhere after the sign-in. */
function localPath(given: string | undefined): string {
  return given !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(given) && !given.includes('\\') ? given : '/';
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function isEncrypted(c: Context): boolean {
  return new URL(c.req.url).protocol === 'https:' || c.req.header('x-forwarded-proto')?.split(',')[0]?.trim() === 'https';
}
