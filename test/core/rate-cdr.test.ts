import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { rateStream } from '../../src/commands/rate-stream.ts';
import { reportText } from '../../src/core/rate/cdr-report.ts';
import { zoneOfCountry } from '../../src/core/rate/country-zones.ts';
import { offerTariff, rateCdr, rateRequest } from '../../src/core/rate/rate-cdr.ts';
import { isValidZone } from '../../src/core/time.ts';
import { cdrOf, type Element, type OcpiTariff, type Period, requestOf, tariffOf } from '../support/ocpi.ts';

const hour = 3_600_000;
const startMs = Date.UTC(2024, 4, 6, 8);
const energy = (price: number, rest: object = {}) => ({ type: 'ENERGY', price, step_size: 1, ...rest });
const time = (price: number, rest: object = {}) => ({ type: 'TIME', price, step_size: 1, ...rest });
const flat = (price: number, rest: object = {}) => ({ type: 'FLAT', price, step_size: 1, ...rest });
const period = (hours: number, ...dimensions: [string, number][]): Period => ({
  start_date_time: new Date(startMs + hours * hour).toISOString(),
  dimensions: dimensions.map(([type, volume]) => ({ type, volume })),
});
const tenKwh = [period(0, ['ENERGY', 10], ['TIME', 1])];
const cdr = (periods: Period[], rest: object = {}, hours = 1) => cdrOf(startMs, startMs + hours * hour, periods, rest);
type Report = { ok: boolean; total_cost: { excl_vat: string | null; incl_vat: string | null } | null; warnings: { code: string; path: string }[]; error: { code: string; path: string } } & Record<
  string,
  unknown
>;
const report = (request: unknown, explain = false) => JSON.parse(reportText('case', rateRequest(request), explain)) as Report;
const total = (request: unknown) => {
  const { total_cost: cost } = report(request);
  return cost === null ? null : [cost.excl_vat, cost.incl_vat];
};
const one = (elements: Element[], rest: object = {}, version = '2.2.1') => requestOf(cdr(tenKwh), tariffOf(elements, rest), version);

describe('tax', () => {
  const priced = (included: string, vat?: number) => one([{ price_components: [energy(1, vat === undefined ? {} : { vat })] }], { tax_included: included }, '2.3.0');

  it('2.3.0: prices with tax included are gross, and net is what remains', () => {
    // 10 gross at 25 %: 8 net
    expect(total(priced('YES', 25))).toEqual(['8.0000', '10.0000']);
    expect(total(priced('NO', 25))).toEqual(['10.0000', '12.5000']);
    expect(total(priced('N/A', 25))).toEqual(['10.0000', '10.0000']);
  });

  it('2.3.0: tax included at a rate nobody tells leaves the net unknown', () => {
    expect(total(priced('YES'))).toEqual([null, '10.0000']);
    expect(report(priced('YES')).warnings.map((w) => w.code)).toEqual(['netUnknown']);
  });

  it('2.3.0: a price limit has its own two names, bound independently', () => {
    const limited = { tax_included: 'NO', max_price: { before_taxes: 9, after_taxes: 20 } };
    expect(total(one([{ price_components: [energy(1, { vat: 25 })] }], limited, '2.3.0'))).toEqual(['9.0000', '12.5000']);
  });

  it('2.1.1 knows no VAT and no limits: what is there is named and left out', () => {
    const old = requestOf(
      { ...cdr(tenKwh), stop_date_time: new Date(startMs + hour).toISOString(), location: { country: 'SWE' } },
      tariffOf([{ price_components: [energy(1, { vat: 25 })] }], { min_price: 50 }),
      '2.1.1',
    );
    expect(total(old)).toEqual(['10.0000', null]);
    expect(report(old).warnings.map((w) => [w.code, w.path])).toEqual([
      ['fieldNotInVersion', '$.tariff.elements[0].price_components[0]'],
      ['fieldNotInVersion', '$.tariff'],
    ]);
  });

  it('keeps a sum per VAT rate, none apart from 0 %', () => {
    const request = one([{ price_components: [energy(1, { vat: 25 }), time(2), flat(3, { vat: 0 })] }]);
    expect(report(request)['vat']).toEqual([
      { percent: '0', cost: { excl_vat: '3.0000', incl_vat: '3.0000' } },
      { percent: '25', cost: { excl_vat: '10.0000', incl_vat: '12.5000' } },
      { percent: null, cost: { excl_vat: '2.0000', incl_vat: '2.0000' } },
    ]);
  });
});

