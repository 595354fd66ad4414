import type { Config } from '../config.ts';
import type { SecretBox } from '../contracts/secret-box.ts';
import { openSecretBox } from '../platform/secret-box.ts';

/** The box of this installation. In production its key is brought, never made: every machine needs the same one. */
export function secretBoxOf(config: Config): SecretBox {
  return openSecretBox({ file: config.keyFile, mayMake: config.env !== 'production' });
}
