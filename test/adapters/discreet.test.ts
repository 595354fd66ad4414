import { DefaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ocpiFailure } from '../../src/activities/ocpi-caller.ts';
import { callOcpi } from '../../src/adapters/ocpi/client.ts';
import { inFull } from '../../src/adapters/ocpi/failures.ts';
import { fetchOffer } from '../../src/adapters/ocpi/handshake.ts';
import { readJson, shown } from '../../src/adapters/sources/discreet.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';

const context = { sourceId: 's', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };

describe('issues quote no field that may hold a token', () => {
  it.each(['29,87', '-5', '05.12.2019 18:00', '2019-12-05', 'x', 'n/a', ''])('shows what reads like a figure or a time, or is too short: "%s"', (text) => {
    expect(shown(text)).toBe(text);
  });
  it.each(['04A277C1', '04:A2:77:C1', '12345678', 'Bl2-1', '10;20;30', '5'.repeat(21)])('tells the length of anything else: "%s"', (text) => {
    expect(shown(text)).toBe(`(${text.length} characters)`);
  });
  it('tells where JSON breaks off, not what stands there', () => {
    for (const text of ['{"uid":"SECRET", x', 'SECRET', '{"cdr_token":{"uid":"SECRET"}', '["SECRET" "SECRET"]']) {
      const read = readJson(Buffer.from(text));
      expect(read.ok ? 'JSON' : read.issues[0]?.params['detail']).toMatch(/^not JSON( at position \d+)?$/);
    }
    expect.assertions(4);
  });
  it.each(['csv-residential-csms', 'ocpi-2-2-1', 'json-csms'])('holds for whatever %s cannot read', (format) => {
    const uid = 'SECRET';
    const lines = [
      uid,
      `${uid};${uid}`,
      Array(13).fill(uid).join(';'),
      `{"uid":"${uid}"`,
      `{"id":${uid}}`,
      JSON.stringify({ id: 1, transactionId: {}, cdr_token: { uid }, idTag: uid, currency: uid, total_energy: uid, startTime: uid, country_code: uid }),
    ];
    for (const line of lines) {
      const parsed = parserFor(format).parse(Buffer.from(line), context);
      expect(parsed.ok, line).toBe(false);
      expect(JSON.stringify(parsed.issues), line).not.toContain(uid);
    }
  });
});

describe('a failed call of an OCPI peer', () => {
  const answers = (status: number, body: object | string) => vi.stubGlobal('fetch', async () => new Response(typeof body === 'string' ? body : JSON.stringify(body), { status }));
  const failureOf = (calling: Promise<unknown>) =>
    calling.then(
      () => expect.fail('it went through'),
      (error: Error) => error,
    );
  afterEach(() => void vi.unstubAllGlobals());

  it.each([
    ['its own trouble', 503, 'token SECRET of nobody'],
    ['its own trouble in OCPI', 200, { status_code: 3001, status_message: 'token SECRET of nobody' }],
    ['a refusal', 400, { status_code: 2001, status_message: 'token SECRET of nobody' }],
  ])('tells Temporal, whose histories nobody erases, nothing that the peer said, and whoever keeps it all: %s', async (_, status, body) => {
    answers(status, body);
    const error = await failureOf(callOcpi({ token: 't', coding: 'plain' }, 'POST', 'https://peer.example.com/cdrs', '{}'));
    expect(inFull(error)).toMatch(/^POST https:\/\/peer\.example\.com\/cdrs answered \d{3}.*: token SECRET of nobody$/);
    expect(JSON.stringify(new DefaultFailureConverter().errorToFailure(ocpiFailure(error), defaultPayloadConverter))).not.toContain('SECRET');
  });
  it('quotes no query of an address, which may hold a key', async () => {
    const url = 'https://peer.example.com/versions?key=SECRET';
    const told = async (...list: object[]) => {
      answers(200, { status_code: 1000, data: list });
      return inFull(await failureOf(fetchOffer(url, 't')));
    };
    expect(await told({})).toContain('https://peer.example.com/versions answered in another shape');
    expect(await told({ version: '2.0', url })).toBe('https://peer.example.com/versions offers 2.0; wanted 2.1.1, 2.2.1, 2.3.0');
  });
});
