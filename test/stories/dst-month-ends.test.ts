import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Seed } from '../../src/contracts/seed.ts';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

/** Sessions by their instants in UTC, each of an energy of its own in Wh, and the local month that must bill it. */
type Case = { readonly start: string; readonly end: string; readonly wh: number; readonly month: string; readonly why: string };
const inZone = (timeZone: string) => (seed: Seed) => {
  seed.entity.timeZone = timeZone;
  // Its export is in UTC, so that a line names one instant.
  for (const source of seed.sources) source.timeZone = 'UTC';
};
const lineOf = ({ start, end, wh }: Case, i: number) => {
  const text = (instant: string) => `${instant.slice(8, 10)}.${instant.slice(5, 7)}.${instant.slice(0, 4)} ${instant.slice(11, 16)}`;
  return session(i + 1, { start: text(start), end: text(end), kWh: `${Math.floor(wh / 1000)},${String(wh % 1000).padStart(3, '0')}` });
};

const zones: Readonly<Record<string, { readonly months: readonly string[]; readonly cases: readonly Case[] }>> = {
  'Europe/Stockholm': {
    months: ['2019-03', '2019-04', '2019-10', '2019-11'],
    cases: [
      { start: '2019-02-28T21:00Z', end: '2019-02-28T22:59Z', wh: 1001, month: '2019-02', why: 'ends at 23:59 of the last day in winter' },
      { start: '2019-02-28T21:10Z', end: '2019-02-28T23:00Z', wh: 1002, month: '2019-03', why: 'ends at exactly 00:00: the new month (D05)' },
      { start: '2019-03-31T00:30Z', end: '2019-03-31T01:30Z', wh: 1003, month: '2019-03', why: 'goes through the hour that there is not, 01:30 to 03:30 on the clock' },
      { start: '2019-03-31T20:00Z', end: '2019-03-31T21:59Z', wh: 1004, month: '2019-03', why: 'ends at 23:59 of the day of the change, in summer time already' },
      { start: '2019-03-31T20:10Z', end: '2019-03-31T22:00Z', wh: 1005, month: '2019-04', why: 'ends at exactly 00:00 of 1 April' },
      { start: '2019-03-31T20:20Z', end: '2019-03-31T22:30Z', wh: 1006, month: '2019-04', why: 'ends at 00:30 of 1 April; by winter time it would be March' },
      { start: '2019-09-30T20:00Z', end: '2019-09-30T22:00Z', wh: 1007, month: '2019-10', why: 'ends at exactly 00:00 of 1 October, in summer time' },
      { start: '2019-10-26T23:50Z', end: '2019-10-27T00:45Z', wh: 1008, month: '2019-10', why: 'ends in the first pass of the hour that comes twice' },
      { start: '2019-10-27T00:50Z', end: '2019-10-27T01:45Z', wh: 1009, month: '2019-10', why: 'ends in its second pass' },
      { start: '2019-10-31T21:00Z', end: '2019-10-31T22:30Z', wh: 1010, month: '2019-10', why: 'ends at 23:30; by summer time it would be November' },
      { start: '2019-10-31T21:10Z', end: '2019-10-31T23:00Z', wh: 1011, month: '2019-11', why: 'ends at exactly 00:00 of 1 November' },
    ],
  },
  // 1 October 2023 begins at 01:00: midnight is skipped.
  'America/Asuncion': {
    months: ['2023-09', '2023-10'],
    cases: [
      { start: '2023-10-01T02:00Z', end: '2023-10-01T03:59Z', wh: 2001, month: '2023-09', why: 'ends at 23:59, a minute before the clock jumps' },
      { start: '2023-10-01T02:10Z', end: '2023-10-01T04:00Z', wh: 2002, month: '2023-10', why: 'ends with the month, when clocks show 01:00 at once' },
      { start: '2023-10-01T02:20Z', end: '2023-10-01T04:10Z', wh: 2003, month: '2023-10', why: 'ends at 01:10 of the new month' },
    ],
  },
  // 1 November 2020 has the hour from 00:00 to 01:00 twice.
  'America/Havana': {
    months: ['2020-10', '2020-11'],
    cases: [
      { start: '2020-11-01T02:00Z', end: '2020-11-01T03:59Z', wh: 3001, month: '2020-10', why: 'ends at 23:59 in summer time' },
      { start: '2020-11-01T02:10Z', end: '2020-11-01T04:00Z', wh: 3002, month: '2020-11', why: 'ends at the first 00:00' },
      { start: '2020-11-01T02:20Z', end: '2020-11-01T05:00Z', wh: 3003, month: '2020-11', why: 'ends at the second 00:00' },
      { start: '2020-11-01T02:30Z', end: '2020-11-01T05:30Z', wh: 3004, month: '2020-11', why: 'ends in the second pass' },
    ],
  },
};

describe.each(Object.entries(zones))('at the ends of months in %s', (zone, { months, cases }) => {
  let story: Story;
  beforeAll(async () => {
    story = await tell({ setUp: inZone(zone) });
    await story.arrive(...cases.map(lineOf));
  });
  afterAll(() => story.end());

  it('each session is of its local month', async () => {
    const found = await story.rows('SELECT energy_wh AS wh, service_month AS month FROM record_head ORDER BY 1');
    expect(found).toEqual(cases.map(({ wh, month }) => ({ wh: BigInt(wh), month })));
  });
  it.each(months)('the run of %s bills what is of it, and of earlier months what nobody billed, and leaves the rest', async (month) => {
    const { runId, hash } = await story.review(month);
    await story.approve(runId, hash);
    await story.closed(runId);
    const billed = await story.rows(
      "SELECT c.energy_wh AS wh FROM claim k JOIN rated_charge c USING (charge_id) JOIN document d ON d.id = k.document_id WHERE k.run_id = $1 AND d.type = 'invoice' AND d.state = 'issued' ORDER BY 1",
      [runId],
    );
    const before = months[months.indexOf(month) - 1] ?? '';
    expect(billed).toEqual(cases.filter((c) => c.month > before && c.month <= month).map(({ wh }) => ({ wh: BigInt(wh) })));
    // Documents show the service month, whenever they are made.
    const lines = await story.rows(
      "SELECT l.service_month AS month, sum(l.energy_wh)::int AS wh FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.run_id = $1 AND d.type = 'invoice' GROUP BY 1 ORDER BY 1",
      [runId],
    );
    const own = cases.filter((c) => c.month > before && c.month <= month);
    expect(lines).toEqual([...new Set(own.map((c) => c.month))].sort().map((m) => ({ month: m, wh: own.filter((c) => c.month === m).reduce((sum, c) => sum + c.wh, 0) })));
  });
  it('nothing is left, and each month balances by itself', async () => {
    const { energyBalance } = await story.does('auditor', 'GET', `/v1/runs/run_ent_se_${months.at(-1)}_live/report`);
    expect(energyBalance.map((b: { month: string; billed: string }) => [b.month, b.billed])).toEqual(
      [...new Set(cases.map((c) => c.month))].sort().map((m) => [
        m,
        cases
          .filter((c) => c.month === m)
          .reduce((sum, c) => sum + c.wh, 0)
          .toString(),
      ]),
    );
    await story.holds();
  });
});
