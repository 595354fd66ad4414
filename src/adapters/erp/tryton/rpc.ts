import { parseMinor } from '../../../core/money.ts';
import { ErpOutcomeUnknown, ErpRefused, ErpUnavailable } from '../port.ts';
import { type Effect, plain, requested, stumbled } from '../request.ts';

export type TrytonServer = {
  /** Such as http://127.0.0.1:8000, without the database. */
  readonly url: string;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** A request without an answer by then has an unknown outcome. */
  readonly timeoutMs: number;
};

export type Rpc = (method: string, params: readonly unknown[], effect: Effect) => Promise<unknown>;

/** Tryton's JSON-RPC behind one session, which is opened when first needed and again when it has run out. Throws the errors of the port. */
export function trytonRpc(server: TrytonServer): Rpc {
  const endpoint = `${server.url.replace(/\/$/, '')}/${encodeURIComponent(server.database)}/rpc/`;
  let session: Promise<string> | undefined;
  const logIn = async (): Promise<string> => {
    const found = await request(endpoint, server, undefined, 'common.db.login', [server.user, { password: server.password }, 'en'], 'reads').catch((error: unknown) => {
      if (error instanceof SessionOver) return undefined;
      throw error;
    });
    // Not the document's fault: it waits until somebody has mended the connection.
    if (!Array.isArray(found)) throw new ErpUnavailable(`Tryton lets user ${server.user} into database ${server.database} with another password only: check the password file`);
    return `Session ${Buffer.from(`${server.user}:${found[0]}:${found[1]}`).toString('base64')}`;
  };
  const authorised = () => {
    session ??= logIn().catch((error: unknown) => {
      session = undefined;
      throw error;
    });
    return session;
  };
  return async (method, params, effect) => {
    try {
      return await request(endpoint, server, await authorised(), method, params, effect);
    } catch (error) {
      if (!(error instanceof SessionOver)) throw error;
      session = undefined;
      return request(endpoint, server, await authorised(), method, params, effect);
    }
  };
}

class SessionOver extends Error {}

async function request(endpoint: string, server: TrytonServer, authorization: string | undefined, method: string, params: readonly unknown[], effect: Effect): Promise<unknown> {
  const headers = { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) };
  const { status, text } = await requested(`Tryton at ${server.url}`, endpoint, { method: 'POST', headers, body: JSON.stringify({ id: 1, method, params }) }, { timeoutMs: server.timeoutMs, effect });
  if (status === 401) throw new SessionOver('the session is over');
  if (status !== 200) throw stumbled(`Tryton answers ${status}`, plain(text), effect);
  const { error, result } = JSON.parse(text) as { error?: readonly unknown[]; result?: unknown };
  if (error === undefined) return result;
  throw refusalOf(error, effect);
}

/** Errors come as `["UserError", [message, description, …]]`, `["UserWarning", [id, name, message, …]]`, or with a class of Python's. */
function refusalOf(error: readonly unknown[], effect: Effect): Error {
  const [kind, detail] = error;
  const parts = Array.isArray(detail) ? detail.filter((p): p is string => typeof p === 'string' && p !== '') : [String(detail)];
  if (kind === 'UserError' || kind === 'UserWarning' || kind === 'AccessError') return new ErpRefused(parts.join(' ').slice(0, 500));
  if (kind === 'ConcurrencyException') return new ErpOutcomeUnknown('another writer changed it meanwhile', parts.join(' '));
  return stumbled('Tryton stumbles', `${String(kind)} ${parts.join(' ')}`.slice(0, 500), effect);
}

export function decimal(text: string): unknown {
  return { __class__: 'Decimal', decimal: text };
}

/** Minor units of a Decimal, which may have more zeros behind its point than the currency has decimals. Throws RangeError on other digits there. */
export function minorOf({ decimal: text }: { readonly decimal: string }, currency: string): bigint {
  return parseMinor(text.replace(/\.0+$|(\.\d*[1-9])0+$/, '$1'), currency);
}

export function day(iso: string): unknown {
  const [year, month, date] = iso.split('-').map(Number);
  return { __class__: 'date', year, month, day: date };
}

/** ISO text of a date as Tryton tells it. */
export function isoOf(value: { readonly year: number; readonly month: number; readonly day: number }): string {
  return `${value.year}-${String(value.month).padStart(2, '0')}-${String(value.day).padStart(2, '0')}`;
}
