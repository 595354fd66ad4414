import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openSecretBox } from '../../src/platform/secret-box.ts';

/** A box with a key of its own. */
export function testSecretBox() {
  return openSecretBox({ file: path.join(mkdtempSync(path.join(os.tmpdir(), 'wattledger-key-')), 'secret.key'), mayMake: true });
}
