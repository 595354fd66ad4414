import type pg from 'pg';

type Client = Pick<pg.ClientBase, 'query'>;

async function columnsOf(db: Client): Promise<{ table: string; column: string; type: string }[]> {
  const { rows } = await db.query(
    `SELECT c.relname AS table, a.attname AS column, a.atttypid::regtype::text AS type FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1, 2`,
  );
  return rows;
}

/** Every `table.column` of the database that the role may read in which one of the words stands, whatever the case; bytes are read as Latin-1 and as UTF-8. */
export async function placesOf(db: Client, words: readonly string[]): Promise<string[]> {
  const wanted = words.map((word) => word.toLowerCase());
  const places: string[] = [];
  for (const { table, column, type } of await columnsOf(db)) {
    const { rows } = await db.query(`SELECT ${type === 'bytea' ? column : `${column}::text`} AS value FROM ${table} WHERE ${column} IS NOT NULL`);
    const texts = rows.flatMap(({ value }) => (Buffer.isBuffer(value) ? [value.toString('latin1'), value.toString('utf8')] : [String(value)]));
    if (texts.some((text) => wanted.some((word) => text.toLowerCase().includes(word)))) places.push(`${table}.${column}`);
  }
  return places;
}

/** Of each table how many rows it has, and a hash of what they say. */
export async function fingerprint(db: Client): Promise<Record<string, string>> {
  const tables = [...new Set((await columnsOf(db)).map((c) => c.table))];
  const said: Record<string, string> = {};
  for (const table of tables) {
    const { rows } = await db.query(`SELECT count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY t::text)), '') AS said FROM ${table} t`);
    said[table] = rows[0].said;
  }
  return said;
}
