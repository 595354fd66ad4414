import { expectationSchema, type NewExpectation } from '../../contracts/completeness.ts';
import { parseInstant } from '../../core/time.ts';

type Json = Readonly<Record<string, unknown>>;
/** A session as it may be kept: the fields that tell how far it is, and the UID of its token apart. */
export type ReadSession = { readonly body: Json; readonly tokenUid: string | undefined; readonly lastUpdatedMs: number | undefined };
/** What a session means for its CDR: it is to come, it never will, or neither yet. */
export type SessionMeaning = { readonly kind: 'expected'; readonly expectation: NewExpectation } | { readonly kind: 'invalid' } | { readonly kind: 'notYet' };

const kept = ['id', 'start_date_time', 'end_date_time', 'start_datetime', 'end_datetime', 'kwh', 'auth_method', 'authorization_reference', 'currency', 'total_cost', 'status', 'last_updated'];
const place = ['location_id', 'evse_uid', 'evse_id', 'connector_id'];
const eMi3 = /^[A-Z]{2}\*?[A-Z0-9]{3}\*?E/i;

/** Reads a Session, or the part of one that a PATCH brings (mod_sessions). 2.1.1 names place and token otherwise: they come out in the words of 2.2.1. */
export function readSession(json: Json): ReadSession {
  const token = json['cdr_token'];
  const uid = isObject(token) ? token['uid'] : json['auth_id'];
  const location = isObject(json['location']) ? json['location'] : {};
  const [evse] = Array.isArray(location['evses']) ? location['evses'].filter(isObject) : [];
  const at211 = { location_id: location['id'], evse_uid: evse?.['uid'], evse_id: evse?.['evse_id'] };
  const body = Object.fromEntries(
    [...kept.map((name) => [name, json[name]]), ...place.map((name) => [name, json[name] ?? at211[name as keyof typeof at211]])].filter(([, value]) => value !== undefined),
  );
  const lastUpdated = json['last_updated'];
  return { body, tokenUid: typeof uid === 'string' && uid !== '' ? uid : undefined, lastUpdatedMs: typeof lastUpdated === 'string' ? parseInstant(lastUpdated) : undefined };
}

/**
 * What a whole session means, in the words of `readSession`. A reservation and one that is still pending open nothing; one that has ended
 * is expected as long as its CDR is not there. Of an EVSE only an eMI3 id is taken, since that is what its CDR will name. Answers a problem
 * where the session cannot be read.
 */
export function meaningOf(
  body: Json,
  owner: { readonly countryCode: string; readonly partyId: string },
  tokenUid: string | undefined,
): SessionMeaning | { readonly kind: 'unreadable'; readonly problem: string } {
  const { id, status } = body;
  const started = body['start_date_time'] ?? body['start_datetime'];
  if (status === 'INVALID') return { kind: 'invalid' };
  if (status === 'PENDING' || status === 'RESERVATION') return { kind: 'notYet' };
  const openedAtMs = typeof started === 'string' ? parseInstant(started) : undefined;
  if (openedAtMs === undefined) return { kind: 'unreadable', problem: 'start_date_time must be an RFC 3339 time' };
  const evse = [body['evse_id'], body['evse_uid']].find((text) => typeof text === 'string' && eMi3.test(text));
  const kWh = Number(body['kwh']);
  const amount = amountOf(body['total_cost']);
  const read = expectationSchema.safeParse({
    key: sessionKey(owner, String(id)),
    kind: 'session',
    openedAt: new Date(openedAtMs).toISOString(),
    sessionId: id,
    ...optional('authorizationId', body['authorization_reference']),
    ...optional('evseId', evse),
    ...optional('siteKey', body['location_id']),
    ...optional('token', tokenUid),
    ...(Number.isFinite(kWh) && kWh > 0 ? { estimatedWh: Math.round(kWh * 1000) } : {}),
    ...(amount === undefined || typeof body['currency'] !== 'string' ? {} : { amount, currency: body['currency'] }),
  });
  if (read.success) return { kind: 'expected', expectation: read.data };
  return { kind: 'unreadable', problem: read.error.issues.map((i) => `${i.path.join('.')} ${i.message}`).join('; ') };
}

/** The key of a session's expectation: behind a hub two parties may use the same id. */
export function sessionKey({ countryCode, partyId }: { readonly countryCode: string; readonly partyId: string }, id: string): string {
  return `${countryCode}*${partyId}*${id}`.toLowerCase();
}

/** Net: a number in 2.1.1, a Price later. */
function amountOf(cost: unknown): string | undefined {
  const value = isObject(cost) ? (cost['before_taxes'] ?? cost['excl_vat']) : cost;
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value.toFixed(4) : undefined;
}

function optional(name: string, value: unknown): object {
  return typeof value === 'string' && value.trim() !== '' ? { [name]: value } : {};
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
