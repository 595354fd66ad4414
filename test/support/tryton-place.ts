import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { inject } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { ensureTryton, makeTemplate } from '../../tools/erp-tryton/tryton.mjs';

/** Where the tests' Tryton is, and the database to copy books from: made once for all of them, since its modules take most of a minute. */
export async function trytonPlace() {
  const folder = path.join(inject('home'), 'tryton');
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  const onProgress = (line: string) => console.log(line);
  const bin = await ensureTryton({ cache: loadConfig().cache, onProgress });
  const at = { bin, server: inject('superuserUrl'), folder };
  return { ...at, ...(await makeTemplate({ ...at, onProgress })) };
}
