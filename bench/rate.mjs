// npm run bench:rate [-- --seconds 2 --stream 1000000 --top 12 --peer]: CDRs per second on one thread over test/vectors/rating, median of five
// rounds. --peer builds the Rust crate ocpi-tariffs with cargo and prints the ratio, its rounds between ours.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import path from 'node:path';
import { Readable, Writable } from 'node:stream';
import { offerTariff, rateCdr } from '../dist/core/rate/rate-cdr.js';
import { rateLine, rateStream } from '../dist/commands/rate-stream.js';

const root = path.resolve(import.meta.dirname, '..');
const option = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const seconds = option('--seconds', 2);
const rounds = 5;
const vectors = path.join(root, 'test/vectors/rating/vectors.ndjson');
const peer = process.argv.includes('--peer') ? buildPeer() : undefined;

const requests = readFileSync(vectors, 'utf8')
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

function measure(title, pass, mode) {
  perSecond(pass);
  const [ours, theirs] = [[], []];
  for (let i = 0; i < rounds; i += 1) {
    ours.push(perSecond(pass));
    if (peer !== undefined) theirs.push(peerPerSecond(mode));
  }
  console.log(`${title}: ${summary(ours)}`);
  if (peer !== undefined) console.log(`  ocpi-tariffs 0.54.0: ${summary(theirs)}; ours is ${(median(ours) / median(theirs)).toFixed(1)} times that`);
}

function median(figures) {
  return [...figures].sort((a, b) => a - b)[figures.length >> 1];
}

function summary(figures) {
  const text = (n) => Math.round(n).toLocaleString('en');
  return `${text(median(figures))} CDRs/s, median of ${figures.length} (${text(Math.min(...figures))} to ${text(Math.max(...figures))})`;
}

function buildPeer() {
  const target = path.join(root, 'var/bench-peer');
  const build = spawnSync('cargo', ['build', '--release', '--locked', '--ignore-rust-version'], { cwd: path.join(root, 'bench/peer'), env: { ...process.env, CARGO_TARGET_DIR: target }, stdio: 'inherit' });
  if (build.status !== 0) throw new Error('the peer could not be built: install Rust, or leave out --peer');
  return path.join(target, 'release/wattledger-bench-peer');
}

function peerPerSecond(mode) {
  const run = spawnSync(peer, [vectors, String(seconds), mode], { encoding: 'utf8' });
  const [figure, count] = run.stdout.split(' ').map(Number);
  if (count !== lines.length) throw new Error(`the peer rates ${count} cases, we ${lines.length}`);
  return figure;
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
  const result = await rateStream(input, output, { explain: false });
  const elapsed = (performance.now() - started) / 1000;
  if (answers !== result.rated + result.refused) throw new Error(`${answers} answers to ${sent} requests`);
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
measure('parsed input, prepared tariffs', parsedPass, 'parsed');
slowest(
  'parsed',
  cases.map(({ name, rate }) => ({ name, run: rate })),
);
measure('JSON text in, JSON text out', textPass, 'text');
slowest(
  'text',
  lines.map((line, i) => ({ name: rated[i].name, run: () => rateLine(line, false, count) })),
);
await stream(option('--stream', 1_000_000));
await profile('parsed input', parsedPass);
await profile('JSON text', textPass);
