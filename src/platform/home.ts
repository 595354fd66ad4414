import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { processStart } from './processes.ts';

export type RunFile = {
  readonly pids: Readonly<Record<string, number>>;
  /** Whose addresses these are. */
  readonly app?: { readonly home: string; readonly pid: number; readonly start: string | undefined };
  readonly databaseUrl?: string;
  readonly databaseAdminUrl?: string;
  readonly temporalAddress?: string;
  readonly temporalUiUrl?: string;
  readonly apiUrl?: string;
  readonly postgresFolder?: string;
  /** The cluster there was complete: without it this home has lost its books. */
  readonly postgresMade?: boolean;
};

/** Takes the one lock on a home, which covers both servers. Throws when a living process holds it; a dead one's is taken over. */
export function lockHome(home: string): () => void {
  // As root PostgreSQL runs as another user, who must pass through; nobody else needs to.
  mkdirSync(home, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
  const file = path.join(home, 'lock');
  const mine = JSON.stringify({ pid: process.pid, start: processStart(process.pid) });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, mine, { mode: 0o600 });
  try {
    // Linked, not written in place: a lock is never seen half written and taken for a dead one.
    while (!link(draft, file)) {
      const text = read(file);
      if (text === undefined) continue;
      refuseLiving(text, home);
      const dead = `${draft}.dead`;
      try {
        renameSync(file, dead);
      } catch {
        continue;
      }
      // Another start may have taken the dead lock over in between: then it is theirs again.
      if (read(dead) !== text) link(dead, file);
      rmSync(dead, { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return () => {
    if (read(file) === mine) rmSync(file, { force: true });
  };
}

function refuseLiving(text: string, home: string): void {
  let holder: { pid?: number; start?: string };
  try {
    holder = JSON.parse(text) as typeof holder;
  } catch {
    return;
  }
  if (holder?.pid !== undefined && holder.start !== undefined && processStart(holder.pid) === holder.start) {
    throw new Error(`WattLedger already runs on ${home} (pid ${holder.pid}); stop it or set WATTLEDGER_HOME to another folder`);
  }
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** What only a home holds; another folder may well have logs. */
const ofHome = ['run.json', 'sample-tokens.json', 'secrets.json', 'temporal.db', 'erp-tryton'];

/** True when a folder is a home, or holds nothing, or is not there. */
export function holdsNothingElse(folder: string): boolean {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.length === 0 || names.some((name) => ofHome.includes(name));
}

export function readRunFile(home: string): RunFile | undefined {
  const text = read(path.join(home, 'run.json'));
  return text === undefined ? undefined : (JSON.parse(text) as RunFile);
}

/** What this process is in run.json, which outlives it when it is killed, and goes along when the home is copied. */
export function thisApp(home: string): NonNullable<RunFile['app']> {
  return { home: realpathSync(home), pid: process.pid, start: processStart(process.pid) };
}

/** run.json while the app that wrote it lives: else its addresses may by now be another home's. */
export function readLivingRun(home: string): RunFile | undefined {
  const run = readRunFile(home);
  const app = run?.app;
  return app?.start !== undefined && app.home === realpathSync(home) && processStart(app.pid) === app.start ? run : undefined;
}

/** Merges into run.json, pids one by one. */
export function updateRunFile(home: string, patch: Partial<RunFile>): void {
  const before = readRunFile(home);
  writeRunFile(home, { ...before, ...patch, pids: { ...before?.pids, ...patch.pids } });
}

/** Replaces run.json, so that nothing of an earlier run is taken for this one's. */
export function writeRunFile(home: string, run: RunFile): void {
  writeSecret(path.join(home, 'run.json'), JSON.stringify(run, null, 2));
}

/** Writes a file with passwords: whole or not at all, also when the power fails, and for the owner alone. */
export function writeSecret(file: string, text: string): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600, flush: true });
  renameSync(draft, file);
  syncFolder(path.dirname(file));
}

/** Has the disk keep the names in a folder: what databases keep rests on what is written below them. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
