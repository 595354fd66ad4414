import { dayNumberOfDate } from '../time.ts';

/** A fee in advance: its net in minor units and the days it is for, the last one included. */
export type DeferredFee = { readonly netMinor: bigint; readonly fromOn: string; readonly toOn: string };

/** What of a fee in advance is revenue by the end of a day: days passed of all days, half away from zero; all of it on its last day. */
export function releasedBy({ netMinor, fromOn, toOn }: DeferredFee, on: string): bigint {
  const [first = 0, last = 0, at = 0] = [fromOn, toOn, on].map(dayNumberOfDate);
  const days = BigInt(last - first + 1);
  const passed = BigInt(Math.min(Math.max(at - first + 1, 0), last - first + 1));
  const size = netMinor < 0n ? -netMinor : netMinor;
  const released = (2n * size * passed + days) / (2n * days);
  return netMinor < 0n ? -released : released;
}
