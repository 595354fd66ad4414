import type { Tariff } from '../../contracts/tariff.ts';
import { allocate } from '../money.ts';
import { type CompiledTariff, compileTariff, samePrices } from './compile-tariff.ts';
import { candidateBoundaries, momentAt, noReadings, type Readings } from './restrictions.ts';

/** Power in kW and current in A, where they are told. */
type PeriodReadings = { readonly [Name in keyof Readings]?: number };
/** A stretch of a session: epoch ms, integer Wh, and how much of it charged, how much only stood, and how much was reserved before (ms). */
export type RatingPeriod = {
  readonly startMs: number;
  readonly endMs: number;
  readonly energyWh: number;
  readonly chargingMs: number;
  readonly parkingMs: number;
  readonly reservedMs?: number;
  readonly readings?: PeriodReadings;
};

const microPerWh = 1_000_000;

/** A stretch of constant power between two energy thresholds of the tariff. */
type Band = { readonly fromMs: number; readonly toMs: number; readonly energyWh: number; readonly charging: boolean };

/** What the meter had delivered since the session's start, in whole Wh. */
export type MeterValue = { readonly atMs: number; readonly energyWh: number };

/**
 * Splits a session that arrives unsplit where its tariff changes price, in local time, and where charging ended (D29). Energy runs linearly
 * between meter values, and without any at constant power from start to end of charging; Wh by largest remainder within each stretch, so they
 * sum exactly. Charging ends where told, else when the meter reached the session's energy. Meter values outside the charging, or that
 * contradict an earlier one or the total, are left out.
 * An end before the start yields one period, as stated; plausibility holds such a session back. Throws RangeError on an unknown zone.
 */
export function splitSession(input: {
  readonly tariff: Tariff;
  readonly startMs: number;
  readonly endMs: number;
  readonly chargingEndMs?: number;
  readonly energyWh: number;
  readonly meterValues?: readonly MeterValue[];
  readonly zone: string;
}): RatingPeriod[] {
  const { startMs, endMs, energyWh, zone, meterValues = [] } = input;
  const tariff = compileTariff(input.tariff);
  if (endMs <= startMs) return [{ startMs, endMs, energyWh, chargingMs: 0, parkingMs: 0 }];
  const full = energyWh > 0 ? meterValues.find((v) => v.energyWh === energyWh)?.atMs : undefined;
  const chargingEndMs = Math.max(startMs, Math.min(input.chargingEndMs ?? full ?? endMs, endMs));
  const cuts = candidateBoundaries(tariff.restricted, startMs, endMs, zone);
  const points = meterPoints(meterValues, startMs, chargingEndMs, energyWh);
  let energyBefore = 0;
  return energyBands(tariff, points, endMs).flatMap((band) => {
    const moment = (ms: number) => momentAt(ms, zone, ms - startMs, energyBefore * microPerWh, noReadings);
    const inside = cuts.filter((ms) => ms > band.fromMs && ms < band.toMs && !samePrices(tariff, moment(ms - 1), moment(ms)));
    const edges = [band.fromMs, ...inside, band.toMs];
    const lengths = edges.slice(1).map((to, i) => to - (edges[i] ?? to));
    const energy = allocate(BigInt(band.energyWh), lengths.map(BigInt));
    energyBefore += band.energyWh;
    return lengths.map((length, i): RatingPeriod => {
      const from = edges[i] ?? band.fromMs;
      return { startMs: from, endMs: from + length, energyWh: Number(energy[i] ?? 0n), chargingMs: band.charging ? length : 0, parkingMs: band.charging ? 0 : length };
    });
  });
}

/** Where the energy stood, from nothing at the start to all at the end of charging; rising in both. */
function meterPoints(values: readonly MeterValue[], startMs: number, chargingEndMs: number, energyWh: number): MeterValue[] {
  const points = [{ atMs: startMs, energyWh: 0 }];
  for (const value of [...values].sort((a, b) => a.atMs - b.atMs)) {
    const last = points.at(-1);
    const rises = last !== undefined && value.atMs > last.atMs && value.energyWh >= last.energyWh;
    if (rises && value.atMs < chargingEndMs && value.energyWh <= energyWh && Number.isSafeInteger(value.energyWh)) points.push(value);
  }
  return [...points, { atMs: chargingEndMs, energyWh }];
}

function energyBands(tariff: CompiledTariff, points: readonly MeterValue[], endMs: number): Band[] {
  // Energy is whole Wh: at or above 1.5 Wh means from 2 Wh on.
  const thresholds = [...new Set(tariff.restricted.flatMap((r) => [r.minMicroWh, r.maxMicroWh]).map((micro) => Math.ceil(micro / microPerWh)))].sort((a, b) => a - b);
  const bands = points.slice(1).flatMap((to, i) => bandsBetween(points[i] ?? to, to, thresholds));
  const charged = bands.filter((b) => b.toMs > b.fromMs || b.energyWh !== 0);
  const chargingEndMs = points.at(-1)?.atMs ?? endMs;
  return chargingEndMs < endMs ? [...charged, { fromMs: chargingEndMs, toMs: endMs, energyWh: 0, charging: false }] : charged;
}

/** A stretch of constant power, cut where it passes an energy threshold. */
function bandsBetween(from: MeterValue, to: MeterValue, thresholds: readonly number[]): Band[] {
  const energyWh = to.energyWh - from.energyWh;
  const edges = [from.energyWh, ...thresholds.filter((wh) => wh > from.energyWh && wh < to.energyWh), to.energyWh];
  // Through bigint: Wh × ms may pass 2^53.
  const msAt = (wh: number) => (energyWh === 0 || wh === to.energyWh ? to.atMs : from.atMs + Number((BigInt(to.atMs - from.atMs) * BigInt(wh - from.energyWh)) / BigInt(energyWh)));
  return edges.slice(1).map((wh, i): Band => {
    const start = edges[i] ?? from.energyWh;
    return { fromMs: i === 0 ? from.atMs : msAt(start), toMs: msAt(wh), energyWh: wh - start, charging: true };
  });
}
