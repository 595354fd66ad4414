import type { ErpPort } from '../adapters/erp/port.ts';
import type { ErpDocument } from '../contracts/erp-document.ts';
import type { ErpMapping, ErpMasterData } from '../contracts/erp-mapping.ts';
import { type Code, codesThere, inErpTerms, suggestionsFor, unknownThere } from '../core/hand-over/map-document.ts';
import type { Db } from '../store/db.ts';
import { keepMasterData, mappingsOf, masterDataOf } from '../store/erp-mapping.ts';

/** A document in the words of an ERP, or why it cannot be said in them. */
export type Translated = { readonly document: ErpDocument } | { readonly refusal: string };
export type Translate = (document: ErpDocument, mappingVersion: number | null) => Promise<Translated>;

/**
 * How documents are said to a connection's ERP: by the version of its mapping that a posting is sent by, checked against the accounts,
 * cost centers and VAT codes that the ERP has. These are kept; what is not among them has them read again, once.
 */
export async function translator(db: Db, erp: ErpPort, connectionId: string): Promise<Translate> {
  const mappings = await mappingsOf(db, connectionId);
  let master = erp.masterData === undefined ? undefined : await masterDataOf(db, connectionId);
  let isFresh = false;
  const refresh = async () => {
    master = await erp.masterData?.();
    isFresh = true;
    if (master !== undefined) await keepMasterData(db, connectionId, master);
  };
  return async (document, version) => {
    const mapped = inErpTerms(document, mappingOf(mappings, version));
    if ('unmapped' in mapped) {
      return { refusal: `the mapping of ${connectionId} does not name ${mapped.unmapped.map((c) => `${words(c)}${suggested(c, master)}`).join(', nor ')}: add it, then retry` };
    }
    if (erp.masterData === undefined) return mapped;
    if (master === undefined) await refresh();
    if (master !== undefined && unknownThere(mapped.document, master).length > 0 && !isFresh) await refresh();
    if (master === undefined) return mapped;
    const has = master;
    const missing = unknownThere(mapped.document, has);
    if (missing.length === 0) return mapped;
    return {
      refusal: `${connectionId} has no ${missing.map((c) => `${words(c)}${suggested(c, has)}`).join(', no ')}: add it there, or map it to another, then retry`,
    };
  };
}

/** The mapping of a version; without one our codes are the ERP's. */
function mappingOf(mappings: ReadonlyMap<number, ErpMapping>, version: number | null): ErpMapping {
  return version === null ? {} : (mappings.get(version) ?? {});
}

/** What was sent by a version, as the ERP was told it. */
export function asSent(document: ErpDocument, mappings: ReadonlyMap<number, ErpMapping>, version: number | null): ErpDocument {
  const mapped = inErpTerms(document, mappingOf(mappings, version));
  return 'document' in mapped ? mapped.document : document;
}

function words({ kind, code }: Code): string {
  return `${{ account: 'account', costCenter: 'cost center', vatCode: 'VAT code' }[kind]} ${code}`;
}

function suggested({ kind, code }: Code, master: ErpMasterData | undefined): string {
  const found = suggestionsFor(code, codesThere(kind, master) ?? []);
  return found.length === 0 ? '' : ` (${found.join(', or ')}?)`;
}