it('prices are reported as plain decimals, however the tariff writes them', () => {
  const price = (text: string | number) => (report(one([{ price_components: [{ type: 'ENERGY', price: text, step_size: 1 }] }]))['periods'] as { energy: { price: string } }[])[0]?.energy.price;
  expect(['2.50', 0.3, '+1.5', '25e-1', 1e-7, '-1E2'].map(price)).toEqual(['2.50', '0.3', '1.5', '2.5', '0.0000001', '-100']);
});

describe('limits', () => {
  it('a session that nothing priced still costs the minimum', () => {
    expect(total(one([{ price_components: [time(1)], restrictions: { min_kwh: 99 } }], { min_price: { excl_vat: 2, incl_vat: 2.5 } }))).toEqual(['2.0000', '2.5000']);
    expect(total(one([{ price_components: [time(1)], restrictions: { min_kwh: 99 } }], { max_price: 2 }))).toBeNull();
  });
});

describe('several tariffs', () => {
  const night = { ...tariffOf([{ price_components: [energy(1, { step_size: 1000 }), flat(1)] }]), id: 'NIGHT' };
  const day = { ...tariffOf([{ price_components: [energy(3, { step_size: 1000 }), flat(5)] }]), id: 'DAY' };
  const request = (tariffs: OcpiTariff[], ...ids: (string | undefined)[]) => {
    const periods = ids.map((id, i) => ({ ...period(i, ['ENERGY', 1.5]), ...(id === undefined ? {} : { tariff_id: id }) }));
    return { ocpi_version: '2.2.1', timezone: 'Europe/Stockholm', cdr: cdr(periods, { tariffs }, ids.length) };
  };

  it('each period has the tariff it names, and without a name the one at the start', () => {
    // 1.5 × 1 exactly, as that tariff was left, then 2 × 3 by step, and the first fee
    expect(total(request([night, day], 'night', 'DAY'))).toEqual(['8.5000', '8.5000']);
    expect(total(request([night, day], undefined, undefined))).toEqual(['4.0000', '4.0000']);
  });

  it('a tariff that is not there cannot be replaced, unless one was handed over', () => {
    expect(report(request([night], 'NIGHT', 'DAY')).error).toMatchObject({ code: 'unknownTariff', path: '$.cdr.charging_periods[1].tariff_id' });
    expect(report({ ...request([], 'DAY'), tariff: night }).warnings.map((w) => w.code)).toEqual(['tariffDiffers']);
  });

  it('refuses tariffs of another currency than the CDR or each other', () => {
    const euro = { ...day, currency: 'EUR' };
    expect(report(request([night, euro], 'NIGHT', 'DAY')).error).toMatchObject({ code: 'cdrCurrencyMismatch', path: '$.cdr.tariffs[1].currency' });
    expect(report(request([euro], undefined)).error).toMatchObject({ code: 'cdrCurrencyMismatch', path: '$.cdr.tariffs[0].currency' });
    const silent = request([night, euro], 'NIGHT', 'DAY');
    expect(report({ ...silent, cdr: { ...silent.cdr, currency: null } }).error).toMatchObject({ code: 'cdrCurrencyMismatch', path: '$.cdr.charging_periods[1].tariff_id' });
  });

  it('validity is tested once, at the start of the CDR, its end excluded', () => {
    const valid = (from: string, to: string) => [{ ...night, start_date_time: from, end_date_time: to }];
    expect(total(request(valid('2024-05-06T08:00:00Z', '2024-05-06T08:00:01Z'), undefined))).toEqual(['3.0000', '3.0000']);
    expect(report(request(valid('2024-05-06T08:00:01Z', '2025-01-01T00:00:00Z'), undefined)).error.code).toBe('noActiveTariff');
    expect(report(request(valid('2024-01-01T00:00:00Z', '2024-05-06T08:00:00Z'), undefined)).error.code).toBe('noActiveTariff');
  });
});

