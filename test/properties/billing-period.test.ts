import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { expect, it } from 'vitest';
import { billingPeriod, cadences, periodLabelAt } from '../../src/core/cycle/billing-period.ts';

const zones = fc.constantFrom('Europe/Stockholm', 'Europe/London', 'America/New_York', 'Australia/Lord_Howe', 'UTC');
const instant = fc.integer({ min: Date.UTC(2000, 0, 1) / 1000, max: Date.UTC(2060, 0, 1) / 1000 }).map((s) => s * 1000);

it('periods of every cadence tile time across DST: each instant lies in the one of its label, and the next begins where it ends', () => {
  fc.assert(
    fc.property(instant, zones, fc.constantFrom(...cadences), (ms, zone, cadence) => {
      const label = periodLabelAt(ms, cadence, zone);
      const period = billingPeriod(label, zone);
      expect(period?.label).toBe(label);
      if (period === undefined) return;
      expect(period.startMs <= ms && ms < period.endMs).toBe(true);
      const next = billingPeriod(periodLabelAt(period.endMs, cadence, zone), zone);
      expect(next?.startMs).toBe(period.endMs);
      expect((next?.label ?? '') > label).toBe(true);
      // A month ends with the first period that reaches its end.
      expect(period.fullMonth === period.lastMonth).toBe(next?.firstMonth !== period.lastMonth);
      expect([period.firstMonth, period.lastMonth]).toEqual([period.startMs, period.endMs - 1].map((at) => periodLabelAt(at, 'monthly', zone)));
    }),
  );
});

it('weeks are those of ISO 8601, as Temporal counts them', () => {
  fc.assert(
    fc.property(instant, zones, (ms, zone) => {
      const on = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toPlainDate();
      expect(periodLabelAt(ms, 'weekly', zone)).toBe(`${on.yearOfWeek}-W${String(on.weekOfYear).padStart(2, '0')}`);
    }),
  );
});
