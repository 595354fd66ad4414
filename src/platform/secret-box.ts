import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { syncFolder } from './home.ts';

const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;

/**
 * Seals by AES-256-GCM under the key in `file` (base64, readable by its owner alone), read when it is first needed. Without the file one
 * is made, unless `mayMake` is false: several machines need the same one. Throws where a folder has its name.
 */
export function openSecretBox({ file, mayMake }: { readonly file: string; readonly mayMake: boolean }) {
  // As a container's mount makes of a file that is not there; the first peer would meet it, and be told nothing.
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new Error(`${file} is a folder: name the file that holds the key by WATTLEDGER_KEY_FILE`);
  let known: Buffer | undefined;
  const key = (): Buffer => {
    known ??= readKey(file) ?? makeKey(file, mayMake);
    return known;
  };
  return {
    seal(secret: string, of: string): Buffer {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', key(), iv).setAAD(Buffer.from(of));
      const body = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), body]);
    },
    open(sealed: Buffer, of: string): string {
      const decipher = createDecipheriv('aes-256-gcm', key(), sealed.subarray(0, ivBytes))
        .setAAD(Buffer.from(of))
        .setAuthTag(sealed.subarray(ivBytes, ivBytes + tagBytes));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(ivBytes + tagBytes)), decipher.final()]).toString('utf8');
      } catch {
        throw new Error(`the secret of ${of} was sealed with another key than the one in ${file}: restore that file, or register ${of} again`);
      }
    },
  };
}

function readKey(file: string): Buffer | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== keyBytes) throw new Error(`${file} holds no key: it wants ${keyBytes} random bytes in base64`);
  return key;
}

/** Linked, not written in place: of two that start at once one wins, and both read it. On the disk before anything is sealed by it. */
function makeKey(file: string, mayMake: boolean): Buffer {
  if (!mayMake) throw new Error(`there is no ${file}: write ${keyBytes} random bytes in base64 into it, the same on every machine, and name it by WATTLEDGER_KEY_FILE`);
  mkdirSync(path.dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, randomBytes(keyBytes).toString('base64'), { mode: 0o600, flush: true });
  try {
    linkSync(draft, file);
    syncFolder(path.dirname(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const made = readKey(file);
  if (made === undefined) throw new Error(`${file} is gone again`);
  return made;
}
