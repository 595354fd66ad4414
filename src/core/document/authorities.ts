import { type Authority, authorityTasks } from '../../contracts/document-rules.ts';
import { type Issue, issue } from '../issues.ts';

type Task = Authority['task'];

/** Types that an ERP may number: what it takes one by one, and is ours to issue. Receipts reach it summed up, and self-billing has a series per seller (D19). */
export const numberedByErp: ReadonlySet<string> = new Set<Authority['type']>(['invoice', 'creditNote']);

/** Who does a task of a type of document: as the entity says, else we number and deliver, and the ERP collects, reminds and pays. */
export function authorityOf(rows: readonly Authority[], type: string, task: Task): Authority['authority'] {
  return rows.find((row) => row.type === type && row.task === task)?.authority ?? (task === 'number' || task === 'delivery' ? 'wattledger' : 'erp');
}

/** What of an entity's authorities has none or two: of a type that is named at all, each task is named once. */
export function lintAuthorities(rows: readonly Authority[]): Issue[] {
  return [...new Set(rows.map((row) => row.type))].flatMap((type) =>
    authorityTasks.flatMap((task) => {
      const named = rows.filter((row) => row.type === type && row.task === task).map((row) => row.authority);
      if (named.length === 0) return [issue('authorityMissing', 'blocks', type, { type, task })];
      if (task === 'number' && named.includes('erp') && !numberedByErp.has(type)) return [issue('numberByErp', 'blocks', type, { type, types: [...numberedByErp].join(' and ') })];
      return named.length === 1 ? [] : [issue('authorityTwice', 'blocks', type, { type, task, authorities: named.join(' and ') })];
    }),
  );
}
