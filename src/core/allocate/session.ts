import type { ChargeFacts } from '../../contracts/charge-record.ts';
import type { EntitySetup, PayerSetup, SetupLookup, SiteSetup } from './setup.ts';

/** A session with what it was resolved to at its start (D06). Instants are epoch ms. */
export type Session = {
  readonly facts: ChargeFacts;
  readonly startMs: number;
  readonly endMs: number;
  readonly site: SiteSetup;
  readonly payer: PayerSetup;
  readonly entity: EntitySetup;
  readonly setup: SetupLookup;
  /** Too small to be billed (D25): it is written off, and nobody earns a share of it, but for a fee of standing there without any energy. */
  readonly small: boolean;
};
