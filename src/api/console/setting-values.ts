import { minorUnitDigits } from '../../core/money.ts';
import type { Values } from '../../ui/order-page.tsx';
import type { Rule, Said, Sayings, Setting } from '../../ui/rule-book.ts';
import { saidText } from '../../ui/rule-book.ts';
import { Problem } from '../problem.ts';
import { scaledOf } from './form-values.ts';

/** What a form says of settings; an empty field is as by default. Throws Problem with each field that cannot be read and how to write it. */
export function sayingsOf(rules: readonly Rule[], values: Values, currency: string): Sayings {
  const read = rules
    .flatMap((rule) => rule.settings)
    .flatMap((setting) => {
      const typed = values[setting.path]?.trim() ?? '';
      return typed === '' ? [] : [{ path: setting.path, ...readSetting(setting, typed, currency) }];
    });
  const errors = read.flatMap(({ path, message }) => (message === undefined ? [] : [{ path, message }]));
  if (errors.length > 0) throw new Problem(422, 'invalid', 'Some fields cannot be read.', { errors });
  return Object.fromEntries(read.flatMap(({ path, said }) => (said === undefined ? [] : [[path, said]])));
}

type Read = { readonly said?: Said; readonly message?: string };

function readSetting(setting: Setting, typed: string, currency: string): Read {
  const { unit, most = Number.MAX_SAFE_INTEGER } = setting;
  if (typeof unit === 'object' && 'choices' in unit) return unit.choices.some(([code]) => code === typed) ? { said: typed } : { message: `"${typed}" is none of the choices` };
  if (unit === 'letters') return { said: typed };
  const said = unit === 'money' ? scaledOf(typed, minorUnitDigits(currency)) : unit === 'energy' ? scaledOf(typed, 3) : unit === 'duration' ? secondsOf(typed) : scaledOf(typed, 0);
  if (said === undefined) return { message: `"${typed}" ${wanted(unit, currency)}, or leave it empty for the default` };
  return said > most ? { message: `${saidText(setting, said, currency)} is too much: at most ${saidText(setting, most, currency)}` } : { said };
}

function wanted(unit: Setting['unit'], currency: string): string {
  if (unit === 'money') return `is no amount in ${currency}: write digits and a point, such as ${minorUnitDigits(currency) === 0 ? '1000' : `1000.${'0'.repeat(minorUnitDigits(currency))}`}`;
  if (unit === 'energy') return 'is not in kWh: write digits and up to three decimals after a point, such as 13.7';
  if (unit === 'percent') return 'is no whole percentage: write 150, without the sign';
  return unit === 'duration' ? 'is no time: write hours, minutes and seconds, such as 3:00:00' : 'is no whole number: write 3';
}

function secondsOf(text: string): number | undefined {
  const [, hours, minutes, seconds] = /^(\d{1,13}):([0-5]\d):([0-5]\d)$/.exec(text) ?? [];
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return Number.isSafeInteger(total) ? total : undefined;
}
