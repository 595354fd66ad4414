import { createHash, createHmac } from 'node:crypto';
import { z } from 'zod';
import { type ErpDocument, type ErpHeld, erpKinds } from '../../../contracts/erp-document.ts';
import { canonicalBytes } from '../../../core/seal/charge-record.ts';
import { ErpOutcomeUnknown, ErpPeriodClosed, type ErpPort, ErpRefused, ErpUnavailable, type PartiesOf } from '../port.ts';
import { type Answered, type Effect, plain, requested } from '../request.ts';

export type HttpErpServer = {
  /** Such as https://integration.example.com/wattledger, without a slash at its end. */
  readonly url: string;
  /** Shared with the other side; signs every request. */
  readonly secret: string;
  readonly timeoutMs: number;
  readonly settleMs: number;
};

const minor = z.string().regex(/^-?\d+$/);
const line = z.object({ glAccount: z.string(), costCenter: z.string().nullable(), vatCode: z.string().nullable(), amountMinor: minor, bookMinor: minor.exactOptional() });
/** Without control characters, of which the database keeps some and an e-invoice none. */
const name = z
  .string()
  .trim()
  .min(1)
  .regex(/^\P{Cc}+$/u);
const held = z.object({
  externalId: name,
  number: name.max(50).nullable().exactOptional(),
  legalNumber: z.string().nullable(),
  currency: z.string(),
  postedOn: z.string(),
  lines: z.array(line),
});
const holdings = z.object({ items: z.array(held.extend({ key: z.string(), kind: z.enum(erpKinds), isReversed: z.boolean() })) });
const periods = z.object({ items: z.array(z.object({ on: z.string(), state: z.enum(['open', 'closed']), detail: z.string().exactOptional() })) });
const payments = z.object({ items: z.array(z.object({ key: z.string(), state: z.enum(['unpaid', 'part', 'paid', 'writtenOff']), openMinor: minor })) });
const totals = z.object({ count: z.int(), sums: z.array(z.object({ key: z.string(), amountMinor: minor })) });

/**
 * Any ERP behind middleware that speaks this: `POST /documents` with `{document, party}` (RFC 8785) under an `Idempotency-Key`, `GET /documents/{key}` (with `number` where the ERP numbers),
 * `GET /documents?runId=`, `GET /control-totals?runId=`, `POST /payments/query` and `GET /periods?on=` with dates divided by commas (404: it tells nothing of periods). 409 and 422 refuse for good, 423 says that the period is closed, 401 and 403 that the secret is wrong.
 * Every request bears `WattLedger-Signature` (`signatureOf`).
 */
export function httpErp(server: HttpErpServer, partiesOf: PartiesOf): ErpPort {
  const call = async (method: 'GET' | 'POST', path: string, effect: Effect, sent?: { readonly body: string; readonly key: string }): Promise<Answered> => {
    const headers = {
      accept: 'application/json',
      'wattledger-signature': signatureOf(server.secret, Math.floor(Date.now() / 1000), method, new URL(server.url + path), sent?.body ?? ''),
      ...(sent === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': sent.key }),
    };
    const answer = await requested(`the ERP at ${server.url}`, server.url + path, { method, headers, ...(sent === undefined ? {} : { body: sent.body }) }, { timeoutMs: server.timeoutMs, effect });
    // Not the document's fault: it waits until somebody has mended the connection.
    if (answer.status === 401 || answer.status === 403) throw new ErpUnavailable(`the ERP at ${server.url} does not accept our signature: check the secret on both sides`);
    return answer;
  };
  const find = async ({ key }: ErpDocument): Promise<ErpHeld | undefined> => {
    const answer = await call('GET', `/documents/${encodeURIComponent(key)}`, 'reads');
    return answer.status === 404 ? undefined : read(held, answer, 200);
  };
  return {
    settleMs: server.settleMs,
    find,
    async post(document) {
      const [party] = document.accountId === null ? [] : await partiesOf([document.accountId]);
      const answer = await call('POST', '/documents', 'writes', { body: canonicalBytes({ document, party: party ?? null }).toString('utf8'), key: document.key });
      if (answer.status === 423) throw new ErpPeriodClosed(wordsOf(answer));
      if (answer.status === 409 || answer.status === 422) throw new ErpRefused(wordsOf(answer));
      return { externalId: read(held.pick({ externalId: true }), answer, 200, 201).externalId };
    },
    async periodsOn(dates) {
      const answer = await call('GET', `/periods?on=${dates.map(encodeURIComponent).join(',')}`, 'reads');
      if (answer.status === 404) return new Map();
      return new Map(read(periods, answer, 200).items.map(({ on, state, detail }) => [on, state === 'closed' ? { state, words: detail ?? `the period of ${on} is closed` } : { state }]));
    },
    async controlTotals(runId) {
      const { count, sums } = read(totals, await call('GET', `/control-totals?runId=${encodeURIComponent(runId)}`, 'reads'), 200);
      return { count, sums: new Map(sums.map((s) => [s.key, BigInt(s.amountMinor)])) };
    },
    async holdings(runId) {
      return read(holdings, await call('GET', `/documents?runId=${encodeURIComponent(runId ?? '')}`, 'reads'), 200).items;
    },
    async payments(documents) {
      const body = JSON.stringify({ keys: documents.map((d) => d.key) });
      return read(payments, await call('POST', '/payments/query', 'reads', { body, key: createHash('sha256').update(body).digest('hex') }), 200).items;
    },
  };
}

/** `t=<unix seconds>,v1=<hex>`: HMAC-SHA-256, by the shared secret, over `t.METHOD.path?query.sha256(body)`. The other side refuses an old `t`, so that nothing can be sent again later. */
export function signatureOf(secret: string, unixSeconds: number, method: string, url: URL, body: string): string {
  const hash = createHash('sha256').update(body).digest('hex');
  const text = `${unixSeconds}.${method}.${url.pathname}${url.search}.${hash}`;
  return `t=${unixSeconds},v1=${createHmac('sha256', secret).update(text).digest('hex')}`;
}

function read<T>(schema: z.ZodType<T>, answer: Answered, ...statuses: readonly number[]): T {
  // Neither refusal nor success: nobody knows what became of it, and whoever mends it finds the words.
  if (!statuses.includes(answer.status)) throw new ErpOutcomeUnknown(`the ERP answers ${answer.status}`, plain(answer.text));
  return schema.parse(JSON.parse(answer.text));
}

/** `detail` of problem details (RFC 9457), or what the answer says. */
function wordsOf(answer: Answered): string {
  try {
    const { detail, title } = JSON.parse(answer.text) as { detail?: string; title?: string };
    return detail ?? title ?? plain(answer.text);
  } catch {
    return plain(answer.text);
  }
}
