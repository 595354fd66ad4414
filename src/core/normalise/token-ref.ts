import { createHmac } from 'node:crypto';
import type { ChargeFacts, SourceFacts } from '../../contracts/charge-record.ts';

/**
 * The reference that stands for a token in sealed records: keyed, so that nobody without the installation's secret gets from one to the
 * other, and the same for every source, so that one session by two routes is found. UIDs are case-insensitive (OCPI 2.2.1 types, CiString).
 */
export function tokenRefOf(secret: Buffer, uid: string): string {
  const known = refs.get(uid);
  if (known?.secret.equals(secret)) return known.ref;
  const ref = createHmac('sha256', secret).update(uid.toLowerCase()).digest('base64url').slice(0, 22);
  if (refs.size >= refsKept) refs.clear();
  refs.set(uid, { secret, ref });
  return ref;
}

/** Those asked for of late: a token comes again within a page or two. */
const refs = new Map<string, { readonly secret: Buffer; readonly ref: string }>();
const refsKept = 20_000;

/** Facts as they may be sealed: the token by its reference. */
export function sealableFacts({ tokenKey, ...facts }: SourceFacts, secret: Buffer): ChargeFacts {
  return { ...facts, tokenRef: tokenRefOf(secret, tokenKey) };
}
