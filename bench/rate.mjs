// npm run bench:rate [-- --seconds 2] [--profile]: CDRs per second on one thread over test/vectors/rating, median of five rounds.
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import path from 'node:path';
import { Readable, Writable } from 'node:stream';
import { offerTariff, rateCdr } from '../dist/core/rate/rate-cdr.js';
import { rateLine, rateStream } from '../dist/rate-command.js';

const root = path.resolve(import.meta.dirname, '..');
const option = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const seconds = option('--seconds', 2);
const rounds = 5;

const requests = readFileSync(path.join(root, 'test/vectors/rating/vectors.ndjson'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => {
    const { name, ocpi_version, cdr, tariff, timezone } = JSON.parse(line);
    return { name, ocpi_version, cdr, ...(tariff ? { tariff } : {}), timezone };
  });
// Only what can be rated counts: a refusal is quick.
const rated = requests.filter((r) => prepared(r).rate().ok);
const cases = rated.map(prepared);
const lines = rated.map((r) => JSON.stringify(r));

function prepared({ name, ocpi_version: version, cdr, tariff, timezone }) {
  const offers = (tariff ? [tariff] : (cdr.tariffs ?? [])).map((raw, i) => offerTariff(raw, version, tariff ? '$.tariff' : `$.cdr.tariffs[${i}]`));
  const input = { version, cdr, timezone, offers };
  return { name, rate: () => rateCdr(input) };
}

const parsedPass = () => {
  let ok = 0;
  for (const c of cases) if (c.rate().ok) ok += 1;
  return ok;
};
const count = { rated: 0, refused: 0 };
const textPass = () => {
  let length = 0;
  for (const line of lines) length += rateLine(line, false, count).length;
  return length;
};

function perSecond(pass) {
  const started = performance.now();
  let done = 0;
  while (performance.now() - started < seconds * 1000) {
    if (pass() === 0) throw new Error('nothing was rated');
    done += lines.length;
  }
  return (done * 1000) / (performance.now() - started);
}

function measure(title, pass) {
  perSecond(pass);
  const figures = Array.from({ length: rounds }, () => perSecond(pass)).sort((a, b) => a - b);
  console.log(`${title}: ${Math.round(figures[rounds >> 1]).toLocaleString('en')} CDRs/s, median of ${rounds} (${Math.round(figures[0]).toLocaleString('en')} to ${Math.round(figures.at(-1)).toLocaleString('en')})`);
}

function slowest(title, list) {
  const timed = list.map(({ name, run }) => {
    const times = Array.from({ length: 9 }, () => {
      const started = performance.now();
      for (let i = 0; i < 20; i += 1) run();
      return ((performance.now() - started) * 1000) / 20;
    }).sort((a, b) => a - b);
    return { name, us: times[4] };
  });
  const { name, us } = timed.sort((a, b) => b.us - a.us)[0];
  console.log(`  slowest: ${name}, ${us.toFixed(0)} µs`);
}

/** Through the command's own stream, `total` CDRs; the most memory seen in the first tenth and in all. */
async function stream(total) {
  const block = Buffer.from(`${lines.join('\n')}\n`);
  let sent = 0;
  const input = new Readable({
    read() {
      if (sent >= total) this.push(null);
      else {
        sent += lines.length;
        this.push(block);
      }
    },
  });
  let [answers, writes] = [0, 0];
  let [early, peak] = [0, 0];
  const output = new Writable({
    write(chunk, _encoding, done) {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) answers += 1;
      writes += 1;
      // Reading it costs more than rating a CDR.
      const rss = writes % 50 === 0 ? process.memoryUsage.rss() : 0;
      if (answers < total / 10) early = Math.max(early, rss);
      peak = Math.max(peak, rss);
      setImmediate(done);
    },
  });
  const started = performance.now();
  const summary = await rateStream(input, output, { explain: false });
  const elapsed = (performance.now() - started) / 1000;
  if (answers !== summary.rated + summary.refused) throw new Error(`${answers} answers to ${sent} requests`);
  const mib = (bytes) => Math.round(bytes / 2 ** 20);
  console.log(`stream of ${answers.toLocaleString('en')}: ${Math.round(answers / elapsed).toLocaleString('en')} CDRs/s; resident ${mib(early)} MiB in the first tenth, ${mib(peak)} MiB at most`);
}

async function profile(title, pass) {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  perSecond(pass);
  const { profile: found } = await session.post('Profiler.stop');
  session.disconnect();
  const self = new Map();
  found.nodes.forEach((n) => {
    const { functionName, url, lineNumber } = n.callFrame;
    const key = `${functionName || '(anonymous)'} ${path.basename(url)}:${lineNumber + 1}`;
    self.set(key, (self.get(key) ?? 0) + (n.hitCount ?? 0));
  });
  const total = [...self.values()].reduce((a, b) => a + b, 0);
  console.log(`profile of ${title}, self time:`);
  for (const [key, hits] of [...self].sort((a, b) => b[1] - a[1]).slice(0, option('--top', 12))) console.log(`  ${((hits * 100) / total).toFixed(1).padStart(5)} %  ${key}`);
}

const bytes = lines.reduce((sum, line) => sum + line.length, 0) / lines.length;
console.log(`${rated.length} of ${requests.length} cases are rated, ${(rated.reduce((n, r) => n + r.cdr.charging_periods.length, 0) / rated.length).toFixed(1)} periods and ${Math.round(bytes)} bytes a line; Node ${process.version}`);
measure('parsed input, prepared tariffs', parsedPass);
slowest(
  'parsed',
  cases.map(({ name, rate }) => ({ name, run: rate })),
);
measure('JSON text in, JSON text out', textPass);
slowest(
  'text',
  lines.map((line, i) => ({ name: rated[i].name, run: () => rateLine(line, false, count) })),
);
await stream(option('--stream', 1_000_000));
await profile('parsed input', parsedPass);
await profile('JSON text', textPass);
