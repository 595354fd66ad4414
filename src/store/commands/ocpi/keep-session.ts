import type { NewExpectation } from '../../../contracts/completeness.ts';
import { tokenRefOf } from '../../../core/normalise/token-ref.ts';
import type { Db } from '../../db.ts';
import type { KeptSession, SessionKey } from '../../reads/ocpi/sessions.ts';
import { tokenSecret } from '../../token-secret.ts';
import type { By } from '../audit.ts';
import { cancelExpectations, openExpectations } from '../expectations.ts';

/** Keeps a session as it was last told; an older word than the one that is known changes nothing. Answers whether it did. Of the token only its reference is kept. */
export async function keepSession(db: Db, key: SessionKey, session: KeptSession & { readonly tokenUid: string | undefined }): Promise<boolean> {
  const ref = session.tokenUid === undefined ? session.tokenRef : tokenRefOf(await tokenSecret(db), session.tokenUid);
  const { rowCount } = await db.query(
    `INSERT INTO ocpi_session AS s (peer_id, country_code, party_id, session_id, body, token_ref, last_updated) VALUES ($1, upper($2), upper($3), lower($4), $5, $6, $7)
     ON CONFLICT (peer_id, country_code, party_id, session_id) DO UPDATE SET body = excluded.body, token_ref = excluded.token_ref, last_updated = excluded.last_updated, received_at = now() WHERE s.last_updated <= excluded.last_updated`,
    [key.peerId, key.countryCode, key.partyId, key.sessionId, JSON.stringify(session.body), ref, session.lastUpdated],
  );
  return rowCount === 1;
}

/** Has the source expect the session's CDR. */
export async function expectCdr(db: Db, sourceId: string, expectation: NewExpectation, by: By): Promise<void> {
  await openExpectations(db, sourceId, [expectation], by);
}

/** The session is void: no CDR will come, where one was expected. */
export async function expectNoCdr(db: Db, sourceId: string, key: string, by: By): Promise<void> {
  const known = await db.query('SELECT FROM expectation WHERE source_id = $1 AND key = $2 AND resolution IS NULL', [sourceId, key]);
  if (known.rowCount !== 0) await cancelExpectations(db, { sourceId, keys: [key], reason: 'its sender says that the session is invalid' }, by);
}
