import { randomUUID } from 'node:crypto';
import { hasCredentials } from '../../contracts/has-credentials.ts';
import type { OcpiParty } from '../../contracts/ocpi.ts';
import { withoutMark } from '../sources/ndjson.ts';
import { OcpiRefused, OcpiUnavailable } from './failures.ts';
import { itemsOf, membersOf } from './json-slices.ts';
import { authorizationOf, type TokenCoding } from './token-coding.ts';

/** How a peer is called. `route` is left out for versions and credentials, which are never routed, and in 2.1.1, which knows no routing. */
export type OcpiCaller = { readonly token: string; readonly coding: TokenCoding; readonly timeoutMs?: number; readonly route?: { readonly from: OcpiParty; readonly to: OcpiParty } };
export type OcpiAnswer = { readonly httpStatus: number; readonly headers: Headers; readonly data: Buffer | undefined };
/** `total` is X-Total-Count. */
export type OcpiPage = { readonly items: readonly Buffer[]; readonly next: string | undefined; readonly total: number | undefined };

const defaultTimeoutMs = 30_000;
/** A page of a thousand CDRs with their tariffs is a tenth of this. */
const maxAnswerBytes = 64 * 1024 * 1024;
const longestWords = 300;

/** Sends one request and reads the OCPI answer. Throws OcpiUnavailable for what may go through later, OcpiRefused for what will not. Redirects are not followed: they would carry the token elsewhere. */
export async function callOcpi(caller: OcpiCaller, method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: string): Promise<OcpiAnswer> {
  const { response, bytes } = await send(caller, method, url, body);
  const members = membersOf(bytes);
  const statusCode = Number(members?.get('status_code')?.toString('utf8'));
  const words = wordsOf(members?.get('status_message')) ?? bytes.toString('utf8').slice(0, longestWords);
  const answered = `${method} ${withoutQuery(url)} answered ${response.status}${Number.isInteger(statusCode) ? `, OCPI ${statusCode}` : ''}`;
  if (response.status === 429 || response.status === 408 || response.status >= 500) throw new OcpiUnavailable(answered, retryAfterOf(response), words);
  if (!response.ok) throw new OcpiRefused(answered, response.status, Number.isInteger(statusCode) ? statusCode : undefined, words);
  if (!Number.isInteger(statusCode)) throw new OcpiUnavailable(`${method} ${withoutQuery(url)} answered what is no OCPI message`);
  if (statusCode >= 2000 && statusCode < 3000) throw new OcpiRefused(answered, response.status, statusCode, words);
  // 3xxx is trouble of the server, 4xxx of a hub on its way to the partner.
  if (statusCode >= 3000) throw new OcpiUnavailable(answered, undefined, words);
  return { httpStatus: response.status, headers: response.headers, data: members?.get('data') };
}

/** One page of a list. An answer that is no list is OcpiUnavailable: nothing of it is taken. */
export async function ocpiPage(caller: OcpiCaller, url: string): Promise<OcpiPage> {
  const { headers, data } = await callOcpi(caller, 'GET', url);
  const items = data === undefined ? undefined : itemsOf(data);
  if (items === undefined) throw new OcpiUnavailable(`GET ${withoutQuery(url)} answered no list`);
  const total = headers.get('x-total-count');
  return { items, next: nextOf(headers.get('link'), url), total: total !== null && /^\d{1,9}$/.test(total.trim()) ? Number(total) : undefined };
}

/** The URL of the next page, on the host that was asked: a token goes nowhere else. Undefined on the last one. */
function nextOf(link: string | null, asked: string): string | undefined {
  const found = link === null ? undefined : /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(link)?.[1];
  if (found === undefined || found.trim() === '') return undefined;
  const [base, next] = [new URL(asked), new URL(found.trim(), asked)];
  base.search = next.search;
  return base.href === asked ? undefined : base.href;
}

async function send(caller: OcpiCaller, method: string, url: string, body: string | undefined): Promise<{ response: Response; bytes: Buffer }> {
  // Of a peer that was registered before such addresses were refused: fetch would quote it.
  if (hasCredentials(url)) throw new OcpiUnavailable(`${method} ${withoutQuery(url)}: its address holds a user or a password, with which nothing is called: have the peer renew its endpoints without`);
  try {
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      signal: AbortSignal.timeout(caller.timeoutMs ?? defaultTimeoutMs),
      headers: {
        authorization: authorizationOf(caller.token, caller.coding),
        accept: 'application/json',
        'x-request-id': randomUUID(),
        'x-correlation-id': randomUUID(),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(caller.route === undefined ? {} : routingHeaders(caller.route)),
      },
      ...(body === undefined ? {} : { body }),
    });
    return { response, bytes: withoutMark(await readUpTo(response, maxAnswerBytes)) };
  } catch (error) {
    if (error instanceof OcpiUnavailable) throw error;
    const { message, name, cause } = error as Error;
    const why = name === 'TimeoutError' ? 'no answer in time' : ((cause as Error | undefined)?.message ?? message);
    throw new OcpiUnavailable(`${method} ${withoutQuery(url)}: ${why}`);
  }
}

/** 2.2.1 transport_and_format, Message routing headers. */
function routingHeaders({ from, to }: { readonly from: OcpiParty; readonly to: OcpiParty }): Record<string, string> {
  return { 'ocpi-from-country-code': from.countryCode, 'ocpi-from-party-id': from.partyId, 'ocpi-to-country-code': to.countryCode, 'ocpi-to-party-id': to.partyId };
}

async function readUpTo(response: Response, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > limit) throw new OcpiUnavailable(`the answer is longer than ${limit / 1024 / 1024} MB: ask for smaller pages`);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

function wordsOf(json: Buffer | undefined): string | undefined {
  try {
    const words: unknown = json === undefined ? undefined : JSON.parse(json.toString('utf8'));
    return typeof words === 'string' ? words.slice(0, longestWords) : undefined;
  } catch {
    return undefined;
  }
}

function retryAfterOf(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after'));
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 3600) * 1000 : undefined;
}

/** As a message may show it: without a query, and without whom it signs in. */
export function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, '').replace(/^(\w+:\/\/)[^/]*@/, '$1');
}
