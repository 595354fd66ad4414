import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';

const wants = (what: string) => ({ error: `wants ${what}` });
const port = z
  .string()
  .regex(/^\d+$/, wants('a port number from 0 to 65535'))
  .transform(Number)
  .refine((n) => n <= 65_535, wants('a port number from 0 to 65535'));
const postgresUrl = z.url({ protocol: /^postgres(ql)?$/, ...wants('a URL such as postgres://user:password@host:5432/database') });
export const environments = ['production', 'staging', 'test', 'development'] as const;
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const schema = z.object({
  DATABASE_URL: postgresUrl.optional(),
  DATABASE_ADMIN_URL: postgresUrl.optional(),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^/\s]+:\d+$/, wants('host:port'))
    .optional(),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_API_KEY: z.string().optional(),
  TEMPORAL_TLS_CLIENT_CERT_PATH: z.string().optional(),
  TEMPORAL_TLS_CLIENT_KEY_PATH: z.string().optional(),
  PORT: port.default(8080),
  HOST: z.string().default('127.0.0.1'),
  TEMPORAL_PORT: port.default(7233),
  TEMPORAL_UI_PORT: port.default(8233),
  WATTLEDGER_ENV: z.enum(environments, wants(`one of ${environments.join(', ')}`)).default('development'),
  WATTLEDGER_API_URL: z.url({ protocol: /^https?$/, ...wants('a URL such as https://billing.example') }).optional(),
  WATTLEDGER_TOKEN: z.string().optional(),
  WATTLEDGER_PUBLIC_URL: z.url({ protocol: /^https?$/, ...wants('where others reach this API, such as https://billing.example') }).optional(),
  WATTLEDGER_KEY_FILE: z.string().optional(),
  WATTLEDGER_HOME: z.string().default('var'),
  WATTLEDGER_CACHE: z.string().optional(),
  WATTLEDGER_DROPS: z.string().optional(),
  XDG_CACHE_HOME: z.string().optional(),
  LOG_LEVEL: z.enum(logLevels, wants(`one of ${logLevels.join(', ')}`)).default('info'),
});

export type Config = {
  readonly databaseUrl: string | undefined;
  readonly databaseAdminUrl: string | undefined;
  readonly temporalAddress: string | undefined;
  readonly temporalNamespace: string;
  readonly port: number;
  /** Address the API listens on. */
  readonly host: string;
  readonly temporalPort: number;
  readonly temporalUiPort: number;
  readonly env: (typeof environments)[number];
  /** Another machine's API, for the commands that call it. */
  readonly apiUrl: string | undefined;
  readonly token: string | undefined;
  /** Where others reach the API, without a slash at the end. */
  readonly publicUrl: string | undefined;
  /** Holds the key under which tokens of OCPI peers are kept. */
  readonly keyFile: string;
  readonly home: string;
  readonly cache: string;
  /** Where sources drop files, a folder each. */
  readonly drops: string;
  readonly logLevel: (typeof logLevels)[number];
};

/** Reads the environment, the only place that does. Throws an Error that names the variable and what it wants. */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  // Set to nothing is not set.
  const parsed = schema.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
  // Values are left out: they may hold passwords.
  if (!parsed.success) throw new Error(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; '));
  const e = parsed.data;
  if (e.WATTLEDGER_ENV === 'production') {
    const missing = [e.DATABASE_URL === undefined ? 'DATABASE_URL' : '', e.TEMPORAL_ADDRESS === undefined ? 'TEMPORAL_ADDRESS' : ''].filter((name) => name !== '');
    if (missing.length > 0) throw new Error(`WATTLEDGER_ENV=production refuses embedded servers: set ${missing.join(' and ')}, or another WATTLEDGER_ENV`);
  }
  const secured = (['TEMPORAL_API_KEY', 'TEMPORAL_TLS_CLIENT_CERT_PATH', 'TEMPORAL_TLS_CLIENT_KEY_PATH'] as const).find((name) => e[name] !== undefined);
  // Ignoring it would connect in plain text where a secured connection was asked for.
  if (secured !== undefined) throw new Error(`${secured} cannot be honoured yet: unset it and reach Temporal over a network you trust`);
  return {
    databaseUrl: e.DATABASE_URL,
    databaseAdminUrl: e.DATABASE_ADMIN_URL,
    temporalAddress: e.TEMPORAL_ADDRESS,
    temporalNamespace: e.TEMPORAL_NAMESPACE,
    port: e.PORT,
    host: e.HOST,
    temporalPort: e.TEMPORAL_PORT,
    temporalUiPort: e.TEMPORAL_UI_PORT,
    env: e.WATTLEDGER_ENV,
    apiUrl: e.WATTLEDGER_API_URL,
    token: e.WATTLEDGER_TOKEN,
    publicUrl: e.WATTLEDGER_PUBLIC_URL?.replace(/\/+$/, ''),
    keyFile: path.resolve(e.WATTLEDGER_KEY_FILE ?? path.join(e.WATTLEDGER_HOME, 'secret.key')),
    home: path.resolve(e.WATTLEDGER_HOME),
    drops: path.resolve(e.WATTLEDGER_DROPS ?? path.join(e.WATTLEDGER_HOME, 'drops')),
    cache: path.resolve(e.WATTLEDGER_CACHE ?? e.XDG_CACHE_HOME ?? userCache(e.WATTLEDGER_HOME)),
    logLevel: e.LOG_LEVEL,
  };
}

/** Where a user's caches lie; below the home of a user id that has no account, as in a container. */
function userCache(home: string): string {
  try {
    return path.join(os.homedir(), process.platform === 'darwin' ? 'Library/Caches' : '.cache');
  } catch {
    return path.join(home, 'cache');
  }
}
