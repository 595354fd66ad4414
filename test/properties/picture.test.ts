import { createCanvas } from '@napi-rs/canvas';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { letterheadSchema, newLetterheadSchema } from '../../src/contracts/letterhead.ts';
import { pictureProblem } from '../../src/contracts/picture.ts';

const canvas = createCanvas(60, 16);
const context = canvas.getContext('2d');
context.fillStyle = '#0a6b4f';
context.fillRect(4, 4, 40, 8);
const png = canvas.toBuffer('image/png');
const jpeg = canvas.toBuffer('image/jpeg');

describe('a logo', () => {
  it('is taken whole, and refused where it is set up when it is not, in words that name what is wrong', () => {
    for (const bytes of [png, jpeg]) expect(newLetterheadSchema.parse({ logo: bytes.toString('base64') })).toHaveProperty('logo');
    // The header alone looks like a PNG; what was kept of that kind can still be read.
    const broken = { logo: Buffer.from('\x89PNG\r\n\x1a\nbroken', 'latin1').toString('base64') };
    expect(letterheadSchema.parse(broken)).toEqual(broken);
    expect(() => newLetterheadSchema.parse(broken)).toThrow('the picture is cut off: export it again as PNG or JPEG');
    expect(() => newLetterheadSchema.parse({ logo: Buffer.from('<svg/>').toString('base64') })).toThrow('must be a PNG or a JPEG');
    expect(pictureProblem(createCanvas(4001, 1).toBuffer('image/png'))).toBe('is 4001 by 1 pixels, and may be 4000 by 4000');
    expect(pictureProblem(createCanvas(4001, 1).toBuffer('image/jpeg'))).toBe('is 4001 by 1 pixels, and may be 4000 by 4000');
  });

  it('that is cut off anywhere is no picture, and of a PNG no bit may change', () => {
    expect([pictureProblem(png), pictureProblem(jpeg)]).toEqual([undefined, undefined]);
    fc.assert(
      fc.property(
        fc.constantFrom(png, jpeg),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (bytes, part) => pictureProblem(bytes.subarray(0, Math.floor(part * bytes.length))) !== undefined,
      ),
    );
    fc.assert(
      fc.property(fc.nat(png.length - 1), fc.nat(7), (at, bit) => {
        const changed = Buffer.from(png);
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
        return pictureProblem(changed) !== undefined;
      }),
    );
  });

  it('of any bytes is judged, never a crash', () => {
    const heads = fc.constantFrom(Buffer.alloc(0), png.subarray(0, 8), png.subarray(0, 33), jpeg.subarray(0, 2), jpeg.subarray(0, 20));
    fc.assert(fc.property(heads, fc.uint8Array({ maxLength: 200 }), (head, rest) => ['string', 'undefined'].includes(typeof pictureProblem(Buffer.concat([head, rest])))));
  });
});
