// The floor of `bench:intake`: a server that inserts one row for each POST, and does nothing else.
import { createServer } from 'node:http';
import pg from 'pg';

export async function insertPerPost(databaseUrl) {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 8 });
  // The server may stop before an idle connection has said good-bye.
  pool.on('error', () => undefined);
  const server = createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', async () => {
      await pool.query('INSERT INTO bench_post (body) VALUES ($1)', [Buffer.concat(parts)]);
      response.writeHead(202, { 'content-type': 'application/json' }).end('{"items":[]}');
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async () => {
    server.close();
    server.closeAllConnections();
    await pool.end();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}
