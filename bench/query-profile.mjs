// Where the time of queries goes, by statement: for `--profile` of the benchmarks.
import pg from 'pg';

/** Counts queries of every connection until the answer is called, which prints what took longest. */
export function profileQueries(most = 25) {
  const { query } = pg.Client.prototype;
  const spent = new Map();
  const started = performance.now();
  pg.Client.prototype.query = function (...args) {
    const before = performance.now();
    const result = query.apply(this, args);
    const text = typeof args[0] === 'string' ? args[0] : (args[0]?.text ?? args[0]?.cursor?.text ?? 'COPY');
    if (typeof result?.then === 'function') {
      const done = () => {
        const key = text.replaceAll(/\s+/g, ' ').slice(0, 2000);
        const one = spent.get(key) ?? { ms: 0, n: 0 };
        one.ms += performance.now() - before;
        one.n += 1;
        spent.set(key, one);
      };
      result.then(done, done);
    }
    return result;
  };
  return () => {
    pg.Client.prototype.query = query;
    const all = performance.now() - started;
    const sum = [...spent.values()].reduce((s, q) => s + q.ms, 0);
    console.log(`    ${Math.round(all)} ms, of which ${Math.round(sum)} ms in ${[...spent.values()].reduce((s, q) => s + q.n, 0)} queries`);
    for (const [text, { ms, n }] of [...spent].sort((a, b) => b[1].ms - a[1].ms).slice(0, most)) {
      const short = text.length > 260 ? `${text.slice(0, 120)} … ${text.slice(-140)}` : text;
      console.log(`    ${Math.round(ms).toString().padStart(6)} ms ${n.toString().padStart(5)} × ${short}`);
    }
  };
}
