import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { formats, parserFor } from '../../src/adapters/sources/registry.ts';
import { type Sample, type SourceContract, sourceContract } from '../support/source-contract.ts';

// biome-ignore lint/suspicious/noExplicitAny: JSON of a test's own making
type Json = any;
const change = (message: string, changing: (json: Json) => void) => {
  const json = JSON.parse(message);
  changing(json);
  return JSON.stringify(json);
};
const without = (...fields: string[]) => Object.fromEntries(fields.map((field) => [`no ${field}`, (message: string) => change(message, (json) => delete json[field])]));
const jsonLines = {
  rewrite: (message: string) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(message)).reverse()), null, 2),
  file: (messages: readonly string[]) => `\ufeff${messages.join('\r\n')}\n\n`,
};
const notJson = { 'no JSON': (message: string) => message.slice(0, -5), 'a list': (message: string) => `[${message}]` };

const hours = (s: Sample) => ((Date.parse(s.endAt) - Date.parse(s.startAt)) / 3_600_000).toFixed(4);
const ocpi = (format: string): SourceContract => ({
  format,
  ...jsonLines,
  write: (s) =>
    JSON.stringify({
      country_code: 'SE',
      party_id: 'WLT',
      id: s.id,
      start_date_time: s.startAt,
      end_date_time: s.endAt,
      session_id: `S-${s.id}`,
      cdr_token: { uid: s.token, type: 'RFID', contract_id: 'SE-WLT-C1' },
      cdr_location: { id: s.site, evse_id: 'SE*WLT*E1', connector_id: '1' },
      currency: 'SEK',
      charging_periods: [
        {
          start_date_time: s.startAt,
          dimensions: [
            { type: 'ENERGY', volume: s.energyWh / 1000 },
            { type: 'TIME', volume: Number(hours(s)) },
          ],
        },
      ],
      total_cost: { excl_vat: 12.5 },
      total_energy: s.energyWh / 1000,
      last_updated: s.endAt,
    }),
  broken: {
    ...notJson,
    ...without('country_code', 'id', 'start_date_time', 'end_date_time', 'cdr_token', 'cdr_location', 'currency', 'charging_periods', 'total_cost', 'total_energy'),
    'a credit of nothing': (message) => change(message, (json) => Object.assign(json, { credit: true })),
    'energy that its periods do not hold': (message) => change(message, (json) => Object.assign(json, { total_energy: 99 })),
  },
});

/** The same in the words of 2.1.1, which names no owner and one token, and writes prices as numbers. */
const ocpi211: SourceContract = {
  format: 'ocpi-2-1-1',
  ...jsonLines,
  write: (s) =>
    JSON.stringify({
      id: s.id,
      start_date_time: s.startAt,
      stop_date_time: s.endAt,
      auth_id: s.token,
      auth_method: 'WHITELIST',
      location: { id: s.site, evses: [{ uid: 'E1', evse_id: 'SE*WLT*E1', connectors: [{ id: '1' }] }] },
      currency: 'SEK',
      charging_periods: [{ start_date_time: s.startAt, dimensions: [{ type: 'ENERGY', volume: s.energyWh / 1000 }] }],
      total_cost: 12.5,
      total_energy: s.energyWh / 1000,
      last_updated: s.endAt,
    }),
  broken: {
    ...notJson,
    ...without('id', 'start_date_time', 'stop_date_time', 'auth_id', 'location', 'currency', 'charging_periods', 'total_cost', 'total_energy'),
    'energy that its periods do not hold': (message) => change(message, (json) => Object.assign(json, { total_energy: 99 })),
  },
};
/** 2.3.0 writes prices before and with taxes. */
const ocpi230: SourceContract = {
  ...ocpi('ocpi-2-3-0'),
  write: (s) => change(ocpi('ocpi-2-3-0').write(s), (json) => Object.assign(json, { total_cost: { before_taxes: 12.5, taxes: [{ name: 'VAT', amount: 3.13 }] } })),
};

const [local, day] = [(at: string) => new Date(Date.parse(at) + 3_600_000).toISOString(), (at: string) => `${at.slice(8, 10)}.${at.slice(5, 7)}.${at.slice(0, 4)} ${at.slice(11, 16)}`];
const header = 'session_ID;Garage_ID;User_ID;User_type;Shared_ID;Start_plugin;Start_plugin_hour;End_plugout;End_plugout_hour;El_kWh;Duration_hours;month_plugin;weekdays_plugin';
const column = (message: string, at: number, value: string) =>
  message
    .split(';')
    .map((cell, i) => (i === at ? value : cell))
    .join(';');

