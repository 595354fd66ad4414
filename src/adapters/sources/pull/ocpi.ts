import { type OcpiCaller, ocpiPage } from '../../ocpi/client.ts';
import { OcpiRefused, OcpiUnavailable } from '../../ocpi/failures.ts';
import { firstPage } from '../../ocpi/first-page.ts';
import { type Puller, SourceRefused, SourceUnavailable } from './port.ts';

/** CDRs of an OCPI peer by `GET` of its cdrs sender (2.2.1 mod_cdrs, Sender Interface): date_from inclusive, date_to exclusive on last_updated. What its X-Total-Count states of the window is told. */
export function ocpiPuller({ url, pageSize, caller }: { readonly url: string; readonly pageSize: number; readonly caller: OcpiCaller }): Puller {
  return {
    async page(window, cursor) {
      try {
        const { items, next, total } = await ocpiPage(caller, cursor ?? firstPage(url, window, pageSize));
        // An empty page that names another one would never end.
        return { items, next: items.length === 0 ? null : (next ?? null), ...(total === undefined ? {} : { stated: total }) };
      } catch (error) {
        if (error instanceof OcpiUnavailable) throw new SourceUnavailable(error.message, error.retryAfterMs, error.said);
        if (error instanceof OcpiRefused) throw new SourceRefused(error.message, error.said);
        throw error;
      }
    },
  };
}
