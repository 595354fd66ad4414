import path from 'node:path';
import { faultPlanOf, faultyErp } from '../adapters/erp/faulty.ts';
import { filesErp } from '../adapters/erp/files.ts';
import type { ErpPort } from '../adapters/erp/port.ts';
import type { Store } from '../store/db.ts';
import { erpConnection } from '../store/outbox.ts';
import type { ErpFor } from './hand-over.ts';

/**
 * The ERP behind each connection id, opened once a process. `folder` is where the files adapter writes unless the connection's settings
 * name another. Throws RangeError on an unknown adapter, and on a production ERP outside a production environment.
 */
export function erpConnections(store: Store, options: { readonly folder: string; readonly production: boolean }): ErpFor {
  const opened = new Map<string, Promise<ErpPort>>();
  const open = async (id: string): Promise<ErpPort> => {
    const connection = await erpConnection(store.pool, id);
    if (connection.production && !options.production) throw new RangeError(`ERP connection ${id} is production: only WATTLEDGER_ENV=production may use it`);
    if (connection.adapter !== 'files') throw new RangeError(`ERP connection ${id} names the adapter ${connection.adapter}: this build has files`);
    const { folder } = connection.settings;
    const erp = filesErp(typeof folder === 'string' ? path.resolve(folder) : path.join(options.folder, id));
    const faults = faultPlanOf(connection);
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
