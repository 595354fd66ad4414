import { ErpOutcomeUnknown, ErpPeriodClosed, ErpRefused, ErpUnavailable } from '../port.ts';
import { type Answered, type Effect, plain, requested, stumbled } from '../request.ts';

export type BusinessCentralServer = {
  /** Up to the environment, such as https://api.businesscentral.dynamics.com/v2.0/{tenant}/Production/api/v2.0. */
  readonly url: string;
  readonly companyId: string;
  /** Where tokens come from, such as https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token. */
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly timeoutMs: number;
};
export type BatchRequest = { readonly method: 'POST' | 'DELETE'; readonly path: string; readonly body?: unknown; readonly etag?: string };

/** A `$batch` takes no more. */
export const maxBatch = 100;
const scope = 'https://api.businesscentral.dynamics.com/.default';
/** A token is renewed before it ends, so that no request meets its end. */
const renewBeforeMs = 60_000;

export type OData = {
  /** All rows of a collection below the company, over all its pages. */
  all<T>(path: string): Promise<T[]>;
  post(path: string, body?: unknown): Promise<unknown>;
  /** At most `maxBatch` requests, all or none (`Isolation: snapshot`); what each answered, in their order. */
  batch(requests: readonly BatchRequest[]): Promise<readonly unknown[]>;
};

/** Business Central's OData behind a token of the client credentials flow. Throws the errors of the port. */
export function businessCentralOData(server: BusinessCentralServer): OData {
  const who = `Business Central at ${new URL(server.url).host}`;
  const company = `companies(${server.companyId})`;
  let token: Promise<{ readonly text: string; readonly untilMs: number }> | undefined;
  const authorised = async (): Promise<string> => {
    if (token !== undefined && (await token).untilMs <= Date.now()) token = undefined;
    token ??= logIn(server, who).catch((error: unknown) => {
      token = undefined;
      throw error;
    });
    return `Bearer ${(await token).text}`;
  };
  const send = async (url: string, effect: Effect, init: RequestInit & { headers?: Record<string, string> }): Promise<Answered> => {
    const once = async () => requested(who, url, { ...init, headers: { accept: 'application/json', ...init.headers, authorization: await authorised() } }, { timeoutMs: server.timeoutMs, effect });
    const answer = await once();
    if (answer.status !== 401) return answer;
    token = undefined;
    return once();
  };
  const json = { 'content-type': 'application/json' };
  return {
    async all<T>(path: string) {
      const rows: T[] = [];
      for (let url: string | undefined = `${server.url}/${company}/${path}`; url !== undefined; ) {
        const page = JSON.parse(taken(await send(url, 'reads', { method: 'GET' }), 'reads').text) as { value: T[]; '@odata.nextLink'?: string };
        rows.push(...page.value);
        url = page['@odata.nextLink'];
      }
      return rows;
    },
    async post(path, body) {
      const { text } = taken(await send(`${server.url}/${company}/${path}`, 'writes', { method: 'POST', headers: json, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }), 'writes');
      return text === '' ? undefined : JSON.parse(text);
    },
    async batch(requests) {
      const body = {
        requests: requests.map(({ method, path, body: content, etag }, i) => ({
          id: String(i + 1),
          method,
          url: `${company}/${path}`,
          headers: { ...(content === undefined ? {} : json), ...(etag === undefined ? {} : { 'If-Match': etag }) },
          ...(content === undefined ? {} : { body: content }),
        })),
      };
      const { text } = taken(await send(`${server.url}/$batch`, 'writes', { method: 'POST', headers: { ...json, isolation: 'snapshot' }, body: JSON.stringify(body) }), 'writes');
      const { responses } = JSON.parse(text) as { responses: { status: number; body?: unknown }[] };
      const failed = responses.find((r) => r.status >= 400);
      if (failed !== undefined) taken({ status: failed.status, headers: new Headers(), text: JSON.stringify(failed.body ?? '') }, 'writes');
      if (responses.length < requests.length) throw new ErpOutcomeUnknown(`${who} answers ${responses.length} of ${requests.length} requests of a batch`);
      return responses.map((r) => r.body);
    },
  };
}

async function logIn(server: BusinessCentralServer, who: string): Promise<{ text: string; untilMs: number }> {
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: server.clientId, client_secret: server.clientSecret, scope });
  const answer = await requested(`the token server of ${who}`, server.tokenUrl, { method: 'POST', body: form }, { timeoutMs: server.timeoutMs, effect: 'reads' });
  if (answer.status !== 200) throw new ErpUnavailable(`${who} gives no token (${answer.status}): check the client's id, its secret and its end date`);
  const { access_token, expires_in } = JSON.parse(answer.text) as { access_token: string; expires_in: number };
  return { text: access_token, untilMs: Date.now() + expires_in * 1000 - renewBeforeMs };
}

/** An answer that was taken; throws what the others mean. */
function taken(answer: Answered, effect: Effect): Answered {
  const { status, text } = answer;
  if (status < 400) return answer;
  const { code = '', message = plain(text) } = errorOf(text);
  const said = message.replace(/\s*CorrelationId:.*$/s, '');
  const words = `Business Central: ${said}`;
  const answers = `Business Central answers ${status}`;
  if (status === 401 || status === 403) throw new ErpUnavailable(`${answers}; check the permissions of the client`, undefined, said);
  if (status === 429) throw new ErpUnavailable(answers, undefined, said);
  if (/range of allowed posting dates|accounting period|fiscal year/i.test(message)) throw new ErpPeriodClosed(`${words}; open it there, then retry`);
  // Somebody else changed the row meanwhile: what stands now is looked up.
  if (status === 409 || status === 412 || code === 'Internal_EntityWithSameKeyExists') throw new ErpOutcomeUnknown(answers, `${said} (${code})`);
  if (status >= 500 || status === 408) throw stumbled(answers, said, effect);
  throw new ErpRefused(words);
}

function errorOf(text: string): { readonly code?: string; readonly message?: string } {
  try {
    return (JSON.parse(text) as { error?: { code?: string; message?: string } }).error ?? {};
  } catch {
    return {};
  }
}
