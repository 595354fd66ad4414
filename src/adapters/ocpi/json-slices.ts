/** JSON as bytes, cut and not parsed: a number keeps its digits, and a page of CDRs costs no objects. */

const quote = 34;
const backslash = 92;
const opens = new Set([0x7b, 0x5b]);
const closes = new Set([0x7d, 0x5d]);
const blank = new Set([32, 9, 10, 13]);

/** The bytes of each member of a JSON object, by name; undefined when the bytes are no object. Members are not checked any further: whoever parses one finds out. */
export function membersOf(bytes: Buffer): Map<string, Buffer> | undefined {
  const members = new Map<string, Buffer>();
  let at = skipBlanks(bytes, 0);
  if (bytes[at] !== 0x7b) return undefined;
  at = skipBlanks(bytes, at + 1);
  while (bytes[at] !== 0x7d) {
    if (bytes[at] !== quote) return undefined;
    const nameEnd = endOfText(bytes, at);
    const name = textOf(bytes.subarray(at, nameEnd));
    at = skipBlanks(bytes, nameEnd);
    if (name === undefined || bytes[at] !== 0x3a) return undefined;
    const from = skipBlanks(bytes, at + 1);
    const end = endOfValue(bytes, from);
    if (end <= from) return undefined;
    members.set(name, bytes.subarray(from, end));
    at = skipBlanks(bytes, end);
    if (bytes[at] === 0x2c) at = skipBlanks(bytes, at + 1);
    else if (bytes[at] !== 0x7d) return undefined;
  }
  return members;
}

/** The bytes of each item of a JSON array; undefined when the bytes are no array. */
export function itemsOf(bytes: Buffer): Buffer[] | undefined {
  const items: Buffer[] = [];
  let at = skipBlanks(bytes, 0);
  if (bytes[at] !== 0x5b) return undefined;
  at = skipBlanks(bytes, at + 1);
  while (bytes[at] !== 0x5d) {
    const end = endOfValue(bytes, at);
    if (end <= at) return undefined;
    items.push(bytes.subarray(at, end));
    at = skipBlanks(bytes, end);
    if (bytes[at] === 0x2c) at = skipBlanks(bytes, at + 1);
    else if (bytes[at] !== 0x5d) return undefined;
  }
  return items;
}

function skipBlanks(bytes: Buffer, from: number): number {
  let at = from;
  while (blank.has(bytes[at] as number)) at += 1;
  return at;
}

/** Behind the closing quote of the text that opens at `from`; behind the end where there is none. */
function endOfText(bytes: Buffer, from: number): number {
  for (let at = from + 1; at < bytes.length; at += 1) {
    if (bytes[at] === backslash) at += 1;
    else if (bytes[at] === quote) return at + 1;
  }
  return bytes.length + 1;
}

/** Behind the value that begins at `from`: text, object, array, or a bare word or number. */
function endOfValue(bytes: Buffer, from: number): number {
  const first = bytes[from] as number;
  if (first === quote) return endOfText(bytes, from);
  if (!opens.has(first)) {
    let at = from;
    while (at < bytes.length && bytes[at] !== 0x2c && !closes.has(bytes[at] as number) && !blank.has(bytes[at] as number)) at += 1;
    return at;
  }
  let depth = 0;
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === quote) at = endOfText(bytes, at) - 1;
    else if (opens.has(byte)) depth += 1;
    else if (closes.has(byte)) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return from;
}

function textOf(bytes: Buffer): string | undefined {
  try {
    return JSON.parse(bytes.toString('utf8')) as string;
  } catch {
    return undefined;
  }
}
