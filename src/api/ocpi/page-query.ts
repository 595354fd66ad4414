import type { Context } from 'hono';
import { parseInstant } from '../../core/time.ts';
import type { Window } from '../../store/reads/ocpi/tariffs.ts';
import { invalid } from './answer.ts';
import type { OcpiEnv } from './env.ts';

/** As many as a page holds at most. */
const maxLimit = 250;
const defaultLimit = 50;

/** 2.2.1 transport_and_format, Paginated Request: date_from inclusive, date_to exclusive, offset, limit. Refuses what is none of them with 2001. */
export function windowOf(c: Context<OcpiEnv>): Window {
  return { from: instantOf(c, 'date_from'), to: instantOf(c, 'date_to'), offset: wholeOf(c, 'offset', 0, 0), limit: Math.min(wholeOf(c, 'limit', defaultLimit, 1), maxLimit) };
}

/** Adds Link to the next page with the filters of this one, X-Total-Count and X-Limit. */
export function pageHeaders(c: Context<OcpiEnv>, url: string, { offset, limit }: Window, total: number): void {
  c.header('x-total-count', String(total));
  c.header('x-limit', String(limit));
  if (offset + limit >= total) return;
  const next = new URL(url);
  for (const name of ['date_from', 'date_to']) {
    const given = c.req.query(name);
    if (given !== undefined) next.searchParams.set(name, given);
  }
  next.searchParams.set('offset', String(offset + limit));
  next.searchParams.set('limit', String(limit));
  c.header('link', `<${next.href}>; rel="next"`);
}

function instantOf(c: Context<OcpiEnv>, name: string): Date | undefined {
  const given = c.req.query(name);
  if (given === undefined || given === '') return undefined;
  // A plus that was not escaped arrives as a blank.
  const ms = parseInstant(given.trim().replace(' ', '+'));
  if (ms === undefined) throw invalid(`${name} must be an RFC 3339 time.`);
  return new Date(ms);
}

function wholeOf(c: Context<OcpiEnv>, name: string, otherwise: number, least: number): number {
  const given = c.req.query(name);
  if (given === undefined || given === '') return otherwise;
  if (!/^\d{1,9}$/.test(given) || Number(given) < least) throw invalid(`${name} must be a whole number from ${least} on.`);
  return Number(given);
}
