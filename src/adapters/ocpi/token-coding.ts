/** How a credentials token stands in the Authorization header: as it is in 2.1.1, Base64 since 2.2. */
export type TokenCoding = 'base64' | 'plain';

/** The value of an Authorization header. */
export function authorizationOf(token: string, coding: TokenCoding): string {
  return `Token ${coding === 'base64' ? Buffer.from(token, 'utf8').toString('base64') : token}`;
}

/**
 * What token an Authorization header may mean, likeliest first; empty when it names none. 2.2.1 transport_and_format, Authorization
 * header: many do not encode what they should, so both ways are tried. A token is random, so nobody gains by the second try.
 */
export function tokensOf(header: string | undefined): string[] {
  const given = /^Token +(\S+)$/i.exec(header ?? '')?.[1];
  if (given === undefined || given.length > 512) return [];
  const decoded = /^[A-Za-z0-9+/]+={0,2}$/.test(given) ? Buffer.from(given, 'base64').toString('utf8').trim() : '';
  return /^[\x21-\x7e]+$/.test(decoded) && decoded !== given ? [decoded, given] : [given];
}
