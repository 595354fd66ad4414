import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { factsHash } from '../normalise/facts-hash.ts';

/** One version of a CDR's content: its hash, and when the source wrote it by its own clock (epoch ms; null where its format does not say). */
export type Version = { readonly hash: Buffer; readonly updatedAt: number | null };

/** The version that a message is of its CDR. A credit made at the very instant of its CDR, as by who copies it, is the newer of the two. */
export function versionOf(facts: ChargeFacts, { updatedAt, credit = false }: { readonly updatedAt?: number; readonly credit?: boolean }): Version {
  return { hash: factsHash(facts, credit), updatedAt: updatedAt === undefined ? null : updatedAt + Number(credit) };
}

/** The version that is booked or rejected, and the one that waits, of a record. A waiting one that cannot be read has no hash. */
export type Standing = { readonly standing: Version | null; readonly waiting: { readonly hash: Buffer | null; readonly updatedAt: number | null } | null };

/** What a version that arrives is to those that are there. */
export type Arrival = 'repeatsStanding' | 'repeatsWaiting' | 'superseded' | 'conflict' | 'candidate';

/** An older version, by the source's own clock. At the same time the hash decides, so that the order of arrival does not. */
export function isOlder(version: Version, than: { readonly hash: Buffer | null; readonly updatedAt: number | null }): boolean {
  // Whatever can be read is newer than what cannot.
  if (than.hash === null || version.updatedAt === null || than.updatedAt === null) return false;
  if (version.updatedAt !== than.updatedAt) return version.updatedAt < than.updatedAt;
  return Buffer.compare(version.hash, than.hash) < 0;
}

/** Places a readable version among those of its record. `profile`: whether other content under a known key is a revision or a conflict. */
export function placeVersion(version: Version, { standing, waiting }: Standing, profile: 'revise' | 'conflict'): Arrival {
  if (standing?.hash.equals(version.hash)) return 'repeatsStanding';
  if (waiting?.hash?.equals(version.hash)) return 'repeatsWaiting';
  if (standing === null) return 'candidate';
  if (profile === 'conflict') return 'conflict';
  return isOlder(version, standing) ? 'superseded' : 'candidate';
}

/** Whether what waits still counts once `booked` stands: only a newer version of it does. */
export function stillWaits(waiting: { readonly hash: Buffer | null; readonly updatedAt: number | null } | null, booked: Version, profile: 'revise' | 'conflict'): boolean {
  return profile === 'revise' && waiting !== null && waiting.hash !== null && isOlder(booked, { hash: waiting.hash, updatedAt: waiting.updatedAt });
}

/** Whether a version says nothing that is not known: the same content, no later by the source's clock, and nothing beside it that it might decide. */
export function saysNothingNew(version: Version, { standing, waiting }: Standing): boolean {
  const noLater = (known: number | null) => version.updatedAt === null || (known !== null && version.updatedAt <= known);
  if (standing?.hash.equals(version.hash)) return waiting === null && noLater(standing.updatedAt);
  return waiting?.hash?.equals(version.hash) === true && noLater(waiting.updatedAt);
}
