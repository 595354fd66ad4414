import { supplies, type VatTable } from '../../contracts/vat-table.ts';
import { type Issue, issue } from '../issues.ts';

type When = VatTable[number]['when'];

/**
 * What is wrong with a VAT table: names that come twice, rows that are never reached since earlier ones, alone or together, always hold,
 * codes that no VAT rule has. All of it blocks.
 */
export function lintVatTable(subject: string, rows: VatTable, vatCodes: ReadonlySet<string>): Issue[] {
  const reached = new Set<number>();
  const hidden = new Map<number, string>();
  for (const facts of questions) {
    const [first, ...later] = rows.flatMap((row, i) => (holds(row.when, facts) ? [i] : []));
    if (first === undefined) continue;
    reached.add(first);
    for (const i of later) if (!hidden.has(i)) hidden.set(i, rows[first]?.id ?? '');
  }
  return rows.flatMap((row, i) => [
    ...(rows.findIndex((other) => other.id === row.id) < i ? [issue('vatRowRepeated', 'blocks', subject, { row: row.id })] : []),
    ...(reached.has(i) ? [] : [issue('vatRowUnreachable', 'blocks', subject, { row: row.id, before: hidden.get(i) ?? '?' })]),
    ...(row.decides.vat === 'code' && !vatCodes.has(row.decides.code) ? [issue('vatRowUnknownCode', 'blocks', subject, { row: row.id, code: row.decides.code })] : []),
  ]);
}

const places = ['sellersCountry', 'otherEu', 'outsideEu'] as const;
type Facts = { readonly [Key in keyof Required<When>]: Required<When>[Key] extends readonly (infer One)[] ? One | null : Required<When>[Key] };

/** Everything a table can be asked, some two thousand questions. */
const questions: readonly Facts[] = (['sale', 'purchase'] as const).flatMap((direction) =>
  supplies.flatMap((supply) =>
    // null: what is not tied to a charger.
    [...places, null].flatMap((charger) =>
      (['consumer', 'business', 'reseller'] as const).flatMap((party) =>
        places.flatMap((established) => [true, false].flatMap((proven) => [true, false].map((registered): Facts => ({ direction, supply, charger, party, established, proven, registered })))),
      ),
    ),
  ),
);

/** As `decideVat` reads a row. */
function holds(when: When, facts: Facts): boolean {
  const takes = <T>(allowed: readonly T[] | undefined, one: T | null) => allowed === undefined || (one !== null && allowed.includes(one));
  return (
    when.direction === facts.direction &&
    takes(when.supply, facts.supply) &&
    takes(when.charger, facts.charger) &&
    takes(when.party, facts.party) &&
    takes(when.established, facts.established) &&
    (when.proven === undefined || when.proven === facts.proven) &&
    (when.registered === undefined || when.registered === facts.registered)
  );
}
