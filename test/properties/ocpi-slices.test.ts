import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemsOf, membersOf } from '../../src/adapters/ocpi/json-slices.ts';
import { authorizationOf, tokensOf } from '../../src/adapters/ocpi/token-coding.ts';

describe('JSON cut into slices', () => {
  it('is what parsing the whole gives, for whatever values and however it is indented', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(0, 1, 3), (values, indent) => {
        const items = itemsOf(Buffer.from(JSON.stringify(values, null, indent)));
        expect(items?.map((item) => JSON.parse(item.toString('utf8')))).toEqual(JSON.parse(JSON.stringify(values)));
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 2), (object, indent) => {
        const text = JSON.stringify(object, null, indent);
        const members = [...(membersOf(Buffer.from(text)) ?? [])].map(([name, bytes]) => [name, JSON.parse(bytes.toString('utf8'))]);
        expect(members).toEqual(Object.entries(JSON.parse(text)));
      }),
    );
  });
  it('ends, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', ' ', '1') }).map((s) => Buffer.from(s)),
        ),
        (bytes) => {
          membersOf(Buffer.from(bytes));
          itemsOf(Buffer.from(bytes));
        },
      ),
    );
  });
});

describe('a credentials token in its header', () => {
  it('is found again, coded or plain', () => {
    const token = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((c) => String.fromCharCode(c)), minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(token, fc.constantFrom('base64' as const, 'plain' as const), (text, coding) => {
        expect(tokensOf(authorizationOf(text, coding))).toContain(text);
      }),
    );
  });
});
