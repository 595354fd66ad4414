import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the time of a signature may lie from ours, either way, in seconds. */
export const replayWindowS = 300;
const maxSignatures = 8;

/** `malformed`: the header cannot be read; `stale`: signed too long ago, or in time to come; `wrong`: by no secret in force, or for another body. */
export type SignatureVerdict = { readonly ok: true } | { readonly ok: false; readonly problem: 'malformed' | 'stale' | 'wrong'; readonly detail: string };

/** The value of the header `Wattledger-Signature` for a body: `t=<unix seconds>,v1=<hex>`; HMAC-SHA-256 of `<t>.<event>.<body>`. */
export function signWebhook(secret: string, atS: number, event: string, body: Uint8Array): string {
  return `t=${atS},v1=${digest(secret, atS, event, body).toString('hex')}`;
}

/**
 * Judges a signature; several `v1` may stand in it while the sender changes secrets. Compared in constant time. The event is signed with the
 * body, so that nobody can pass one off as another.
 */
export function checkWebhook(header: string, call: { readonly event: string; readonly body: Uint8Array }, secrets: readonly string[], nowMs: number): SignatureVerdict {
  const parts = header.split(',').map((part) => part.trim().split('='));
  const times = parts.filter(([name]) => name === 't').map(([, value = '']) => value);
  const given = parts.filter(([name]) => name === 'v1').map(([, value = '']) => value);
  const [time = ''] = times;
  if (times.length !== 1 || !/^\d{1,12}$/.test(time)) return { ok: false, problem: 'malformed', detail: 'the signature wants one t=<unix seconds>' };
  if (given.length === 0 || given.length > maxSignatures || given.some((hex) => !/^[0-9a-f]{64}$/.test(hex))) {
    return { ok: false, problem: 'malformed', detail: `the signature wants one to ${maxSignatures} v1=<64 hex digits, lower case>` };
  }
  const apart = Math.round(nowMs / 1000) - Number(time);
  const candidates = secrets.map((secret) => digest(secret, Number(time), call.event, call.body));
  const known = given.some((hex) => candidates.some((candidate) => timingSafeEqual(candidate, Buffer.from(hex, 'hex'))));
  if (!known) return { ok: false, problem: 'wrong', detail: 'no secret in force made this signature for this body: check the secret, and sign the bytes as they are sent' };
  if (Math.abs(apart) > replayWindowS)
    return { ok: false, problem: 'stale', detail: `it was signed ${Math.abs(apart)} s ${apart > 0 ? 'ago' : 'ahead of our clock'}, and holds for ${replayWindowS} s: sign it anew` };
  return { ok: true };
}

function digest(secret: string, atS: number, event: string, body: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${atS}.${event}.`).update(body).digest();
}
