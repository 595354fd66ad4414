import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export type RunFile = {
  readonly pids: Readonly<Record<string, number>>;
  readonly databaseUrl?: string;
  readonly databaseAdminUrl?: string;
  readonly temporalAddress?: string;
  readonly temporalUiUrl?: string;
  readonly apiUrl?: string;
  readonly postgresFolder?: string;
};

/** When a process began, so that a reused pid is not mistaken for it; undefined when there is none. */
export function processStart(pid: number): string | undefined {
  try {
    // Field 22 of /proc/PID/stat; the name in brackets may hold spaces.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    if (process.platform === 'linux') return undefined;
    try {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
    } catch {
      return undefined;
    }
  }
}

/** Takes the one lock on a home, which covers both servers. Throws when a living process holds it; a dead one's is taken over. */
export function lockHome(home: string): () => void {
  mkdirSync(home, { recursive: true, mode: 0o711 });
  const file = path.join(home, 'lock');
  const mine = JSON.stringify({ pid: process.pid, start: processStart(process.pid) });
  for (;;) {
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o600 });
      return () => {
        if (read(file) === mine) rmSync(file, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const text = read(file);
    const holder = text === undefined ? undefined : (JSON.parse(text || '{}') as { pid?: number; start?: string });
    if (holder?.pid !== undefined && holder.start !== undefined && processStart(holder.pid) === holder.start) {
      throw new Error(`WattLedger already runs on ${home} (process ${holder.pid}): stop it, or set WATTLEDGER_HOME to another folder`);
    }
    rmSync(file, { force: true });
  }
}

export function readRunFile(home: string): RunFile | undefined {
  const text = read(path.join(home, 'run.json'));
  return text === undefined ? undefined : (JSON.parse(text) as RunFile);
}

/** Merges into run.json, atomically; it holds passwords, so only the owner may read it. */
export function updateRunFile(home: string, patch: Partial<RunFile>): void {
  const before = readRunFile(home);
  const file = path.join(home, 'run.json');
  const next: RunFile = { ...before, ...patch, pids: { ...before?.pids, ...patch.pids } };
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(next, null, 2), { mode: 0o600 });
  renameSync(`${file}.${process.pid}`, file);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
