import { expect, it } from 'vitest';
import { renderAnnexCsv } from '../../src/adapters/documents/csv/render-annex.ts';
import { csvOfPages } from '../../src/api/csv-pages.ts';
import { documentOf } from '../support/issued-document.ts';

it('a cell that a spreadsheet would take for a formula is kept text, whatever it begins with; numbers stay as they are', async () => {
  const items = ['=1+1', '+46 8', '@SUM(A1)', "-2+3+cmd|' /C calc'!A0", '-1', '-15.50', '15.50', '-', '\t=1', '\n=1', 'a-1', 'se*oth*1', 'a "b", c'].map((text) => ({ text, none: null }));
  const file = await csvOfPages('a.csv', ['text', 'none'], async () => ({ items, nextCursor: null }));
  expect(await file.text()).toBe(
    `${['text,none', "'=1+1,", "'+46 8,", "'@SUM(A1),", "'-2+3+cmd|' /C calc'!A0,", '-1,', '-15.50,', '15.50,', "'-,", "'\t=1,", '"\'\n=1",', 'a-1,', 'se*oth*1,', '"a ""b"", c",'].join('\r\n')}\r\n`,
  );
});

it('so is the number of a document that somebody else gave it', () => {
  const row = {
    lineNo: 1,
    sessionKey: 'csms/se*wlt*1',
    startAt: null,
    endAt: null,
    serviceOn: '2019-12-05',
    siteName: '-1+1',
    costCenter: '-201',
    unit: null,
    energyWh: 10_000n,
    netMinor: -100n,
    grossMinor: -125n,
  };
  const [, line] = renderAnnexCsv(documentOf({ legalNumber: '=cmd()', lines: [], annex: [row] as never }))
    .toString('utf8')
    .split('\r\n');
  expect(line).toBe("'=cmd(),csms,SE,WLT,1,,,2019-12-05,'-1+1,-201,,10.000,-1.00,-1.25,SEK");
});
