import type { ErpDocument, ErpLine } from '../../../contracts/erp-document.ts';
import { erpKinds } from '../../../contracts/erp-document.ts';

/** What Tryton keeps of ours where it has no field of its own: kind, number and run of a document. */
export function descriptionOf({ kind, legalNumber, runId }: Pick<ErpDocument, 'kind' | 'legalNumber' | 'runId'>): string {
  return `${kind} ${legalNumber === null ? '-' : asOneWord(legalNumber)} ${runId ?? '-'}`;
}

/** Undefined for what somebody else wrote. */
export function readDescription(text: string | null): Pick<ErpDocument, 'kind' | 'legalNumber' | 'runId'> | undefined {
  const [kind, number, runId, ...rest] = (text ?? '').split(' ');
  const known = erpKinds.find((k) => k === kind);
  if (known === undefined || number === undefined || runId === undefined || rest.length > 0) return undefined;
  return { kind: known, legalNumber: number === '-' ? null : asWritten(number), runId: runId === '-' ? null : runId };
}

/** VAT code and cost center of a line or tax row, as its description keeps them. */
export function tagOf({ vatCode, costCenter }: Pick<ErpLine, 'vatCode' | 'costCenter'>): string {
  return `${vatCode === null ? '-' : asOneWord(vatCode)} ${costCenter ?? '-'}`;
}

export function readTag(text: string | null): Pick<ErpLine, 'vatCode' | 'costCenter'> {
  const [vatCode = '-', ...rest] = (text ?? '').split(' ');
  const costCenter = rest.join(' ');
  return { vatCode: vatCode === '-' ? null : asWritten(vatCode), costCenter: costCenter === '-' || costCenter === '' ? null : costCenter };
}

/** A number or code of several words as one, since spaces tell apart what stands beside it; and one that is a dash, which says that there is none. */
function asOneWord(text: string): string {
  return text === '-' ? '%2D' : text.replace(/%(?=2[05D])| /g, (sign) => (sign === ' ' ? '%20' : '%25'));
}

function asWritten(word: string): string {
  return word.replace(/%2[05D]/g, decodeURIComponent);
}
