import { formatMinor } from '../core/money.ts';
import { count, grouped, kWh } from './format.ts';

/** A whole number in its smallest unit (minor units, Wh, seconds), or a code. */
export type Said = string | number;
/** What is said otherwise than by default, by the path of the setting. */
export type Sayings = Readonly<Record<string, Said>>;

export type Setting = {
  /** As the API names the place. */
  readonly path: string;
  readonly label: string;
  readonly unit: 'money' | 'energy' | 'percent' | 'duration' | 'letters' | { readonly of: string } | { readonly choices: readonly (readonly [code: string, text: string])[] };
  readonly most?: number;
  /** null: none. */
  readonly byDefault: Said | null;
};
/** A rule: what it means in words, and what of it can be set. */
export type Rule = { readonly key: string; readonly name: string; readonly about: string; readonly settings: readonly Setting[] };
export type Wrong = { readonly path: string; readonly message: string };

/** One kind of an entity's rules as settings, and back; `rules` answers what is wrong where no rules can be made. */
export type RuleBook<R> = {
  readonly rules: readonly Rule[];
  readonly said: (rules: R) => Sayings;
  readonly made: (said: Sayings) => { readonly rules: R } | { readonly wrong: readonly Wrong[] };
};

/** A version as settings. */
export type SaidVersion = { readonly version: number; readonly said: Sayings; readonly reason: string; readonly author: string; readonly madeAt: string };
export type Change = { readonly rule: Rule; readonly setting: Setting; readonly from: Said | undefined; readonly to: Said | undefined };

/** A name as it stands at the head of a line. */
export const named = (name: string) => name.replace(/^[a-z](?=[a-z])/, (first) => first.toUpperCase());

/** What of two states of an entity's rules differs, in the order of the book. */
export function changesBetween(rules: readonly Rule[], before: Sayings, after: Sayings): Change[] {
  return rules.flatMap((rule) => rule.settings.map((setting) => ({ rule, setting, from: before[setting.path], to: after[setting.path] }))).filter(({ from, to }) => from !== to);
}

/** By setting, the version since which it is as it is now; none where it never was otherwise than by default. */
export function heldSince(rules: readonly Rule[], versions: readonly SaidVersion[]): ReadonlyMap<string, SaidVersion> {
  const since = new Map<string, SaidVersion>();
  versions.forEach((version, i) => {
    for (const { setting } of changesBetween(rules, versions[i - 1]?.said ?? {}, version.said)) since.set(setting.path, version);
  });
  return since;
}

/** What a setting says, in words and major units. */
export function saidText({ unit }: Setting, said: Said | null, currency: string): string {
  if (said === null) return 'none';
  if (typeof unit === 'object') return 'choices' in unit ? (unit.choices.find(([code]) => code === said)?.[1] ?? String(said)) : count(Number(said), unit.of);
  if (unit === 'money') return `${grouped(formatMinor(BigInt(said), currency))} ${currency}`;
  if (unit === 'energy') return `${kWh(String(said))} kWh`;
  if (unit === 'percent') return `${grouped(String(said))} %`;
  return unit === 'duration' ? clock(Number(said)) : String(said);
}

/** The same where it may be as by default. */
export const nowText = (setting: Setting, said: Said | undefined, currency: string) =>
  said === undefined ? `${saidText(setting, setting.byDefault, currency)}, the default` : saidText(setting, said, currency);

/** As it is typed: without its unit and with no digits apart. */
export function typedText({ unit }: Setting, said: Said | undefined, currency: string): string {
  if (said === undefined) return '';
  if (unit === 'money') return formatMinor(BigInt(said), currency);
  if (unit === 'energy') return formatThousandths(Number(said));
  return unit === 'duration' ? clock(Number(said)) : String(said);
}

const formatThousandths = (n: number) => `${BigInt(n) / 1000n}.${String(BigInt(n) % 1000n).padStart(3, '0')}`;

/** Seconds as `3:00:00`. */
function clock(seconds: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