const contracts: readonly SourceContract[] = [
  {
    format: 'csv-residential-csms',
    local: true,
    write: (s) => `${s.id};${s.site};${s.token};Private;NA;${day(local(s.startAt))};0;${day(local(s.endAt))};0;${(s.energyWh / 1000).toFixed(3).replace('.', ',')};NA;Dec;Thursday`,
    rewrite: (message) =>
      message
        .split(';')
        .map((cell, i) => (i < 10 ? ` ${cell}`.slice(i === 0 ? 1 : 0) : cell))
        .join(';'),
    file: (messages) => `${header}\r\n${messages.join('\r\n')}\r\n`,
    broken: {
      'a column too few': (message) => message.slice(0, message.lastIndexOf(';')),
      'no site': (message) => column(message, 1, 'NA'),
      'no token': (message) => column(message, 2, ''),
      'no start': (message) => column(message, 5, 'NA'),
      'no end and no duration': (message) => column(message, 7, 'NA'),
      'energy in words': (message) => column(message, 9, 'much'),
      'a day that is none': (message) => column(message, 5, '31.02.2019 10:00'),
      'a token where a figure belongs': (message) => column(message, 9, 'SECRETUID'),
    },
  },
  {
    format: 'json-csms',
    ...jsonLines,
    write: (s) =>
      JSON.stringify({
        transactionId: s.id,
        siteId: s.site,
        evseId: 'SE*WLT*E1',
        connectorId: 1,
        idTag: s.token,
        startTime: s.startAt,
        stopTime: s.endAt,
        meterStart: 1000,
        meterStop: 1000 + s.energyWh,
      }),
    broken: {
      ...notJson,
      ...without('transactionId', 'siteId', 'idTag', 'startTime', 'stopTime', 'meterStop'),
      'a time without offset': (message) => change(message, (json) => Object.assign(json, { startTime: '2019-12-05 10:00' })),
      'an RFC 3339 time but for its offset': (message) => change(message, (json) => Object.assign(json, { stopTime: '2019-12-05T10:00:00' })),
    },
  },
  {
    format: 'csms-transactions',
    ...jsonLines,
    write: (s) =>
      JSON.stringify({
        id: s.id,
        siteId: s.site,
        evseId: 'SE*WLT*E1',
        connectorId: 1,
        idTag: s.token,
        startedOn: s.startAt,
        stoppedOn: s.endAt,
        stopReason: 'Local',
        totalEnergy: (s.energyWh / 1000).toFixed(3),
        energyUnit: 'kWh',
        meterValues: [
          { timestamp: s.startAt, value: 1_000_000 },
          { timestamp: s.endAt, value: String(1_000_000 + s.energyWh) },
        ],
      }),
    broken: {
      ...notJson,
      ...without('id', 'siteId', 'idTag', 'startedOn', 'stoppedOn'),
      'no energy': (message) => change(message, (json) => Object.assign(json, { totalEnergy: null, meterValues: [] })),
      'a unit nobody knows': (message) => change(message, (json) => Object.assign(json, { energyUnit: 'SECRETUID' })),
      'a day that is none': (message) => change(message, (json) => Object.assign(json, { startedOn: '2019-02-31 10:00:00' })),
    },
  },
  {
    format: 'vehicle-telematics',
    ...jsonLines,
    write: (s) => JSON.stringify({ id: s.id, vehicleId: s.token, placeId: s.site, plugType: 'AC', start: s.startAt, end: s.endAt, energyAddedKwh: s.energyWh / 1000 }),
    broken: {
      ...notJson,
      ...without('id', 'vehicleId', 'placeId', 'start', 'end', 'energyAddedKwh'),
      'energy in words': (message) => change(message, (json) => Object.assign(json, { energyAddedKwh: 'SECRETUID' })),
      'a time without offset': (message) => change(message, (json) => Object.assign(json, { start: '2019-12-05T10:00:00.000' })),
    },
  },
  ocpi211,
  ocpi('ocpi-2-2-1'),
  ocpi230,
];

describe('the contract', () => {
  it('is kept by every format that can be set up', () => {
    expect(contracts.map((c) => c.format).sort()).toEqual([...formats].sort());
  });
});
for (const contract of contracts) sourceContract(contract);

describe('a file that is no list of messages', () => {
  const message = '{"id": "1"}';
  const files: readonly (readonly [string, Buffer])[] = [
    ['packed by gzip', gzipSync(`${message}\n`.repeat(500))],
    ['packed as ZIP', Buffer.from(`PK\u0003\u0004\n${message}\n`)],
    ['UTF-16', Buffer.from(`\ufeff${message}\n`, 'utf16le')],
    ['a JSON array', Buffer.from(`\ufeff\n[\n${message},\n${message}\n]\n`)],
  ];
  it.each(formats.flatMap((format) => files.map(([what, bytes]) => [format, what, bytes] as const)))('stores nothing of it: %s, %s', (format, what, bytes) => {
    const split = parserFor(format).splitFile(bytes);
    expect(split.ok).toBe(false);
    if (!split.ok && !format.startsWith('csv')) expect(split.issues).toMatchObject([{ code: 'notLines', severity: 'blocks', params: { found: what } }]);
  });
  it.each(formats.filter((format) => !format.startsWith('csv')))('leaves a file with a bad first line, and an empty one, to its lines: %s', (format) => {
    expect(parserFor(format).splitFile(Buffer.from(`{"id": \r\n${message}`))).toMatchObject({ ok: true, lines: [{ lineNo: 1 }, { lineNo: 2, bytes: Buffer.from(message) }] });
    expect(parserFor(format).splitFile(Buffer.alloc(0))).toEqual({ ok: true, lines: [] });
  });
});
