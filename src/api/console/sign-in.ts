import { timingSafeEqual } from 'node:crypto';
import type { Context, Hono, MiddlewareHandler, Next } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Db } from '../../store/db.ts';
import { callerOf } from '../../store/reads/api-keys.ts';
import { resumeKey, SignInPage } from '../../ui/sign-in-page.tsx';
import { readers } from '../auth.ts';
import { briefly } from '../briefly.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { createSessions } from './sessions.ts';

const cookie = 'wl_session';
const signOutPath = '/sign-out';

/** Sign-in and sign-out; answers the middleware that lets only the signed-in pass; a form that is not of their session is shown again, and carries nothing out. */
export function signInRoutes(app: Hono<ApiEnv>, db: Db): MiddlewareHandler<ApiEnv> {
  const sessions = createSessions();
  const holderOf = briefly((token: string) => callerOf(db, token));

  const signedIn: MiddlewareHandler<ApiEnv> = async (c, next) => {
    const session = sessions.find(getCookie(c, cookie));
    // A key that was revoked ends its sessions.
    const caller = session === undefined ? undefined : await holderOf(session.token);
    if (session === undefined || caller === undefined) {
      const typed = c.req.method === 'POST' ? typedIn(await c.req.parseBody()) : {};
      if (Object.keys(typed).length > 0) return resume(c, next, typed);
      const asked = c.req.method === 'GET' ? `${c.req.path}${new URL(c.req.url).search}` : '/';
      return c.redirect(asked === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(asked)}`, 303);
    }
    c.set('session', session);
    c.set('caller', caller);
    if (c.req.method !== 'POST') return next();
    const form = await c.req.parseBody();
    if (sameText(String(form['csrf'] ?? ''), session.csrf)) return next();
    if (c.req.path === signOutPath || Object.keys(typedIn(form)).length === 0)
      throw new Problem(403, 'foreignForm', 'This form is not of your present session: load the page again and send it from there.');
    // Of a session before this one: what was typed is shown again, and nothing is carried out.
    c.set('resumed', { refusal: { status: 403, code: 'foreignForm', detail: 'This form is not of your present session, and was not carried out: look at it, and send it again.' } });
    return next();
  };

  /** A form that was sent without a session: what was typed goes with the sign-in, to the form itself, which shows it again. */
  const resume = async (c: Context<ApiEnv>, next: Next, typed: Readonly<Record<string, string>>) => {
    const page = { next: c.req.path, typed };
    const key = (await c.req.parseBody())[resumeKey];
    if (typeof key !== 'string')
      return c.html(
        SignInPage({
          ...page,
          refusal: { status: 401, code: 'notSignedIn', detail: 'Your session is over, and what you sent was not carried out. Sign in, and the form is here again as you filled it in.' },
        }),
        401,
      );
    const opened = await open(c, key);
    if (opened.session === undefined) return c.html(SignInPage({ ...page, refusal: opened }), opened.status);
    c.set('session', opened.session);
    c.set('caller', opened.caller);
    c.set('resumed', {});
    return next();
  };

  /** Begins a session with a key, and gives it to the browser; or says why not. */
  const open = async (c: Context<ApiEnv>, given: string) => {
    const key = given.trim();
    const caller = key === '' ? undefined : await holderOf(key);
    if (caller === undefined)
      return { status: 401, code: 'notSignedIn', detail: 'No API key that is in force is like this: look whether it was copied whole, or ask an admin for a new one.' } as const;
    if (!caller.roles.some((role) => readers.includes(role)))
      return { status: 403, code: 'forbidden', detail: `The console is for the roles ${readers.join(', ')}; this key has ${caller.roles.join(', ')}.` } as const;
    const session = sessions.start(key);
    setCookie(c, cookie, session.id, { httpOnly: true, sameSite: 'Strict', path: '/', secure: isEncrypted(c) });
    return { session, caller };
  };

  app.get('/sign-in', (c) => c.html(SignInPage({ next: localPath(c.req.query('next')) })));
  app.post('/sign-in', async (c) => {
    const form = await c.req.parseBody();
    const next = localPath(String(form['next'] ?? ''));
    const opened = await open(c, String(form['key'] ?? ''));
    return opened.session === undefined ? c.html(SignInPage({ next, refusal: opened }), opened.status) : c.redirect(next, 303);
  });
  app.post(signOutPath, signedIn, (c) => {
    sessions.end(c.get('session').id);
    deleteCookie(c, cookie, { path: '/' });
    return c.redirect('/sign-in', 303);
  });
  return signedIn;
}

/** The fields of a form, without what belongs to its session and its buttons. */
function typedIn(form: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(form).flatMap(([name, value]) => (typeof value !== 'string' || ['csrf', 'step', resumeKey].includes(name) ? [] : [[name, value]])));
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
