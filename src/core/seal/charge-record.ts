import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { ChargeFacts } from '../../contracts/charge-record.ts';
import type { Charge } from '../allocate/charges.ts';

// The package is CommonJS whose types declare a default export that is not there.
const canonicalize = createRequire(import.meta.url)('canonicalize') as (value: unknown) => string | undefined;

export type SealedRecord = {
  /** RFC 8785 canonical JSON, UTF-8: exactly these bytes are hashed and kept. */
  readonly canonical: Buffer;
  readonly factsHash: Buffer;
  readonly ratingHash: Buffer;
  readonly allocationHash: Buffer;
  /** SHA-256 of the canonical bytes, which hold the three section hashes. */
  readonly recordHash: Buffer;
};

export type RecordSections = {
  readonly recordId: bigint;
  readonly revision: number;
  readonly sessionKey: string;
  readonly facts: ChargeFacts;
  readonly siteId: string;
  readonly accountId: string;
  readonly rating: { readonly tariffVersionId: string; readonly total: string; readonly explanation: readonly string[] };
  readonly charges: readonly Charge[];
};

/** SHA-256 of bytes or text. */
export function sha256(data: Buffer | Uint8Array | string): Buffer {
  return createHash('sha256').update(data).digest();
}

/** RFC 8785 bytes of a JSON value; bigints must be turned into strings before. */
export function canonicalBytes(value: unknown): Buffer {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return Buffer.from(text);
}

/** Hash of one charge: over its own canonical figures, made once when it is rated. No surrogate id in it, so that the order of arrival leaves it alone. */
export function chargeHash(recordKey: string, revision: number, charge: Charge, isReversal: boolean): Buffer {
  return sha256(canonicalBytes({ recordKey, revision, isReversal, ...jsonOf(charge) }));
}

/** Seals facts, rating and allocation as one immutable record; each section has its own hash. */
export function sealRecord(sections: RecordSections): SealedRecord {
  const facts = { ...sections.facts, siteId: sections.siteId, accountId: sections.accountId };
  const allocation = sections.charges.map(jsonOf);
  const factsHash = sha256(canonicalBytes(facts));
  const ratingHash = sha256(canonicalBytes(sections.rating));
  const allocationHash = sha256(canonicalBytes(allocation));
  const canonical = canonicalBytes({
    schema: '/schemas/charge-record/1.json',
    recordId: sections.recordId.toString(),
    revision: sections.revision,
    sessionKey: sections.sessionKey,
    facts,
    rating: sections.rating,
    allocation,
    hashes: { facts: factsHash.toString('hex'), rating: ratingHash.toString('hex'), allocation: allocationHash.toString('hex') },
  });
  return { canonical, factsHash, ratingHash, allocationHash, recordHash: sha256(canonical) };
}

function jsonOf(charge: Charge): Record<string, unknown> {
  return Object.fromEntries(Object.entries(charge).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value]));
}
