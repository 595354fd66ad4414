import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum, type SqlDriverAdapter } from '@prisma/driver-adapter-utils';
import * as engineCode from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

// What is used of it here: neither Node's types nor the language's declare it.
declare const WebAssembly: { instantiate(bytes: Uint8Array, imports: object): Promise<{ readonly instance: { readonly exports: { __wbindgen_start(): void } } }> };

/** How a database differs from a Prisma schema, in the engine's words; undefined when it does not. */
export async function differences(databaseUrl: string, schema: string): Promise<string | undefined> {
  await loadEngine();
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  const file = 'schema.prisma';
  const engine = await engineCode.SchemaEngine.new(
    { datamodels: [[file, schema]] },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory({
      provider: 'postgres',
      adapterName: '@prisma/adapter-pg',
      connect: () => adapterFor(pool),
      connectToShadowDb: () => Promise.reject(new Error('the comparison reads a database that stands')),
    }),
  );
  try {
    const files = [{ path: file, content: schema }];
    const { exitCode, stdout } = await engine.diff({
      from: { tag: 'schemaDatasource', files, configDir: '.' },
      to: { tag: 'schemaDatamodel', files },
      script: false,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    });
    return exitCode === 0 ? undefined : (stdout ?? 'a difference without words');
  } finally {
    engine.free();
    await pool.end();
  }
}

let loading: Promise<void> | undefined;

/** The engine as WebAssembly, which needs no binary for the platform. Node has no stable imports of it, so it is instantiated here. */
function loadEngine(): Promise<void> {
  loading ??= (async () => {
    const folder = path.dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm'));
    const { instance } = await WebAssembly.instantiate(await readFile(path.join(folder, 'schema_engine_bg.wasm')), { './schema_engine_bg.js': engineCode });
    engineCode.__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start();
  })();
  return loading;
}

// The catalog's one-byte type: the adapter refuses it, the engine reads it and wants it back as a character.
const catalogChar = 18;

async function adapterFor(pool: pg.Pool): Promise<SqlDriverAdapter> {
  let chars: number[] = [];
  const reading = new Proxy(pool, {
    get(target, name) {
      if (name !== 'query') return Reflect.get(target, name, target);
      return async (query: pg.QueryConfig) => {
        const result = await target.query(query);
        chars = result.fields.flatMap((field, i) => (field.dataTypeID === catalogChar ? [i] : []));
        for (const i of chars) Object.assign(result.fields[i] ?? {}, { dataTypeID: pg.types.builtins.TEXT });
        return result;
      };
    },
  });
  const adapter = await new PrismaPg(reading).connect();
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async (query) => {
    const result = await queryRaw(query);
    for (const i of chars) result.columnTypes[i] = ColumnTypeEnum.Character;
    return result;
  };
  return adapter;
}
