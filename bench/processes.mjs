// What this process and all it started take of memory and CPU, where /proc tells it.
import { readdirSync, readFileSync } from 'node:fs';

const everyMs = 3000;
const tickUs = 10_000;

/** Samples memory until `stop`, which answers the peak in bytes; undefined without /proc. Proportional shares: what PostgreSQL's processes share counts once. */
export function watchMemory() {
  const sample = () => family()?.reduce((sum, p) => sum + shareOf(p.pid), 0);
  let peak = sample();
  const timer = setInterval(() => {
    peak = Math.max(peak ?? 0, sample() ?? 0);
  }, everyMs);
  return {
    stop() {
      clearInterval(timer);
      return peak === undefined ? undefined : Math.max(peak, sample() ?? 0);
    },
  };
}

/** CPU time in µs so far: of this process, and of the PostgreSQL it started (undefined without /proc). */
export function cpuTimes() {
  const { user, system } = process.cpuUsage();
  const servers = family()?.filter((p) => p.name === 'postgres');
  return { node: user + system, postgres: servers?.reduce((sum, p) => sum + p.ticks * tickUs, 0) };
}

/** This process and its descendants. */
function family() {
  let all;
  try {
    all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? statOf(Number(name)) : []));
  } catch {
    return undefined;
  }
  const parents = new Map(all.map((p) => [p.pid, p.parent]));
  const below = (pid) => pid === process.pid || (parents.has(pid) && below(parents.get(pid)));
  return all.filter((p) => below(p.pid));
}

function statOf(pid) {
  // pid (name) state parent …: the name may hold spaces.
  const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(readOr(`/proc/${pid}/stat`, '')) ?? [];
  if (rest === undefined) return [];
  const fields = rest.split(' ');
  return [{ pid, name, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }];
}

function shareOf(pid) {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readOr(`/proc/${pid}/smaps_rollup`, ''))?.[1] ?? 0) * 1024;
}

/** A process may be gone by the time it is read. */
function readOr(file, otherwise) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}
