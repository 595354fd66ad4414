import type { MonthInput, MonthSession, Place } from '../../src/core/period/month.ts';
import type { MonthClause, SupplyVersion } from '../../src/core/period/segments.ts';
import type { DueRow, IssuedRow } from '../../src/core/period/settle.ts';
import { startOfLocalDay } from '../../src/core/time.ts';

const zone = 'Europe/Stockholm';
const place = (siteId: string | null, costCenter: string): Place => ({ costCenter, customerCostCenter: null, siteId, vat: { code: 'SE25', percent: '25', rule: '1/test' } });

/** A version of a plan from a local day on. */
export function plan(version: number, from: string, clauses: readonly MonthClause[], status: 'active' | 'paused' | 'ended' = 'active'): SupplyVersion {
  return { version, fromMs: startOfLocalDay(from, zone), toMs: Number.MAX_SAFE_INTEGER, agreement: { kind: 'supply', status, clauses: [...clauses] } };
}

/** A session that begins at noon of a local day and ends an hour later: so much energy for so much, in öre. */
export function charged(on: string, kWh: number, amount: bigint, options: { key?: string; site?: string; isNew?: boolean } = {}): MonthSession {
  const startMs = startOfLocalDay(on, zone) + 12 * 3_600_000;
  const { key = on, site = 'north', isNew = false } = options;
  const item = { component: 'ENERGY/0', energyWh: BigInt(Math.round(kWh * 1000)), amount, place: place(site, site) };
  return { key, startMs, endMs: startMs + 3_600_000, siteId: site, siteKind: 'own', isNew, items: [item] };
}

/** A month of a business account in SEK with 25 % VAT; `mode` makes it a consumer's. */
export function month(on: string, versions: readonly SupplyVersion[], sessions: readonly MonthSession[] = [], mode: MonthInput['mode'] = 'netFirst'): MonthInput {
  return { month: on, zone, currency: 'SEK', mode, versions, sessions, ownPlace: () => place(null, '900') };
}

/** A due row as a later run finds it issued. */
export function issuedOf({ unit, unitPrice, ...row }: DueRow): IssuedRow {
  return { ...row, unit, unitPrice };
}
