import { dayAfter } from '../period/segments.ts';
import { localDateOf, monthPeriod, startOfLocalDay } from '../time.ts';
import type { MonthSegment } from './month.ts';
import type { ShareAgreement } from './pipeline.ts';

/** A version of a contract; epoch ms, half-open. */
export type ContractVersion = { readonly version: number; readonly fromMs: number; readonly toMs: number; readonly agreement: ShareAgreement };

/** The version in force at an instant: the newest that has begun. */
export function versionAt(versions: readonly ContractVersion[], ms: number): ContractVersion | undefined {
  return versions.reduce<ContractVersion | undefined>((best, v) => (v.fromMs <= ms && ms < v.toMs && (best === undefined || v.version > best.version) ? v : best), undefined);
}

/**
 * The days of a month by the version that holds at each day's local end, since the day of a change is the new one's (D10), and before them
 * the versions that only other sessions fall under (`alsoAtMs`), without days.
 */
export function segmentsOf(versions: readonly ContractVersion[], serviceMonth: string, zone: string, alsoAtMs: readonly number[]): MonthSegment[] {
  const { startMs, endMs } = monthPeriod(serviceMonth, zone);
  const segments: { version: number; agreement: ShareAgreement; fromOn: string; toOn: string }[] = [];
  for (let at = startMs; at < endMs; ) {
    const on = localDateOf(at, zone);
    const nextOn = dayAfter(on);
    at = startOfLocalDay(nextOn, zone);
    const held = versionAt(versions, at - 1);
    const last = segments.at(-1);
    if (held !== undefined && last !== undefined && last.version === held.version && last.toOn === on) last.toOn = nextOn;
    else if (held !== undefined) segments.push({ version: held.version, agreement: held.agreement, fromOn: on, toOn: nextOn });
  }
  const firstOn = `${serviceMonth}-01`;
  const held = new Set(segments.map((s) => s.version));
  const others = [...new Set(alsoAtMs.flatMap((ms) => versionAt(versions, ms) ?? []))].filter((v) => !held.has(v.version)).sort((a, b) => a.fromMs - b.fromMs);
  return [...others.map((v): MonthSegment => ({ version: v.version, agreement: v.agreement, fromOn: firstOn, toOn: firstOn })), ...segments];
}
