import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** When a process began, so that a reused pid is not mistaken for it; undefined when there is none. */
export function processStart(pid: number): string | undefined {
  try {
    // Field 22 of /proc/PID/stat; the name in brackets may hold spaces.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return process.platform === 'linux' ? undefined : ps(pid, 'lstart=') || undefined;
  }
}

/** The command line of a living process; empty when there is none. */
export function commandLine(pid: number | undefined): string {
  if (pid === undefined || !Number.isInteger(pid) || pid <= 1) return '';
  // Small containers have no ps.
  if (process.platform !== 'linux') return ps(pid, 'args=');
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** Stops a process when its command line names all of `marks`, and waits for its end; anything else under that pid is left alone. */
export async function stopProcess(pid: number | undefined, marks: readonly string[], signal: NodeJS.Signals): Promise<void> {
  const ours = () => {
    const line = commandLine(pid);
    return line !== '' && marks.every((mark) => line.includes(mark));
  };
  for (const [next, seconds] of [
    [signal, 12],
    ['SIGQUIT', 2],
    ['SIGKILL', 2],
  ] as const) {
    if (pid === undefined || !ours()) return;
    try {
      process.kill(pid, next);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    for (const end = Date.now() + seconds * 1000; ours() && Date.now() < end; ) await sleep(50);
  }
}

function ps(pid: number, column: string): string {
  try {
    return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}
