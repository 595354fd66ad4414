import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { readRunFile } from './home.ts';
import { notedCluster } from './postgres-binaries.ts';
import { stopProcess } from './processes.ts';

/** Stops what a killed app or guardian left on a home. Each pid counts only when its command line names this home's own files. */
export async function stopLeftovers(home: string, postgresFolder: string | undefined): Promise<void> {
  const run = readRunFile(home);
  // The guardian first: a living one may still be starting servers.
  await stopProcess(run?.pids['guardian'], ['guardian.js', ` ${home}`], 'SIGTERM');
  const folders = new Set([postgresFolder, notedCluster(home)].filter((folder) => folder !== undefined));
  await Promise.all([
    ...[...folders].map((folder) => stopProcess(postmaster(folder), ['postgres', `-D ${folder} `], 'SIGINT')),
    stopProcess(run?.pids['temporal'], ['start-dev', path.join(home, 'temporal.db')], 'SIGTERM'),
  ]);
}

function postmaster(folder: string): number | undefined {
  const file = path.join(folder, 'postmaster.pid');
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
  return pid === undefined || Number.isNaN(pid) ? undefined : pid;
}
