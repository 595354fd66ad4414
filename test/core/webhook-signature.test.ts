import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkWebhook, replayWindowS, signWebhook } from '../../src/core/webhook/signature.ts';

const body = Buffer.from('{"a":1}');
const call = { event: 'cdr', body };
const atS = 1_575_556_800;

describe('a webhook signature', () => {
  it('is HMAC-SHA-256 of time, event and body, as any library makes it', () => {
    const hex = createHmac('sha256', 'whsec_x').update('1575556800.cdr.{"a":1}').digest('hex');
    expect(signWebhook('whsec_x', atS, 'cdr', body)).toBe(`t=1575556800,v1=${hex}`);
  });

  it('holds for as long as the window says, to the second, either way', () => {
    const header = signWebhook('s', atS, 'cdr', body);
    const at = (offsetS: number) => checkWebhook(header, call, ['s'], (atS + offsetS) * 1000);
    expect([at(replayWindowS), at(-replayWindowS)]).toEqual([{ ok: true }, { ok: true }]);
    expect([at(replayWindowS + 1), at(-replayWindowS - 1)]).toMatchObject([{ problem: 'stale' }, { problem: 'stale' }]);
  });

  it('may hold several, made with the old and the new secret', () => {
    const [old = '', fresh = ''] = ['old', 'new'].map((secret) => signWebhook(secret, atS, 'cdr', body));
    const both = `${old},${fresh.split(',')[1]}`;
    for (const secrets of [['old'], ['new'], ['other', 'new']]) expect(checkWebhook(both, call, secrets, atS * 1000)).toEqual({ ok: true });
    expect(checkWebhook(both, call, ['other'], atS * 1000)).toMatchObject({ problem: 'wrong' });
  });

  it.each(['', 'v1=00', 't=1', `t=1,t=2,v1=${'0'.repeat(64)}`, `t=x,v1=${'0'.repeat(64)}`, `t=1,v1=${'Z'.repeat(64)}`, `t=1${`,v1=${'0'.repeat(64)}`.repeat(9)}`])(
    'that cannot be read says what it wants: %s',
    (header) => {
      expect(checkWebhook(header, call, ['s'], 1000)).toMatchObject({ problem: 'malformed', detail: expect.stringContaining('the signature wants') });
    },
  );

  it('never lets through what was not signed with a secret in force, and always what was', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), fc.uint8Array(), fc.uint8Array(), fc.constantFrom('cdr', 'day.counted'), (secret, other, sent, forged, event) => {
        const header = signWebhook(secret, atS, event, sent);
        expect(checkWebhook(header, { event, body: sent }, [secret], atS * 1000)).toEqual({ ok: true });
        if (!Buffer.from(sent).equals(Buffer.from(forged))) expect(checkWebhook(header, { event, body: forged }, [secret], atS * 1000).ok).toBe(false);
        if (secret !== other) expect(checkWebhook(header, { event, body: sent }, [other], atS * 1000).ok).toBe(false);
        expect(checkWebhook(header, { event, body: sent }, [], atS * 1000).ok).toBe(false);
      }),
    );
  });
});
