import type { ErpDocument, ErpLine } from '../../contracts/erp-document.ts';
import type { ErpMapping, ErpMasterData } from '../../contracts/erp-mapping.ts';

export type Code = { readonly kind: 'account' | 'costCenter' | 'vatCode'; readonly code: string };

/** A document in the words of an ERP, or every code of it that the mapping does not name: there is no fallback. */
export function inErpTerms(document: ErpDocument, mapping: ErpMapping): { readonly document: ErpDocument } | { readonly unmapped: readonly Code[] } {
  const unmapped = new Map<string, Code>();
  const mapped = (kind: Code['kind'], table: Readonly<Record<string, string>> | undefined, code: string): string => {
    if (table === undefined) return code;
    const theirs = Object.hasOwn(table, code) ? table[code] : undefined;
    if (theirs === undefined) unmapped.set(`${kind} ${code}`, { kind, code });
    return theirs ?? code;
  };
  const lines = document.lines.map(
    (line): ErpLine => ({
      ...line,
      glAccount: mapped('account', mapping.accounts, line.glAccount),
      costCenter: line.costCenter === null ? null : mapped('costCenter', mapping.costCenters, line.costCenter),
      vatCode: line.vatCode === null ? null : mapped('vatCode', mapping.vatCodes, line.vatCode),
    }),
  );
  return unmapped.size > 0 ? { unmapped: [...unmapped.values()] } : { document: { ...document, lines } };
}

/** What an ERP has of a kind of code; undefined where it keeps none of that kind. */
export function codesThere(kind: Code['kind'], master: ErpMasterData | undefined): ErpMasterData['accounts'] | undefined {
  if (master === undefined) return undefined;
  if (kind === 'vatCode') return master.vatCodes.length === 0 ? undefined : master.vatCodes;
  return kind === 'account' ? master.accounts : master.costCenters;
}

/** Accounts, cost centers and, where it keeps them, VAT codes of a document, in the ERP's words, that the ERP has not. */
export function unknownThere(document: ErpDocument, master: ErpMasterData): readonly Code[] {
  const kinds = (['account', 'costCenter', 'vatCode'] as const).flatMap((kind) => {
    const there = codesThere(kind, master);
    return there === undefined ? [] : [{ kind, codes: new Set(there.map((c) => c.code)) }];
  });
  const found = new Map<string, Code>();
  for (const { glAccount, costCenter, vatCode } of document.lines) {
    for (const { kind, codes } of kinds) {
      const code = { account: glAccount, costCenter, vatCode }[kind];
      if (code !== null && !codes.has(code)) found.set(`${kind} ${code}`, { kind, code });
    }
  }
  return [...found.values()];
}

const mostSuggestions = 3;

/** Codes of an ERP that look most like ours: by how far they begin alike, at least half, then by how near they are as numbers. Best first. */
export function suggestionsFor(code: string, there: readonly { readonly code: string; readonly name: string }[]): readonly string[] {
  const alike = (other: string) => {
    let n = 0;
    while (n < code.length && n < other.length && code[n]?.toLowerCase() === other[n]?.toLowerCase()) n += 1;
    return n;
  };
  const apart = (other: string) => (/^\d+$/.test(code) && /^\d+$/.test(other) ? Math.abs(Number(code) - Number(other)) : 0);
  return there
    .map((candidate) => ({ ...candidate, alike: alike(candidate.code) }))
    .filter((c) => c.alike * 2 >= code.length)
    .sort((a, b) => b.alike - a.alike || apart(a.code) - apart(b.code) || (a.code < b.code ? -1 : 1))
    .slice(0, mostSuggestions)
    .map((c) => (c.name === '' || c.name === c.code ? c.code : `${c.code} ${c.name}`));
}
