import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config.ts';

describe('the environment', () => {
  it('may be empty', () => {
    expect(loadConfig({ XDG_CACHE_HOME: '/c' })).toMatchObject({
      port: 8080,
      temporalPort: 7233,
      temporalUiPort: 8233,
      env: 'development',
      home: path.resolve('var'),
      cache: '/c',
      temporalNamespace: 'default',
    });
    expect(loadConfig({ PORT: '', WATTLEDGER_CACHE: '/d' })).toMatchObject({ port: 8080, cache: '/d' });
  });
  it.each([
    [{ PORT: '80a' }, /^PORT wants a port number from 0 to 65535$/],
    [{ PORT: '65536' }, /^PORT wants a port/],
    [{ DATABASE_URL: 'mysql://secret@h/d' }, /^DATABASE_URL wants a URL such as postgres:(?!.*secret)/],
    [{ TEMPORAL_ADDRESS: 'localhost' }, /^TEMPORAL_ADDRESS wants host:port$/],
    [{ WATTLEDGER_ENV: 'prod' }, /^WATTLEDGER_ENV wants one of production, staging, test, development$/],
    [{ LOG_LEVEL: 'loud', TEMPORAL_PORT: '-1' }, /TEMPORAL_PORT wants.*LOG_LEVEL wants one of fatal/],
    [{ WATTLEDGER_API_URL: 'localhost:8080' }, /^WATTLEDGER_API_URL wants a URL such as https:/],
    [{ TEMPORAL_TLS_CLIENT_KEY_PATH: 'k' }, /^TEMPORAL_TLS_CLIENT_KEY_PATH cannot be honoured yet/],
    [{ WATTLEDGER_ENV: 'production', TEMPORAL_ADDRESS: 'h:1' }, /production refuses embedded servers: set DATABASE_URL,/],
  ])('%j is refused with the variable and what it wants', (env, message) => {
    expect(() => loadConfig(env)).toThrow(message);
  });
  it('needs no account of the user it runs as, which a container may not have', () => {
    const homeless = vi.spyOn(os, 'homedir').mockImplementation(() => {
      throw new Error('uv_os_homedir returned ENOENT');
    });
    try {
      expect(loadConfig({ WATTLEDGER_HOME: '/state' })).toMatchObject({ home: '/state', cache: '/state/cache' });
      expect(loadConfig({ WATTLEDGER_CACHE: '/d' }).cache).toBe('/d');
    } finally {
      homeless.mockRestore();
    }
  });
  it('takes a production environment with both addresses', () => {
    const env = { WATTLEDGER_ENV: 'production', DATABASE_URL: 'postgres://a:b@h:1/d', TEMPORAL_ADDRESS: 'h:1' };
    expect(loadConfig(env)).toMatchObject({ env: 'production', databaseUrl: env.DATABASE_URL });
  });
});
