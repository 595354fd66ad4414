import type { Logger } from 'pino';
import type { OcpiParty, OcpiVersion } from '../../contracts/ocpi.ts';
import type { SecretBox } from '../../contracts/secret-box.ts';
import type { Store } from '../../store/db.ts';
import type { Caller } from '../../store/reads/ocpi/peers.ts';
import type { Orders } from '../orders.ts';

/** What the middleware leaves for the routes. */
export type OcpiEnv = {
  Variables: {
    requestId: string;
    caller: Caller;
    token: string;
    version: OcpiVersion;
    /** The party behind a hub for which it calls; none when it calls for itself. */
    behalf: OcpiParty | undefined;
  };
};

export type OcpiDeps = {
  readonly store: Store;
  readonly orders: Orders;
  readonly log: Logger;
  /** Keeps the tokens with which we call peers. */
  readonly secretBox: SecretBox;
  /** Where peers reach us, without a path; that of the request when it is not set. */
  readonly publicUrl?: string | undefined;
  /** How long the body of a request may take to arrive; ten seconds unless told. */
  readonly bodyWithinMs?: number;
};
