import { dayNumberOfDate } from '../core/time.ts';

/** What a writer begins with, in bytes: room for a row or two. Memory beside the heap that is asked for and not used has the collector go through all of the heap. */
const firstSize = 1 << 11;
const longestShort = 40;
const two32 = 2 ** 32;
/** PostgreSQL counts from 2000-01-01. */
const epochMs = 946_684_800_000;
const epochDay = 10_957;
const yes = Uint8Array.of(1);
const no = Uint8Array.of(0);

/** Bytes in PostgreSQL's binary format, written one after the other into one buffer that grows. */
export class BinaryWriter {
  #bytes = Buffer.allocUnsafe(firstSize);
  #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset);
  #length = 0;

  int16(value: number): void {
    const at = this.#room(2);
    this.#view.setInt16(at, value);
  }

  int32(value: number): void {
    const at = this.#room(4);
    this.#view.setInt32(at, value);
  }

  int64(value: number | bigint): void {
    const at = this.#room(8);
    if (typeof value === 'bigint') {
      this.#view.setBigInt64(at, value);
      return;
    }
    const high = Math.floor(value / two32);
    this.#view.setInt32(at, high);
    this.#view.setUint32(at + 4, value - high * two32);
  }

  bytes(value: Uint8Array): void {
    this.int32(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  /** Text with its length before it, and a byte before the text where a format wants one. */
  text(value: string, before?: number): void {
    // A UTF-16 unit takes three bytes at most.
    const at = this.#room(5 + value.length * 3);
    let start = at + 4;
    if (before !== undefined) this.#bytes[start++] = before;
    const end = this.#ascii(value, start) ?? start + this.#bytes.write(value, start);
    this.#view.setInt32(at, end - at - 4);
    this.#length = end;
  }

  /** Bytes given in hex, with their length before them. */
  hex(value: string): void {
    const size = value.length / 2;
    this.int32(size);
    const at = this.#room(size);
    this.#bytes.write(value, at, 'hex');
  }

  /** Where short text ends that is nothing but ASCII: a call out of JavaScript costs more than writing it. */
  #ascii(value: string, start: number): number | undefined {
    const { length } = value;
    if (length > longestShort) return undefined;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 127) return undefined;
      bytes[start + i] = code;
    }
    return start + length;
  }

  /** What was written so far. The writer is not used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Where the next bytes go. Asked for before `#bytes` and `#view` are touched, since it may replace both. */
  #room(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer, grown.byteOffset);
    }
    return at;
  }
}

/** How values of one type are sent: its type as arrays and as SQL name it, and a value with its length before it. */
export type BinaryType<T> = { readonly oid: number; readonly sql: string; write(to: BinaryWriter, value: T): void };

export const bool: BinaryType<boolean> = {
  oid: 16,
  sql: 'boolean',
  write(to, value) {
    to.int32(1);
    to.raw(value ? yes : no);
  },
};
export const int4: BinaryType<number> = {
  oid: 23,
  sql: 'integer',
  write(to, value) {
    to.int32(4);
    to.int32(value);
  },
};
export const int8: BinaryType<number | bigint> = {
  oid: 20,
  sql: 'bigint',
  write(to, value) {
    to.int32(8);
    to.int64(value);
  },
};
/** For text and char(n) alike. */
export const text: BinaryType<string> = { oid: 25, sql: 'text', write: (to, value) => to.text(value) };
export const bytea: BinaryType<Uint8Array> = { oid: 17, sql: 'bytea', write: (to, value) => to.bytes(value) };
/** Bytes that are the UTF-8 of a text. */
export const byteaOfText: BinaryType<string> = { oid: 17, sql: 'bytea', write: (to, value) => to.text(value) };
/** Bytes in hex. */
export const byteaOfHex: BinaryType<string> = { oid: 17, sql: 'bytea', write: (to, value) => to.hex(value) };
/** JSON text; the byte before it is the version of the format. */
export const jsonb: BinaryType<string> = { oid: 3802, sql: 'jsonb', write: (to, value) => to.text(value, 1) };
/** Epoch ms. */
export const timestamptz: BinaryType<number> = {
  oid: 1184,
  sql: 'timestamptz',
  write(to, value) {
    to.int32(8);
    to.int64((value - epochMs) * 1000);
  },
};
/** `YYYY-MM-DD`. */
export const date: BinaryType<string> = {
  oid: 1082,
  sql: 'date',
  write(to, value) {
    const day = dayNumberOfDate(value);
    if (day === undefined) throw new RangeError(`not a date: ${value}`);
    to.int32(4);
    to.int32(day - epochDay);
  },
};

/** Writes a value, or that there is none. */
export function writeNullable<T>(to: BinaryWriter, type: BinaryType<T>, value: T | null): void {
  if (value === null) to.int32(-1);
  else type.write(to, value);
}

/** An array as a query parameter: no text to escape here and to parse there. */
export function arrayOf<Row, T>(type: BinaryType<T>, rows: readonly Row[], of: (row: Row) => T | null): Buffer {
  const to = new BinaryWriter();
  to.int32(rows.length === 0 ? 0 : 1);
  to.int32(1);
  to.int32(type.oid);
  if (rows.length > 0) {
    to.int32(rows.length);
    to.int32(1);
    for (const row of rows) writeNullable(to, type, of(row));
  }
  return to.finish();
}
