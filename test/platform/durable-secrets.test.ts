import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, expect, it, vi } from 'vitest';
import { writeSecret } from '../../src/platform/home.ts';
import { openSecretBox } from '../../src/platform/secret-box.ts';

/** What was asked of the disk, in order: `flush` of a file's bytes or a folder's names. */
const asked: string[] = [];

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const folders = new Map<number, string>();
  return {
    ...fs,
    writeFileSync: (file: string, data: string, options: { flush?: boolean }) => {
      fs.writeFileSync(file, data, options);
      asked.push(`write ${path.basename(file)}${options.flush === true ? ', flush' : ''}`);
    },
    renameSync: (from: string, to: string) => {
      fs.renameSync(from, to);
      asked.push(`rename to ${path.basename(to)}`);
    },
    linkSync: (from: string, to: string) => {
      fs.linkSync(from, to);
      asked.push(`link as ${path.basename(to)}`);
    },
    openSync: (at: string, flags: string) => {
      const handle = fs.openSync(at, flags);
      folders.set(handle, at);
      return handle;
    },
    fsyncSync: (handle: number) => {
      fs.fsyncSync(handle);
      asked.push(`flush ${path.basename(folders.get(handle) ?? '')}`);
    },
  };
});

const home = mkdtempSync(path.join(os.tmpdir(), 'wattledger-durable-'));
const name = path.basename(home);
afterAll(() => rmSync(home, { recursive: true, force: true }));
beforeEach(() => void asked.splice(0));

// A database outlives a power cut: with the password or key that it needs empty it would be of no use.
it('keeps passwords on the disk, bytes before name, when they are written', () => {
  writeSecret(path.join(home, 'secrets.json'), '{}');
  expect(asked).toEqual([`write secrets.json.${process.pid}, flush`, 'rename to secrets.json', `flush ${name}`]);
});

it('keeps the key on the disk before anything is sealed by it', () => {
  openSecretBox({ file: path.join(home, 'secret.key'), mayMake: true }).seal('token', 'peer');
  expect(asked).toEqual([`write secret.key.${process.pid}, flush`, 'link as secret.key', `flush ${name}`]);
  expect(Buffer.from(readFileSync(path.join(home, 'secret.key'), 'utf8'), 'base64')).toHaveLength(32);
});

it('says at once that a folder stands in the place of the key', () => {
  expect(() => openSecretBox({ file: home, mayMake: false })).toThrow(`${home} is a folder: name the file that holds the key by WATTLEDGER_KEY_FILE`);
});
