import type { Logger } from 'pino';
import type { Caller } from '../store/reads/api-keys.ts';
import type { Session } from './console/sessions.ts';

/** What the middleware leaves for the routes; the last four in the console alone: `isResumed` of a form that came with a sign-in. */
export type ApiEnv = { Variables: { requestId: string; caller: Caller; log: Logger; session: Session; temporalUiUrl: string | undefined; isResumed: boolean | undefined } };
