/** The peer cannot be used now (network, its own error, too many requests): the same request may go through later. */
export class OcpiUnavailable extends Error {
  override name = 'OcpiUnavailable';
  readonly retryAfterMs: number | undefined;
  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The peer answers that the request is wrong: it will not go through by itself. */
export class OcpiRefused extends Error {
  override name = 'OcpiRefused';
  readonly httpStatus: number;
  readonly statusCode: number | undefined;
  constructor(message: string, httpStatus: number, statusCode?: number) {
    super(message);
    this.httpStatus = httpStatus;
    this.statusCode = statusCode;
  }
}
