import type { z } from 'zod';
import { type OcpiCredentials, type OcpiEndpoint, type OcpiRole, type OcpiVersion, ocpiCredentials, ocpiVersionDetails, ocpiVersionList, ocpiVersions } from '../../contracts/ocpi.ts';
import { callOcpi, type OcpiCaller, withoutQuery } from './client.ts';
import { OcpiRefused, OcpiUnavailable } from './failures.ts';
import type { TokenCoding } from './token-coding.ts';

/** What a peer offers in the version that both speak. */
export type Offer = { readonly version: OcpiVersion; readonly coding: TokenCoding; readonly endpoints: readonly OcpiEndpoint[] };

/** No version, or no module, that both sides have: OCPI 3002 and 3003. */
export class NothingInCommon extends Error {
  override name = 'NothingInCommon';
  readonly statusCode: 3002 | 3003;
  constructor(statusCode: 3002 | 3003, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

/**
 * Reads a peer's versions and the endpoints of one of them: `wanted`, or the newest that both speak. Before a version is agreed on nobody
 * knows how the token is coded, so Base64 is tried first and plain when that is not known there.
 */
export async function fetchOffer(versionsUrl: string, token: string, wanted?: OcpiVersion): Promise<Offer> {
  const { coding, versions } = await fetchVersions(versionsUrl, token, wanted === '2.1.1' ? ['plain', 'base64'] : ['base64', 'plain']);
  const version = wanted ?? ocpiVersions.findLast((v) => versions.some((offered) => offered.version === v));
  const found = versions.find((offered) => offered.version === version);
  if (version === undefined || found === undefined) {
    throw new NothingInCommon(3002, `${withoutQuery(versionsUrl)} offers ${versions.map((v) => v.version).join(', ') || 'no version'}; wanted ${wanted ?? ocpiVersions.join(', ')}`);
  }
  const spoken = codingIn(version, coding);
  const details = read(ocpiVersionDetails, (await callOcpi({ token, coding: spoken }, 'GET', found.url)).data, found.url);
  const endpoints = details.endpoints;
  if (!endpoints.some((e) => e.identifier === 'credentials')) throw new NothingInCommon(3003, `${withoutQuery(found.url)} names no credentials endpoint`);
  if (!endpoints.some((e) => e.identifier === 'cdrs')) throw new NothingInCommon(3003, `${withoutQuery(found.url)} names no cdrs endpoint, and CDRs are what we exchange`);
  return { version, coding: spoken, endpoints };
}

async function fetchVersions(url: string, token: string, codings: readonly TokenCoding[]): Promise<{ coding: TokenCoding; versions: z.infer<typeof ocpiVersionList> }> {
  for (const coding of codings) {
    try {
      return { coding, versions: read(ocpiVersionList, (await callOcpi({ token, coding }, 'GET', url)).data, url) };
    } catch (error) {
      const unknownToken = error instanceof OcpiRefused && (error.httpStatus === 401 || error.httpStatus === 403);
      if (!unknownToken || coding === codings.at(-1)) throw error;
    }
  }
  throw new OcpiUnavailable(`${withoutQuery(url)} knows the token in no coding`);
}

/** 2.1.1 never codes; later versions do, unless the peer was found to take it plain only. */
function codingIn(version: OcpiVersion, found: TokenCoding): TokenCoding {
  return version === '2.1.1' ? 'plain' : found;
}

/** Sends our credentials and reads theirs. */
export async function exchangeCredentials(caller: OcpiCaller, method: 'POST' | 'PUT', url: string, ours: object): Promise<OcpiCredentials> {
  return read(ocpiCredentials, (await callOcpi(caller, method, url, JSON.stringify(ours))).data, url);
}

/** Our credentials in the words of a version: 2.1.1 names one party, later ones its roles. */
export function credentialsFor(
  version: OcpiVersion,
  { token, url, name, roles }: { readonly token: string; readonly url: string; readonly name: string; readonly roles: readonly OcpiRole[] },
): object {
  const [first] = roles;
  if (version !== '2.1.1') return { token, url, roles: roles.map((role) => ({ ...role, business_details: { name } })) };
  return { token, url, business_details: { name }, party_id: first?.party_id, country_code: first?.country_code };
}

/**
 * Where a module of the peer lies; undefined when it has none. In 2.1.1 no role tells the sides apart: who names a module twice mostly has
 * `cpo` in the path of the sender and `emsp` in that of the receiver.
 */
export function endpointOf(endpoints: readonly OcpiEndpoint[], identifier: string, role: 'SENDER' | 'RECEIVER'): string | undefined {
  const fitting = endpoints.filter((e) => e.identifier === identifier && (e.role ?? role) === role);
  const side = role === 'SENDER' ? /\/cpo\//i : /\/emsp\//i;
  return (fitting.find((e) => side.test(e.url)) ?? fitting[0])?.url;
}

function read<T>(schema: z.ZodType<T>, data: Buffer | undefined, url: string): T {
  let json: unknown;
  try {
    json = data === undefined ? undefined : JSON.parse(data.toString('utf8'));
  } catch {
    json = undefined;
  }
  const found = schema.safeParse(json);
  if (found.success) return found.data;
  throw new OcpiUnavailable(
    `${withoutQuery(url)} answered in another shape: ${found.error.issues
      .map((i) => `${i.path.join('.')}: ${i.message}`)
      .join('; ')
      .slice(0, 300)}`,
  );
}
