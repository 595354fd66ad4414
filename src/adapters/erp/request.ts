import { ErpOutcomeUnknown, ErpUnavailable } from './port.ts';

/** `reads` may be repeated; what writes has an unknown outcome when its answer is lost. */
export type Effect = 'reads' | 'writes';
export type Answered = { readonly status: number; readonly headers: Headers; readonly text: string };

/**
 * One HTTP request to an ERP and its whole answer, whatever its status but these: 429, or 503 with a time to come back, is ErpUnavailable
 * for that long; no answer in time, any other 5xx, 408 and a cut connection are ErpUnavailable of what reads and ErpOutcomeUnknown of what
 * writes, unless nothing listened.
 */
export async function requested(who: string, url: string, init: RequestInit, { timeoutMs, effect }: { readonly timeoutMs: number; readonly effect: Effect }): Promise<Answered> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    text = await answer.text();
  } catch (error) {
    const cause = (error as Error & { cause?: { code?: string } }).cause?.code;
    const words = `${who} does not answer: ${cause ?? (error as Error).message}`;
    // Where nothing listens nothing arrived.
    if (effect === 'reads' || cause === 'ECONNREFUSED') throw new ErpUnavailable(words);
    throw new ErpOutcomeUnknown(words);
  }
  const { status, headers } = answer;
  const retryAfterMs = retryAfter(headers.get('retry-after'));
  if (status === 429 || (status === 503 && retryAfterMs !== undefined)) throw new ErpUnavailable(`${who} takes no more requests for now`, retryAfterMs);
  if (status >= 500 || status === 408) {
    throw stumbled(`${who} answers ${status}`, plain(text), effect);
  }
  return { status, headers, text };
}

/** A failure that may pass, or leaves the outcome of a write open, with what the ERP said of it. */
export function stumbled(message: string, said: string, effect: Effect): ErpUnavailable | ErpOutcomeUnknown {
  return effect === 'reads' ? new ErpUnavailable(message, undefined, said) : new ErpOutcomeUnknown(message, said);
}

/** The first words of an answer, without its tags. */
export function plain(text: string): string {
  return text
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200);
}

/** Seconds, or a date, as RFC 9110 has both. */
function retryAfter(text: string | null): number | undefined {
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(ms, 0) : undefined;
}
