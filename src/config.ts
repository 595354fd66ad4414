import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);
const schema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  DATABASE_ADMIN_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^:\s]+:\d+$/, 'must be host:port')
    .optional(),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  PORT: port.default(8080),
  TEMPORAL_PORT: port.default(7233),
  TEMPORAL_UI_PORT: port.default(8233),
  WATTLEDGER_ENV: z.enum(['production', 'staging', 'test', 'development']).default('development'),
  WATTLEDGER_HOME: z.string().min(1).default('var'),
  WATTLEDGER_CACHE: z.string().min(1).optional(),
  XDG_CACHE_HOME: z.string().optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

export type Config = ReturnType<typeof loadConfig>;

/** Reads the environment, the only place that does. Throws an Error that names the variable and what it wants. */
export function loadConfig(env: NodeJS.ProcessEnv = process.env) {
  const parsed = schema.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
  if (!parsed.success) {
    throw new Error(parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; '));
  }
  const e = parsed.data;
  if (e.WATTLEDGER_ENV === 'production' && (e.DATABASE_URL === undefined || e.TEMPORAL_ADDRESS === undefined)) {
    throw new Error('WATTLEDGER_ENV=production refuses embedded parts: set DATABASE_URL and TEMPORAL_ADDRESS');
  }
  const cacheRoot = e.XDG_CACHE_HOME ?? path.join(os.homedir(), process.platform === 'darwin' ? 'Library/Caches' : '.cache');
  return {
    databaseUrl: e.DATABASE_URL,
    databaseAdminUrl: e.DATABASE_ADMIN_URL,
    temporalAddress: e.TEMPORAL_ADDRESS,
    temporalNamespace: e.TEMPORAL_NAMESPACE,
    port: e.PORT,
    temporalPort: e.TEMPORAL_PORT,
    temporalUiPort: e.TEMPORAL_UI_PORT,
    environment: e.WATTLEDGER_ENV,
    home: path.resolve(e.WATTLEDGER_HOME),
    cache: path.resolve(e.WATTLEDGER_CACHE ?? cacheRoot),
    logLevel: e.LOG_LEVEL,
  };
}
