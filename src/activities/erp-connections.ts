import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { businessCentralErp } from '../adapters/erp/business-central/business-central.ts';
import { faultPlanOf, faultyErp } from '../adapters/erp/faulty.ts';
import { filesErp } from '../adapters/erp/files.ts';
import { httpErp } from '../adapters/erp/http/http.ts';
import type { ErpPort, PartiesOf } from '../adapters/erp/port.ts';
import { trytonErp } from '../adapters/erp/tryton/tryton.ts';
import { hasCredentials } from '../contracts/has-credentials.ts';
import type { Store } from '../store/db.ts';
import { erpConnection } from '../store/outbox.ts';
import { erpParties } from '../store/reads/erp-parties.ts';
import { erpVoucher } from '../store/reads/erp-voucher.ts';
import type { ErpFor } from './hand-over.ts';

type Opener = (settings: Readonly<Record<string, unknown>>, id: string) => Promise<ErpPort>;

const timing = { timeoutMs: z.int().min(100).default(60_000), settleMs: z.int().min(0).default(5000) };
/** Passwords and secrets stand in files that only this process reads, never in the database, nor in what is said of a request. */
const url = z.url().refine((text) => !hasCredentials(text), 'it holds a user or a password: leave them out, and name the file with the secret');
const trytonSettings = z.object({
  url,
  database: z.string().min(1),
  user: z.string().min(1),
  passwordFile: z.string().min(1),
  ...timing,
});

const httpSettings = z.object({ url: url.transform((text) => text.replace(/\/$/, '')), secretFile: z.string().min(1), ...timing });
const businessCentralSettings = z.object({
  url,
  companyId: z.string().min(1),
  tokenUrl: url,
  clientId: z.string().min(1),
  clientSecretFile: z.string().min(1),
  journal: z.string().min(1).max(10),
  dimension: z.string().min(1).max(20),
  currency: z.string().length(3),
  // A request there ends after ten minutes at the latest.
  timeoutMs: z.int().min(100).default(120_000),
  settleMs: z.int().min(0).default(10_000),
});

async function secretIn(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trim();
}

function read<T>(schema: z.ZodType<T>, settings: unknown, id: string): T {
  const found = schema.safeParse(settings);
  if (found.success) return found.data;
  throw new RangeError(`settings of ERP connection ${id}: ${found.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}`);
}

/**
 * The ERP behind each connection id, opened once a process. `folder` is where the files adapter writes unless the connection's settings
 * name another. Throws RangeError on an unknown adapter, and on a production ERP outside a production environment.
 */
export function erpConnections(store: Store, options: { readonly folder: string; readonly production: boolean }): ErpFor {
  const partiesOf: PartiesOf = (accountIds) => erpParties(store.pool, accountIds);
  const openers: Readonly<Record<string, Opener>> = {
    files: async ({ folder }, id) => filesErp(typeof folder === 'string' ? path.resolve(folder) : path.join(options.folder, id), (document) => erpVoucher(store.pool, id, document)),
    tryton: async (settings, id) => {
      const { url, database, user, passwordFile, timeoutMs, settleMs } = read(trytonSettings, settings, id);
      return trytonErp({ url, database, user, password: await secretIn(passwordFile), timeoutMs, settleMs }, partiesOf);
    },
    http: async (settings, id) => {
      const { secretFile, ...server } = read(httpSettings, settings, id);
      return httpErp({ ...server, secret: await secretIn(secretFile) }, partiesOf);
    },
    businessCentral: async (settings, id) => {
      const { clientSecretFile, ...server } = read(businessCentralSettings, settings, id);
      return businessCentralErp({ ...server, clientSecret: await secretIn(clientSecretFile) }, partiesOf);
    },
  };
  const opener = (adapter: string, id: string): Opener => {
    const found = openers[adapter];
    if (found === undefined) throw new RangeError(`ERP connection ${id} names the adapter ${adapter}: this build has ${Object.keys(openers).join(', ')}`);
    return found;
  };
  const opened = new Map<string, Promise<ErpPort>>();
  const open = async (id: string): Promise<ErpPort> => {
    const connection = await erpConnection(store.pool, id);
    if (connection.production && !options.production) throw new RangeError(`ERP connection ${id} is production: only WATTLEDGER_ENV=production may use it`);
    const erp = await opener(connection.adapter, id)(connection.settings, id);
    const faults = faultPlanOf({ ...connection, production: connection.production || options.production });
    return faults.length === 0 ? erp : faultyErp(erp, faults);
  };
  return (id) => {
    const known = opened.get(id);
    if (known !== undefined) return known;
    const opening = open(id);
    opened.set(id, opening);
    // What could not be opened is tried anew next time.
    opening.catch(() => opened.delete(id));
    return opening;
  };
}
