import type { Logger } from 'pino';
import type { Caller } from '../store/reads/api-keys.ts';
import type { Refusal } from '../ui/problem-page.tsx';
import type { Session } from './console/sessions.ts';

/** What the middleware leaves for the routes; `keptAnswer` where a write was carried out before, the last four in the console alone: `resumed` of a form that came with a sign-in, or of an earlier session (`refusal`): it is shown again. */
export type ApiEnv = {
  Variables: {
    requestId: string;
    caller: Caller;
    keptAnswer: (() => Response) | undefined;
    log: Logger;
    session: Session;
    temporalUiUrl: string | undefined;
    resumed: { readonly refusal?: Refusal } | undefined;
  };
};