describe('reservations', () => {
  const used = { price_components: [flat(2), time(5, { step_size: 300 })], restrictions: { reservation: 'RESERVATION' } };
  const lapsed = { price_components: [time(6, { step_size: 600 })], restrictions: { reservation: 'RESERVATION_EXPIRES' } };
  const session = { price_components: [flat(0.5), energy(0.25)] };
  const reserved = (...periods: Period[]) => requestOf(cdr(periods, {}, 2), tariffOf([lapsed, used, session]));

  it('a used one has its own fee, rounding and total, beside the fee of the session', () => {
    // 2 + 5 × 15 min (13 in steps of 5) + 0.5 + 5
    const answer = report(reserved(period(0, ['RESERVATION_TIME', 0.2167]), period(13 / 60, ['ENERGY', 20])));
    expect([answer.total_cost?.excl_vat, answer['total_reservation_cost'], answer['total_fixed_cost']]).toEqual([
      '8.7500',
      { excl_vat: '3.2500', incl_vat: '3.2500' },
      { excl_vat: '0.5000', incl_vat: '0.5000' },
    ]);
    expect([answer['total_reservation_time_s'], answer['billed_reservation_time_s']]).toEqual(['780', '900']);
  });

  it('one that lapsed costs its own time, the fee it lacks, and nothing of the session', () => {
    // 6 × 2 h, and the fee of RESERVATION
    const answer = report(reserved(period(0, ['RESERVATION_TIME', 2], ['ENERGY', 0])));
    expect([answer.total_cost?.excl_vat, answer['total_fixed_cost'], answer['total_energy_cost']]).toEqual(['14.0000', null, null]);
  });

  it('reserved time does not count towards the duration of the session', () => {
    const elements = [{ price_components: [energy(1)], restrictions: { max_duration: 3600 } }, { price_components: [energy(9)] }];
    expect(total(requestOf(cdr([period(0, ['RESERVATION_TIME', 1]), period(1, ['ENERGY', 10])], {}, 2), tariffOf(elements)))).toEqual(['10.0000', '10.0000']);
  });
});

describe('readings', () => {
  const elements = [{ price_components: [energy(1)], restrictions: { min_power: 22, max_current: 32 } }, { price_components: [energy(9)] }];
  const at = (...readings: [string, number][]) => report(requestOf(cdr([period(0, ['ENERGY', 1], ...readings)]), tariffOf(elements)));

  it('a minimum asks the highest reading, a maximum the lowest', () => {
    expect(at(['MAX_POWER', 22], ['MIN_CURRENT', 31.9]).total_cost?.excl_vat).toBe('1.0000');
    expect(at(['MAX_POWER', 21.9], ['MIN_CURRENT', 16]).total_cost?.excl_vat).toBe('9.0000');
    expect(at(['MAX_POWER', 50], ['MIN_CURRENT', 32]).total_cost?.excl_vat).toBe('9.0000');
  });

  it('one that is missing counts as met, with a word', () => {
    const answer = at(['MIN_POWER', 1]);
    expect([answer.total_cost?.excl_vat, answer.warnings.map((w) => w.code)]).toEqual(['1.0000', ['readingMissing', 'readingMissing']]);
  });
});

describe('time zone', () => {
  const morning = tariffOf([{ price_components: [energy(1)], restrictions: { end_time: '10:00' } }, { price_components: [energy(2)] }]);
  const from = (location: object | null, timezone?: string) => ({
    ocpi_version: '2.2.1',
    tariff: morning,
    cdr: cdr(tenKwh, { cdr_location: location }),
    ...(timezone === undefined ? {} : { timezone }),
  });

  it('is the one given, else the location’s, else the only one of the country', () => {
    // 08:00Z is 10:00 in Stockholm, 09:00 in London
    expect(total(from({ country: 'SWE' }, 'Europe/London'))).toEqual(['10.0000', '10.0000']);
    expect(total(from({ country: 'SWE', time_zone: 'Europe/London' }))).toEqual(['10.0000', '10.0000']);
    expect(total(from({ country: 'SWE' }))).toEqual(['20.0000', '20.0000']);
  });

  it('without any the CDR is refused', () => {
    expect(report(from({ country: 'USA' })).error).toMatchObject({ code: 'missingZone', path: '$.timezone' });
    expect(report(from(null)).error).toMatchObject({ code: 'missingZone' });
    expect(report(from({ country: 'SWE' }, 'Mars/Base')).error).toMatchObject({ code: 'unknownZone', path: '$.timezone' });
  });

  it('countries with one zone have one this runtime knows; those with several have none', () => {
    expect(['SWE', 'NOR', 'DEU', 'NLD', 'GBR', 'JPN'].map((c) => isValidZone(zoneOfCountry(c) ?? ''))).toEqual(Array(6).fill(true));
    expect(['USA', 'ESP', 'PRT', 'AUS', 'CAN', 'BRA', ''].map(zoneOfCountry)).toEqual(Array(7).fill(undefined));
  });
});

