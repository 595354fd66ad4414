/** What a vehicle told of a session at a home, and what meters there gave in that time; null where none did. Wh. */
export type Evidence = { readonly vehicleWh: bigint; readonly meteredWh: bigint | null };
export type EvidenceLimits = {
  /** How much more than the meter the car may say it took: its own inaccuracy. */
  readonly moreThanMeterPercent: number;
  /** How much of what the meter gave may be lost on the way into the battery. */
  readonly lossPercent: number;
};
export type EvidenceVerdict = 'agrees' | 'vehicleMore' | 'meterMore' | 'noMeter';

/** Holds a vehicle's word against the meter, exactly. Evidence only: whatever comes out, the meter is what is reimbursed. */
export function compareEvidence({ vehicleWh, meteredWh }: Evidence, limits: EvidenceLimits): EvidenceVerdict {
  if (meteredWh === null) return 'noMeter';
  if (vehicleWh * 100n > meteredWh * BigInt(100 + limits.moreThanMeterPercent)) return 'vehicleMore';
  return vehicleWh * 100n < meteredWh * BigInt(100 - limits.lossPercent) ? 'meterMore' : 'agrees';
}
