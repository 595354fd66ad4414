import { ApplicationFailure } from '@temporalio/activity';
import type { OcpiCaller } from '../adapters/ocpi/client.ts';
import { OcpiRefused, OcpiUnavailable } from '../adapters/ocpi/failures.ts';
import type { OcpiParty } from '../contracts/ocpi.ts';
import type { SecretBox } from '../contracts/secret-box.ts';
import type { Peer } from '../store/reads/ocpi/peers.ts';

/** How a registered peer is called on behalf of us, for a party behind it; undefined when it is not registered. */
export function callerOf(secretBox: SecretBox, peer: Peer, to: OcpiParty = peer.them): OcpiCaller | undefined {
  if (peer.theirToken === null || peer.tokenCoding === null) return undefined;
  return { token: secretBox.open(peer.theirToken, peer.id), coding: peer.tokenCoding, ...(peer.version === '2.1.1' ? {} : { route: { from: peer.us, to } }) };
}

/** What the worker is told, without what the peer said: one that is away is tried again, when it says; one that refuses the request itself is not. */
export function ocpiFailure(error: unknown): unknown {
  if (error instanceof OcpiUnavailable) {
    const delay = error.retryAfterMs === undefined ? {} : { nextRetryDelay: error.retryAfterMs };
    return ApplicationFailure.create({ type: error.name, message: error.message, cause: error, ...delay });
  }
  if (error instanceof OcpiRefused) return ApplicationFailure.nonRetryable(error.message, error.name);
  return error;
}
