import type { QueryResultRow } from 'pg';
import type { Db, Store } from '../../db.ts';

const pageSize = 1000;
let cursors = 0;

/** The rows of a query page by page, through a cursor, so that memory is that of a page. `db` must be inside a transaction. */
export async function* pagesOf<Row extends QueryResultRow>(db: Db, sql: string, size = pageSize): AsyncGenerator<Row[]> {
  cursors += 1;
  const cursor = `page_${cursors}`;
  await db.query(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${sql}`);
  try {
    for (;;) {
      const { rows } = await db.query<Row>(`FETCH ${size} FROM ${cursor}`);
      if (rows.length > 0) yield rows;
      if (rows.length < size) return;
    }
  } finally {
    // After a failed statement there is no cursor any more, and that failure is the one to tell.
    await db.query(`CLOSE ${cursor}`).catch(() => undefined);
  }
}

/** Runs `work` on the database as it stands at this instant, whatever is written meanwhile; `work` can only read. */
export async function inSnapshot<T>(store: Store, work: (db: Db) => Promise<T>): Promise<T> {
  return store.tx(async (db) => {
    await db.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    // Every cursor is read to its end, or to the first row that is wrong: plan for all of it.
    await db.query('SET LOCAL cursor_tuple_fraction = 1');
    return work(db);
  });
}
