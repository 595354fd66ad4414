/** The peer cannot be used now (network, its own error, too many requests): the same request may go through later. `said`: the peer's own words, which may name a driver and are no part of the message. */
export class OcpiUnavailable extends Error {
  override name = 'OcpiUnavailable';
  readonly retryAfterMs: number | undefined;
  readonly said: string | undefined;
  constructor(message: string, retryAfterMs?: number, said?: string) {
    super(message);
    this.retryAfterMs = retryAfterMs;
    this.said = said;
  }
}

/** The peer answers that the request is wrong: it will not go through by itself. `said` as of OcpiUnavailable. */
export class OcpiRefused extends Error {
  override name = 'OcpiRefused';
  readonly httpStatus: number;
  readonly statusCode: number | undefined;
  readonly said: string | undefined;
  constructor(message: string, httpStatus: number, statusCode?: number, said?: string) {
    super(message);
    this.httpStatus = httpStatus;
    this.statusCode = statusCode;
    this.said = said;
  }
}

/** Why a request failed, with what the peer said of it: for whoever asked, and for what is kept with what was sent; never for Temporal, whose histories keep it. */
export function inFull(error: Error): string {
  const said = error instanceof OcpiUnavailable || error instanceof OcpiRefused ? error.said : undefined;
  return said === undefined ? error.message : `${error.message}: ${said}`;
}
