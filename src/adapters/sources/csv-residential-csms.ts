import { recordKeyOf } from '../../contracts/charge-record.ts';
import { type Issue, issue } from '../../core/issues.ts';
import { formatInstant, localToInstant } from '../../core/time.ts';
import { shown } from './discreet.ts';
import type { ParseResult, SourceContext, SourceLine, SourceParser } from './port.ts';
import { unkeyedKey } from './unkeyed.ts';

const columns = [
  'session_ID',
  'Garage_ID',
  'User_ID',
  'User_type',
  'Shared_ID',
  'Start_plugin',
  'Start_plugin_hour',
  'End_plugout',
  'End_plugout_hour',
  'El_kWh',
  'Duration_hours',
  'month_plugin',
  'weekdays_plugin',
];
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A residential CSMS's session export: `;`, decimal commas, local times without offset, `NA` for what is missing. */
export const csvResidentialCsms: SourceParser = {
  format: 'csv-residential-csms',

  splitFile(bytes) {
    const header = bytes
      .subarray(0, bytes.indexOf(10) < 0 ? bytes.length : bytes.indexOf(10))
      .toString('utf8')
      .replace(/^\uFEFF/, '')
      .trim()
      .split(';');
    const position = columns.findIndex((name, i) => header[i] !== name);
    if (position >= 0 || header.length !== columns.length) {
      const at = position >= 0 ? position : columns.length;
      return { ok: false, issues: [issue('wrongHeader', 'blocks', 'line 1', { position: at + 1, found: header[at] ?? '', expected: columns[at] ?? 'nothing' })] };
    }
    const lines: SourceLine[] = [];
    let from = bytes.indexOf(10) + 1;
    for (let lineNo = 2; from > 0 && from < bytes.length; lineNo += 1) {
      const newline = bytes.indexOf(10, from);
      const end = newline < 0 ? bytes.length : newline;
      const line = bytes.subarray(from, bytes[end - 1] === 13 ? end - 1 : end);
      if (line.length > 0) lines.push({ lineNo, bytes: line });
      from = end + 1;
    }
    return { ok: true, lines };
  },

  keyOf(bytes, context) {
    const id = (bytes.toString('utf8').split(';', 1)[0] ?? '').trim();
    return isId(id) ? recordKeyOf({ ...context, cdrId: id }) : unkeyedKey(bytes);
  },

  parse(bytes, context): ParseResult {
    let text: string;
    try {
      text = utf8.decode(bytes);
    } catch {
      return { ok: false, issues: [issue('badEncoding', 'blocks', 'line')] };
    }
    const fields = text.split(';').map((f) => f.trim());
    const [first = '', garage = '', user = '', , , start = '', , end = '', , kWh = '', duration = ''] = fields;
    const id = shownId(first);
    if (fields.length !== columns.length) return { ok: false, issues: [issue('wrongColumnCount', 'blocks', id, { found: fields.length, expected: columns.length })] };
    const issues: Issue[] = [];
    if (!isId(first)) issues.push(issue('badNumber', 'blocks', id, { field: 'session_ID', value: shown(first) }));
    if (garage === '' || garage === 'NA') issues.push(issue('missingField', 'blocks', id, { field: 'Garage_ID' }));
    if (user === '' || user === 'NA') issues.push(issue('missingField', 'blocks', id, { field: 'User_ID' }));
    const energyWh = wattHours(kWh);
    if (energyWh === undefined) issues.push(issue('badNumber', 'blocks', id, { field: 'El_kWh', value: shown(kWh) }));
    const durationS = duration === 'NA' ? undefined : seconds(duration);
    if (duration !== 'NA' && durationS === undefined) issues.push(issue('badNumber', 'blocks', id, { field: 'Duration_hours', value: shown(duration) }));

    const from = localTime(start, context, 'Start_plugin', id, issues);
    let to: { earlier: number; later: number } | undefined;
    if (end !== 'NA') to = localTime(end, context, 'End_plugout', id, issues);
    else if (durationS === undefined) issues.push(issue('missingEnd', 'blocks', id));
    else if (from !== undefined) {
      to = { earlier: from.earlier + durationS * 1000, later: from.earlier + durationS * 1000 };
      issues.push(issue('endDerived', 'warns', id));
    }
    if (from === undefined || to === undefined || energyWh === undefined || issues.some((i) => i.severity === 'blocks')) {
      return { ok: false, issues, ...(energyWh === undefined ? {} : { statedWh: energyWh }) };
    }

    // In the autumn fold the stated duration tells which pass of the hour is meant.
    const choices = [from.earlier, from.later].flatMap((s) => [to.earlier, to.later].map((e) => ({ s, e })));
    const off = (c: { s: number; e: number }) => Math.abs((c.e - c.s) / 1000 - (durationS ?? (to.earlier - from.earlier) / 1000));
    const best = choices.reduce((a, b) => (off(b) < off(a) ? b : a));
    return {
      ok: true,
      issues,
      facts: {
        sourceId: context.sourceId,
        ownerCountry: context.ownerCountry,
        ownerParty: context.ownerParty,
        cdrId: id,
        externalIds: { cdr: id },
        siteKey: garage,
        tokenKey: user,
        startAt: formatInstant(best.s),
        endAt: formatInstant(best.e),
        energyWh,
        ...(durationS === undefined ? {} : { statedDurationS: durationS }),
        periods: 'unsplit',
      },
    };
  },
};

const isId = (text: string) => /^\d+$/.test(text);

/** What stands where the session's id belongs, for the subject of an issue: in a line without separators that is all of it. */
function shownId(first: string): string {
  return isId(first) ? first : 'line';
}

/** `29,87` kWh to 29870 Wh without a float; half up below a Wh. */
function wattHours(text: string): number | undefined {
  const m = /^(-?)(\d+)(?:,(\d+))?$/.exec(text);
  if (m === null) return undefined;
  const fraction = (m[3] ?? '').padEnd(4, '0');
  const wh = Number(m[2]) * 1000 + Number(fraction.slice(0, 3)) + (Number(fraction[3]) >= 5 ? 1 : 0);
  return m[1] === '-' ? -wh : wh;
}

function seconds(hours: string): number | undefined {
  return /^-?\d+(,\d+)?$/.test(hours) ? Math.round(Number(hours.replace(',', '.')) * 3600) : undefined;
}

function localTime(text: string, context: SourceContext, field: string, id: string, issues: Issue[]) {
  const m = /^(\d{2})\.(\d{2})\.(\d{4}) (\d{2}):(\d{2})$/.exec(text);
  const [day = 0, month = 0, year = 0, hour = 0, minute = 0] = (m ?? []).slice(1).map(Number);
  const back = new Date(Date.UTC(year, month - 1, day, hour, minute));
  if (m === null || back.getUTCDate() !== day || back.getUTCMonth() !== month - 1 || hour > 23 || minute > 59) {
    issues.push(issue('badTimestamp', 'blocks', id, { field, value: shown(text) }));
    return undefined;
  }
  const instant = localToInstant({ year, month, day, hour, minute, second: 0 }, context.timeZone);
  if (instant.ambiguity !== 'none') issues.push(issue('ambiguousLocalTime', 'warns', id, { field, value: shown(text) }));
  return instant;
}
