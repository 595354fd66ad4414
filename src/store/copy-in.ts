import type { Connection, Submittable } from 'pg';
import { arrayOf, type BinaryType, BinaryWriter, writeNullable } from './binary.ts';
import type { Db } from './db.ts';

type CopyColumn<Row> = { readonly name: string; readonly type: string; write(to: BinaryWriter, row: Row): void; array(rows: readonly Row[]): Buffer };
export type CopyTable<Row> = { readonly name: string; readonly columns: readonly CopyColumn<Row>[] };
/** Rows of one table as they are sent. */
export type TableRows = { readonly sql: string; readonly data: Buffer };

/** A column and where its value comes from; null stands for itself. */
export function column<Row, T>(name: string, type: BinaryType<T>, of: (row: Row) => T | null): CopyColumn<Row> {
  return { name, type: type.sql, write: (to, row) => writeNullable(to, type, of(row)), array: (rows) => arrayOf(type, rows, of) };
}

// PostgreSQL, "COPY: Binary Format": signature, flags and the length of an extension that is not there.
const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);

/** Rows of one table that come one by one: each is encoded as it comes, so that what it was made of need not outlive it. */
export class RowsWriter<Row> {
  readonly #table: CopyTable<Row>;
  readonly #to = new BinaryWriter();
  #count = 0;

  constructor(table: CopyTable<Row>) {
    this.#table = table;
    this.#to.raw(header);
  }

  get count(): number {
    return this.#count;
  }

  add(row: Row): void {
    const { columns } = this.#table;
    this.#count += 1;
    this.#to.int16(columns.length);
    for (const c of columns) c.write(this.#to, row);
  }

  /** What was added, ready to be sent by `copyIn`. Nothing is added afterwards. */
  finish(): TableRows {
    const { name, columns } = this.#table;
    this.#to.int16(-1);
    return { sql: `COPY ${name} (${columns.map((c) => c.name).join(', ')}) FROM STDIN (FORMAT binary)`, data: this.#to.finish() };
  }
}

/** The rows of one table, ready to be sent by `copyIn`. */
export function rowsFor<Row>(table: CopyTable<Row>, rows: readonly Row[]): TableRows {
  const to = new RowsWriter(table);
  for (const row of rows) to.add(row);
  return to.finish();
}

/** The rows of a table as what a statement selects from, under its columns' names, and the parameters that hold them. */
export function selectable<Row>({ columns }: CopyTable<Row>, rows: readonly Row[], alias: string): { readonly sql: string; readonly names: string; readonly values: Buffer[] } {
  const names = columns.map((c) => c.name).join(', ');
  return { names, sql: `unnest(${columns.map((c, i) => `$${i + 1}::${c.type}[]`).join(', ')}) AS ${alias}(${names})`, values: columns.map((c) => c.array(rows)) };
}

/** Adds rows to several tables, in this order and in one round trip. Belongs into a transaction, since all of it fails together only there. */
export function copyIn(db: Db, tables: readonly TableRows[]): Promise<void> {
  return new Promise((resolve, reject) => {
    db.query(new CopyIn(tables, (error) => (error === undefined ? resolve() : reject(error))));
  });
}

/** What the driver tells a query of the server's answers. */
class CopyIn implements Submittable {
  readonly #tables: readonly TableRows[];
  readonly #done: (error?: Error) => void;

  constructor(tables: readonly TableRows[], done: (error?: Error) => void) {
    this.#tables = tables;
    this.#done = done;
  }

  submit(connection: Connection): void {
    connection.query(this.#tables.map((t) => t.sql).join('; '));
    // Sent without waiting for the server to ask: what it does not want after an error it drops.
    for (const { data } of this.#tables) {
      connection.stream.write(message('d', data.length));
      connection.stream.write(data);
      connection.stream.write(message('c', 0));
    }
  }

  handleCopyInResponse(): void {}

  handleCommandComplete(): void {}

  handleError(error: Error): void {
    this.#done(error);
  }

  handleReadyForQuery(): void {
    this.#done();
  }
}

/** Type and length of a message of the frontend; the length counts itself. */
function message(type: 'c' | 'd', size: number): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(size + 4, 1);
  return head;
}
