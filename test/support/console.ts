import type { Answer, ApiUnderTest } from './api.ts';

/** A person at the console: keeps the cookie and sends forms as a browser of this site would. */
export type Person = {
  get(path: string): Promise<Answer>;
  /** Sends a form as it is. */
  post(path: string, fields: Readonly<Record<string, string>>, headers?: Record<string, string>): Promise<Answer>;
  /** Opens an order's page, and sends its form with these fields, confirmed. */
  order(path: string, fields: Readonly<Record<string, string>>): Promise<Answer>;
  /** The same as far as the question whether it is right. */
  check(path: string, fields: Readonly<Record<string, string>>): Promise<Answer>;
};
export const sameSite = { origin: 'http://localhost', 'content-type': 'application/x-www-form-urlencoded' };

/** Signs in with the key of a sample user. */
export async function signIn(api: ApiUnderTest, user: string): Promise<Person> {
  const answer = await api.call(undefined, 'POST', '/sign-in', new URLSearchParams({ key: `token-${user}`, next: '/' }).toString(), sameSite);
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  const get = (path: string) => api.call(undefined, 'GET', path, undefined, { cookie });
  const post = (path: string, fields: Readonly<Record<string, string>>, headers: Record<string, string> = {}) =>
    api.call(undefined, 'POST', path, new URLSearchParams(fields).toString(), { ...sameSite, cookie, ...headers });
  const send = async (path: string, fields: Readonly<Record<string, string>>, step: string) => {
    const { body } = await get(path);
    const [action = path] = path.split('?');
    return post(action, { ...hiddenOf(body), ...fields, step });
  };
  return { get, post, order: (path, fields) => send(path, fields, 'carryOut'), check: (path, fields) => send(path, fields, 'check') };
}

/** What a pattern's group matches on a page and all that follow it. */
export async function onAllPages(person: Person, from: string, pattern: RegExp): Promise<readonly string[]> {
  const found: string[] = [];
  for (let path: string | undefined = from; path !== undefined; ) {
    const { body } = await person.get(path);
    found.push(...[...body.matchAll(pattern)].map(([, one = '']) => one));
    path = /rel="next" href="([^"]+)"/.exec(body)?.[1]?.replaceAll('&amp;', '&');
  }
  return found;
}

/** Hidden fields of a page's last form. */
export function hiddenOf(html: string): Record<string, string> {
  const form = html.slice(html.lastIndexOf('<form'));
  return Object.fromEntries([...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]));
}

const entities: Readonly<Record<string, string>> = { '&quot;': '"', '&#39;': "'", '&lt;': '<', '&gt;': '>', '&amp;': '&' };

/** What a page says, without its tags. */
export function textOf(html: string): string {
  return html
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/&(quot|#39|lt|gt|amp);/g, (entity) => entities[entity] ?? entity)
    .trim();
}
