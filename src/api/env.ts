import type { Logger } from 'pino';
import type { Caller } from '../store/reads/api-keys.ts';

/** What the middleware leaves for the routes. */
export type ApiEnv = { Variables: { requestId: string; caller: Caller; log: Logger } };