describe('refusals name the offending value', () => {
  const good = one([{ price_components: [energy(1)], restrictions: { min_kwh: 0 } }]);
  it.each([
    [{ ocpi_version: '3.0' }, 'unknownVersion', '$.ocpi_version'],
    [{ cdr: null }, 'missingField', '$.cdr'],
    [{ cdr: { ...good.cdr, total_energy: null } }, 'missingField', '$.cdr.total_energy'],
    [{ cdr: { ...good.cdr, end_date_time: 'noon' } }, 'badTimestamp', '$.cdr.end_date_time'],
    [{ cdr: { ...good.cdr, charging_periods: [] } }, 'noPeriods', '$.cdr.charging_periods'],
    [{ cdr: { ...good.cdr, charging_periods: [{ ...tenKwh[0], dimensions: [{ type: 'ENERGY', volume: 'ten' }] }] } }, 'badNumber', '$.cdr.charging_periods[0].dimensions[0].volume'],
    [{ cdr: { ...good.cdr, charging_periods: [{ ...tenKwh[0], dimensions: [{ type: 'ENERGY', volume: 1e12 }] }] } }, 'outOfRange', '$.cdr.charging_periods[0].dimensions[0].volume'],
    [{ cdr: { ...good.cdr, currency: 'EUR' } }, 'cdrCurrencyMismatch', '$.tariff.currency'],
    [{ tariff: { ...good.tariff, currency: 'SEKEL' } }, 'unknownCurrency', '$.tariff.currency'],
    [{ tariff: { ...good.tariff, party_id: '' } }, 'missingField', '$.tariff.party_id'],
    [{ tariff: { ...good.tariff, elements: [] } }, 'missingField', '$.tariff.elements'],
    [{ tariff: { ...good.tariff, elements: [{ price_components: [{ type: 'ENERGY', step_size: 1 }] }] } }, 'missingField', '$.tariff.elements[0].price_components[0].price'],
    [{ tariff: { ...good.tariff, elements: [{ price_components: [energy(1, { step_size: 0.5 })] }] } }, 'badStepSize', '$.tariff.elements[0].price_components[0].step_size'],
    [{ tariff: { ...good.tariff, elements: [{ price_components: [energy(1)], restrictions: { end_time: '24:00' } }] } }, 'badRestriction', '$.tariff.elements[0].restrictions.end_time'],
    [
      { tariff: { ...good.tariff, elements: [{ price_components: [energy(1)], restrictions: { day_of_week: ['MONDAY', 'MOONDAY'] } }] } },
      'badRestriction',
      '$.tariff.elements[0].restrictions.day_of_week[1]',
    ],
    [{ tariff: null }, 'noActiveTariff', '$.cdr.tariffs'],
    [{ ocpi_version: '2.3.0' }, 'missingField', '$.tariff.tax_included'],
  ])('%j: %s', (change, code, path) => {
    expect(report({ ...good, ...change })).toMatchObject({ name: 'case', ok: false, error: { code, path } });
  });
});

describe('warnings', () => {
  it('what is repeated is summed, what is unknown left out, what overruns flagged', () => {
    const periods = [period(0, ['ENERGY', 1], ['ENERGY', 2], ['MAGIC', 3], ['STATE_OF_CHARGE', 80])];
    const answer = report(requestOf(cdr(periods), tariffOf([{ price_components: [energy(1)], restrictions: { max_duration: 60 } }])));
    expect([answer['total_energy_kwh'], answer.warnings.map((w) => w.code)]).toEqual(['3', ['dimensionRepeated', 'unknownDimension', 'periodOverruns']]);
  });

  it('a CDR that ends before it starts is rated as stated', () => {
    const answer = report(requestOf(cdr(tenKwh, {}, -1), tariffOf([{ price_components: [energy(1)] }])));
    expect([answer.total_cost?.excl_vat, answer.warnings.map((w) => w.code)]).toEqual(['10.0000', ['periodOutsideSession', 'endBeforeStart']]);
  });
});

