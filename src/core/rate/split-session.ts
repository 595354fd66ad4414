import type { Tariff } from '../../contracts/tariff.ts';
import { allocate } from '../money.ts';
import { type CompiledTariff, compileTariff, samePrices } from './compile-tariff.ts';
import { candidateBoundaries, momentAt, noReadings } from './restrictions.ts';

/** A stretch of a session: epoch ms, integer Wh, and how much of it charged and how much only stood (ms). */
export type RatingPeriod = { readonly startMs: number; readonly endMs: number; readonly energyWh: number; readonly chargingMs: number; readonly parkingMs: number };

const microPerWh = 1_000_000;

/** A stretch of constant power between two energy thresholds of the tariff. */
type Band = { readonly fromMs: number; readonly toMs: number; readonly energyWh: number; readonly charging: boolean };

/**
 * Splits a session that arrives unsplit where its tariff changes price, in local time, and where charging ended.
 * Constant power between start and end of charging; Wh by largest remainder within each band, so they sum exactly (D29).
 * An end before the start yields one period, as stated; plausibility holds such a session back. Throws RangeError on an unknown zone.
 */
export function splitSession(input: {
  readonly tariff: Tariff;
  readonly startMs: number;
  readonly endMs: number;
  readonly chargingEndMs?: number;
  readonly energyWh: number;
  readonly zone: string;
}): RatingPeriod[] {
  const { startMs, endMs, energyWh, zone } = input;
  const tariff = compileTariff(input.tariff);
  if (endMs <= startMs) return [{ startMs, endMs, energyWh, chargingMs: 0, parkingMs: 0 }];
  const chargingEndMs = Math.max(startMs, Math.min(input.chargingEndMs ?? endMs, endMs));
  const cuts = candidateBoundaries(tariff.restricted, startMs, endMs, zone);
  let energyBefore = 0;
  return energyBands(tariff, startMs, chargingEndMs, endMs, energyWh).flatMap((band) => {
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

function energyBands(tariff: CompiledTariff, startMs: number, chargingEndMs: number, endMs: number, energyWh: number): Band[] {
  // Energy is whole Wh: at or above 1.5 Wh means from 2 Wh on.
  const thresholds = new Set(tariff.restricted.flatMap((r) => [r.minMicroWh, r.maxMicroWh]).map((micro) => Math.ceil(micro / microPerWh)));
  const edges = [0, ...[...thresholds].filter((wh) => wh > 0 && wh < energyWh).sort((a, b) => a - b), energyWh];
  // Through bigint: Wh × ms may pass 2^53.
  const msAt = (wh: number) => (energyWh === 0 || wh === energyWh ? chargingEndMs : startMs + Number((BigInt(chargingEndMs - startMs) * BigInt(wh)) / BigInt(energyWh)));
  const bands = edges.slice(1).map((wh, i): Band => {
    const from = edges[i] ?? 0;
    return { fromMs: i === 0 ? startMs : msAt(from), toMs: msAt(wh), energyWh: wh - from, charging: true };
  });
  const charged = bands.filter((b) => b.toMs > b.fromMs || b.energyWh !== 0);
  return chargingEndMs < endMs ? [...charged, { fromMs: chargingEndMs, toMs: endMs, energyWh: 0, charging: false }] : charged;
}
