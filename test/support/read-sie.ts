import iconv from 'iconv-lite';
import { parseMinor } from '../../src/core/money.ts';

export type ReadSie = {
  readonly names: ReadonlyMap<string, readonly string[]>;
  readonly objects: readonly { readonly dimension: string; readonly id: string; readonly name: string }[];
  readonly vouchers: readonly {
    readonly series: string;
    readonly no: string;
    readonly on: string;
    readonly text: string;
    readonly lines: readonly { glAccount: string; objects: readonly string[]; amountMinor: bigint }[];
  }[];
};

/** A SIE file as another program reads it: fields by the rules of SIE 4B, and nothing that it does not know. */
export function readSie(bytes: Buffer): ReadSie {
  const names = new Map<string, readonly string[]>();
  const objects: { dimension: string; id: string; name: string }[] = [];
  const vouchers: { series: string; no: string; on: string; text: string; lines: { glAccount: string; objects: readonly string[]; amountMinor: bigint }[] }[] = [];
  for (const row of iconv.decode(bytes, 'cp437').split('\r\n')) {
    if (row === '' || row === '{' || row === '}') continue;
    const [label = '', ...fields] = fieldsOf(row);
    const text = (i: number) => String(fields[i] ?? '');
    if (label === '#VER') vouchers.push({ series: text(0), no: text(1), on: text(2), text: text(3), lines: [] });
    else if (label === '#TRANS') vouchers.at(-1)?.lines.push({ glAccount: text(0), objects: fields[1] as readonly string[], amountMinor: parseMinor(text(2), 'SEK') });
    else if (label === '#OBJEKT') objects.push({ dimension: text(0), id: text(1), name: text(2) });
    else if (/^#[A-Z]+$/.test(String(label))) names.set(`${label}${label === '#KONTO' ? ` ${text(0)}` : ''}`, fields.map(String));
    else throw new Error(`no SIE item: ${row}`);
  }
  return { names, objects, vouchers };
}

function fieldsOf(row: string): (string | readonly string[])[] {
  const fields: (string | readonly string[])[] = [];
  const token = /\s*(?:"((?:\\"|[^"])*)"|\{([^}]*)\}|([^\s"{}]+))/gy;
  let at = 0;
  while (at < row.length) {
    token.lastIndex = at;
    const found = token.exec(row);
    if (found === null) throw new Error(`not a field at ${at}: ${row}`);
    at = token.lastIndex;
    fields.push(found[1]?.replaceAll('\\"', '"') ?? (found[2] === undefined ? (found[3] ?? '') : [...found[2].matchAll(/"((?:\\"|[^"])*)"/g)].map((m) => m[1] ?? '')));
  }
  return fields;
}