describe('explanation', () => {
  it('tells which element prices each dimension, why the others do not, and one sentence for each price', () => {
    const elements = [
      { price_components: [energy(1, { vat: 25 })], restrictions: { start_time: '22:00' } },
      { price_components: [energy(2, { vat: 25, step_size: 3000 }), flat(5)] },
      { price_components: [energy(9), time(1)], restrictions: { min_kwh: 1 } },
    ];
    const { explanation } = report(requestOf(cdr(tenKwh), tariffOf(elements)), true) as unknown as { explanation: { sentences: string[]; trace: unknown[] } };
    expect(explanation.sentences).toEqual([
      'Fee, once, at 5 SEK: 5.0000 SEK (no VAT applies; element 2 of tariff T1)',
      'Energy, 12 kWh, at 2 SEK per kWh: 24.0000 SEK (25 % VAT; element 2 of tariff T1)',
      'Energy of 10 kWh is billed as 12 kWh, in steps of 3000 Wh',
    ]);
    expect(explanation.trace).toEqual([
      { period: 0, dimension: 'FLAT', element: 2, price: '5', not: [] },
      {
        period: 0,
        dimension: 'ENERGY',
        element: 2,
        price: '2',
        not: [
          { element: 1, because: 'start_time/end_time' },
          { element: 3, because: 'min_kwh' },
        ],
      },
      { period: 0, dimension: 'TIME', element: null, price: null, not: [{ element: 3, because: 'min_kwh' }] },
    ]);
  });
});

it('a prepared tariff prices many CDRs and is compiled once', () => {
  const offer = offerTariff(tariffOf([{ price_components: [energy(1)] }]), '2.2.1', '$.tariff');
  const input = { version: '2.2.1' as const, cdr: cdr(tenKwh), timezone: 'Europe/Stockholm', offers: [offer] };
  const [first, compiled] = [rateCdr(input), offer.compiled];
  expect([first, offer.compiled === compiled]).toEqual([rateCdr(input), true]);
});

it('a home-charging CDR is rated alike and marked', () => {
  const request = one([{ price_components: [energy(1)] }]);
  expect(report({ ...request, cdr: { ...request.cdr, home_charging_compensation: true } })).toMatchObject({ home_charging_compensation: true, total_cost: { excl_vat: '10.0000' } });
});

describe('rateStream', () => {
  const stream = async (chunks: (string | Buffer)[]) => {
    const output = new PassThrough();
    const summary = await rateStream(Readable.from(chunks), output, { explain: false });
    const answers = String(output.read() ?? '')
      .split('\n')
      .filter((line) => line !== '');
    return { summary, answers: answers.map((line) => JSON.parse(line) as Report & { name: string | null }) };
  };

  it('answers every line in its order, a bad one with its error, however the bytes arrive', async () => {
    const request = JSON.stringify({ ...one([{ price_components: [energy(1)] }]), name: 'första' });
    const bytes = Buffer.from(`${request}\n\nnot json\r\n${request.replace('första', 'last')}`);
    const chunks = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.subarray(i * 7, i * 7 + 7));
    const { summary, answers } = await stream(chunks);
    expect(summary).toEqual({ rated: 2, refused: 1 });
    expect(answers.map((a) => [a.name, a.ok])).toEqual([
      ['första', true],
      [null, false],
      ['last', true],
    ]);
    expect(await stream([bytes])).toEqual({ summary, answers });
  });

  it('reads over a byte order mark', async () => {
    const request = JSON.stringify(one([{ price_components: [energy(1)] }]));
    expect((await stream([Buffer.from(`\uFEFF${request}\r\n${request}\r\n`)])).summary).toEqual({ rated: 2, refused: 0 });
    expect((await stream([Buffer.from('\uFEFF')])).summary).toEqual({ rated: 0, refused: 0 });
  });

  it('nothing in, nothing out', async () => {
    expect(await stream([])).toEqual({ summary: { rated: 0, refused: 0 }, answers: [] });
  });
});
