import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { writeSecret } from '../platform/home.ts';
import { putApiKeys } from '../store/commands/api-keys.ts';
import type { Store } from '../store/db.ts';
import type { Role } from '../store/reads/api-keys.ts';

const users: Readonly<Record<string, { readonly roles: readonly Role[]; readonly sourceId: string | null }>> = {
  'sample-partner': { roles: ['partner'], sourceId: 'ocpi-peer' },
  'sample-preparer': { roles: ['finance-preparer'], sourceId: null },
  'sample-approver': { roles: ['finance-approver'], sourceId: null },
  'sample-ops': { roles: ['ops'], sourceId: null },
  'sample-auditor': { roles: ['auditor'], sourceId: null },
  'sample-admin': { roles: ['admin'], sourceId: null },
};

export type SampleTokens = Readonly<Record<string, string>>;

/** Tokens of the sample users, made once per home and readable by its owner alone; undefined before they are made. */
export function sampleTokens(home: string): SampleTokens | undefined {
  const file = path.join(home, 'sample-tokens.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as SampleTokens) : undefined;
}

/** Lets the sample users sign in; for development only. */
export async function ensureSampleUsers(store: Store, home: string): Promise<SampleTokens> {
  const tokens = sampleTokens(home) ?? Object.fromEntries(Object.keys(users).map((actor) => [actor, `wl_${randomBytes(24).toString('base64url')}`]));
  writeSecret(path.join(home, 'sample-tokens.json'), JSON.stringify(tokens, null, 2));
  await store.tx((db) =>
    putApiKeys(
      db,
      Object.entries(users).map(([actor, user]) => ({ id: actor, actor, token: tokens[actor] ?? '', sample: true, ...user })),
    ),
  );
  return tokens;
}
