import { groupBy } from '../group-by.ts';
import { allocate, minorUnitDigits, toDecimal4HalfEven, vatOfGross, vatOfNet } from '../money.ts';
import { type ClauseMonth, type MonthInput, type Part, type Place, placeKey } from './month.ts';
import { baseOf, type PeriodRole } from './period-charge.ts';
import { dayBefore, monthAfter, type SupplyVersion } from './segments.ts';

/** A row of the month that an earlier run issued; `place` is what it burdens. */
export type IssuedRow = {
  readonly clause: string;
  readonly component: string;
  readonly role: PeriodRole;
  readonly version: number;
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
  readonly place: Place;
  readonly quantity: bigint;
  readonly unit: string;
  readonly unitPrice: string;
  /** By its line, wholly, and not with a mirror: nobody paid it, and nobody is to. */
  readonly creditedAway?: boolean;
  /** It takes back another row, which the month owes anew. */
  readonly isMirror?: boolean;
};
/** A row to bill: a period charge without what the store knows (contract, currency, accounts of the chart). */
export type DueRow = {
  readonly clause: string;
  readonly component: string;
  readonly role: PeriodRole;
  readonly version: number;
  readonly splitNo: number;
  readonly place: Place;
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
  readonly exactNet: string;
  readonly quantity: bigint;
  readonly unit: string;
  readonly unitPrice: string;
  readonly serviceOn: string;
};

/** Whether something of a month was taken back and nothing has taken its place yet. */
export function isOwedAnew(issued: readonly IssuedRow[]): boolean {
  return (
    issued.some((r) => r.isMirror === true) &&
    [...groupBy(issued, keyOf).values()].some((own) => own.some((r) => r.isMirror === true) && total(own, 'netMinor') === 0n && total(own, 'grossMinor') === 0n)
  );
}

/** A row that a run wrote off for good, as it would have been billed. */
export type WrittenOffRow = Pick<IssuedRow, 'clause' | 'component' | 'netMinor' | 'grossMinor'>;

const keyOf = (r: Pick<WrittenOffRow, 'clause' | 'component'>) => `${baseOf(r.component)}\n${r.clause}`;

type Sums = { readonly net: bigint; readonly gross: bigint };

/**
 * What is still to bill of a month: its total less what was issued of it, clause by clause. The first time these are the clause's rows; later
 * it is one difference, with a component of its own (`included#2`), on what the late sessions burden (D44). So the sum over all
 * documents of a month is that of its sessions, whatever the order they came in. A fee in advance that is not refunded stays, and pays what
 * its clause bills of the month in arrears instead. What was written off, or credited by its line, is not billed again, in arrears neither, and nothing goes back of it.
 */
export function settleMonth(
  input: Pick<MonthInput, 'mode' | 'currency' | 'month' | 'versions'>,
  clauses: readonly ClauseMonth[],
  issued: readonly IssuedRow[],
  writtenOff: readonly WrittenOffRow[] = [],
): DueRow[] {
  const wanted = groupBy(clauses, (c) => `${c.component}\n${c.clause}`);
  const before = groupBy(
    issued.filter((r) => r.creditedAway !== true),
    keyOf,
  );
  const lost = groupBy<WrittenOffRow>([...writtenOff, ...issued.filter((r) => r.creditedAway === true)], keyOf);
  return [...new Set([...wanted.keys(), ...before.keys()])].sort().flatMap((key) => {
    const due = wanted.get(key) ?? [];
    const done = [...(before.get(key) ?? []), ...keptInAdvance(input, due, wanted, before)];
    const off = [...(lost.get(key) ?? []), ...lostInAdvance(input, due, wanted, before, lost)];
    return done.length === 0 && off.length === 0 ? firstRows(input, due) : difference(input, due, done, off);
  });
}

/** Of the fee in arrears `due`, what is kept of the one in advance that its clause billed before; no more than the fee, so that nothing of it goes back. */
function keptInAdvance(
  input: Pick<MonthInput, 'mode' | 'currency' | 'versions'>,
  due: readonly ClauseMonth[],
  wanted: ReadonlyMap<string, readonly ClauseMonth[]>,
  before: ReadonlyMap<string, readonly IssuedRow[]>,
): IssuedRow[] {
  const inAdvance = inAdvanceOf(due);
  const paid = before.get(inAdvance) ?? [];
  const [first] = paid;
  if (first === undefined || isRefunded(input.versions, first)) return [];
  const still = dueSums(input, wanted.get(inAdvance) ?? []);
  const kept = upToFee(input, { net: total(paid, 'netMinor') - still.net, gross: total(paid, 'grossMinor') - still.gross }, due);
  return kept === undefined ? [] : [{ ...first, component: 'fee', role: 'subscriptionFee', ...kept }];
}

/** Of the fee in arrears `due`, what was written off, or credited by its line, of the one in advance, beyond what is still due in advance: refunded or not, nobody is to pay it. */
function lostInAdvance(
  input: Pick<MonthInput, 'mode' | 'currency'>,
  due: readonly ClauseMonth[],
  wanted: ReadonlyMap<string, readonly ClauseMonth[]>,
  before: ReadonlyMap<string, readonly IssuedRow[]>,
  lost: ReadonlyMap<string, readonly WrittenOffRow[]>,
): WrittenOffRow[] {
  const inAdvance = inAdvanceOf(due);
  const off = lost.get(inAdvance) ?? [];
  const [first] = off;
  if (first === undefined) return [];
  const still = dueSums(input, wanted.get(inAdvance) ?? []);
  const paid = before.get(inAdvance) ?? [];
  const beyondDue = (of: 'netMinor' | 'grossMinor', wants: bigint) => beyond(total(off, of), atLeastNothing(wants - total(paid, of)));
  const lostOfFee = upToFee(input, { net: beyondDue('netMinor', still.net), gross: beyondDue('grossMinor', still.gross) }, due);
  return lostOfFee === undefined ? [] : [{ clause: first.clause, component: 'fee', ...lostOfFee }];
}

/** What there is over of a fee in advance, as far as the one in arrears comes to; undefined for nothing. */
function upToFee(input: Pick<MonthInput, 'mode' | 'currency'>, over: Sums, due: readonly ClauseMonth[]): Pick<WrittenOffRow, 'netMinor' | 'grossMinor'> | undefined {
  const amountOf = input.mode === 'grossFirst' ? 'gross' : 'net';
  if (over[amountOf] <= 0n) return undefined;
  const fee = dueSums(input, due);
  const { net, gross } = over[amountOf] < fee[amountOf] ? over : fee;
  return { netMinor: net, grossMinor: gross };
}

/** Under which key the fee in advance stands that a clause billed before it turned to arrears; '' of what is no fee in arrears. */
function inAdvanceOf([first]: readonly ClauseMonth[]): string {
  return first?.component === 'fee' ? keyOf({ component: 'advanceFee', clause: first.clause }) : '';
}

function dueSums(input: Pick<MonthInput, 'mode' | 'currency'>, due: readonly ClauseMonth[]): Sums {
  const rows = due.flatMap((c) => rowsOf(input, c));
  return { net: total(rows, 'netMinor'), gross: total(rows, 'grossMinor') };
}

const atLeastNothing = (minor: bigint) => (minor > 0n ? minor : 0n);

function firstRows(input: Pick<MonthInput, 'mode' | 'currency'>, due: readonly ClauseMonth[]): DueRow[] {
  return due.flatMap((c) => rowsOf(input, c)).flatMap((row, splitNo) => (row.netMinor === 0n && row.grossMinor === 0n ? [] : [{ ...row, splitNo }]));
}

/** The rows of a clause, one per place. */
function rowsOf({ mode, currency }: Pick<MonthInput, 'mode' | 'currency'>, { parts, clause, component, role, version, unit, unitPrice }: ClauseMonth): Omit<DueRow, 'splitNo'>[] {
  return [...groupBy(parts, (p) => placeKey(p.place)).values()].map((own) => {
    const [first] = own as [Part, ...Part[]];
    const amount = own.reduce((sum, p) => sum + p.amount, 0n);
    const sums = sumsOf(mode, amount, first.place);
    const quantity = own.reduce((sum, p) => sum + p.quantity, 0n);
    const serviceOn = own.reduce((latest, p) => (p.serviceOn > latest ? p.serviceOn : latest), '');
    return {
      clause,
      component,
      role,
      version,
      place: first.place,
      netMinor: sums.net,
      grossMinor: sums.gross,
      exactNet: majorOf(sums.net, currency),
      quantity: quantity === 0n ? 1n : quantity,
      unit,
      unitPrice,
      serviceOn,
    };
  });
}

/** An amount of the mode, gross or net, with the other by the place's VAT. */
function sumsOf(mode: MonthInput['mode'], amount: bigint, { vat: { percent } }: Place): Sums {
  return mode === 'grossFirst' ? { net: amount - vatOfGross(amount, percent), gross: amount } : { net: amount, gross: amount + vatOfNet(amount, percent) };
}

/** What of `rest` goes beyond what was written off. */
function beyond(rest: bigint, off: bigint): bigint {
  if (rest > 0n && off > 0n) return rest > off ? rest - off : 0n;
  if (rest < 0n && off < 0n) return rest < off ? rest - off : 0n;
  return rest;
}

function difference(input: Pick<MonthInput, 'mode' | 'currency' | 'month' | 'versions'>, due: readonly ClauseMonth[], done: readonly IssuedRow[], off: readonly WrittenOffRow[]): DueRow[] {
  const rows = due.flatMap((c) => rowsOf(input, c));
  const left = (key: 'netMinor' | 'grossMinor') => beyond(total(rows, key) - total(done, key), total(off, key));
  const rest: Sums = { net: left('netMinor'), gross: left('grossMinor') };
  const first = done[0] ?? rows[0];
  if (first === undefined || (rest.net === 0n && rest.gross === 0n)) return [];
  if (rest.net < 0n && first.role === 'advanceFee' && !isRefunded(input.versions, first)) return [];
  const burdened = burdenedBy(due, done, (input.mode === 'grossFirst' ? rest.gross : rest.net) < 0n);
  const isMirror = burdened.reduce((sum, b) => sum + b.net, rest.net) === 0n && burdened.reduce((sum, b) => sum + b.gross, rest.gross) === 0n;
  const parted = (of: keyof Sums) => (isMirror ? burdened.map((b) => -b[of]) : allocate(rest[of], weightsOf(burdened, of)));
  const [nets, grosses] = [parted('net'), parted('gross')];
  // Of several VAT rates net and gross of the rest belong to none: each place's follow from its part of the mode's amount.
  const isParted = isMirror || new Set([...rows, ...done, ...burdened].map((r) => r.place.vat.percent)).size === 1;
  const latest = due.at(-1);
  // Energy is told by difference too, so that the rows of a month sum to what is covered.
  const inWh = first.unit === 'Wh';
  const quantities = inWh
    ? allocate(
        total(rows, 'quantity') -
          total(
            done.filter((r) => r.unit === 'Wh'),
            'quantity',
          ),
        weightsOf(burdened, 'net'),
      )
    : [];
  const no = 1 + Math.max(...[...done, ...off].map((r) => numberOf(r.component)));
  return burdened.flatMap(({ place }, splitNo) => {
    const own: Sums = { net: nets[splitNo] ?? 0n, gross: grosses[splitNo] ?? 0n };
    const { net: netMinor, gross: grossMinor } = isParted ? own : sumsOf(input.mode, input.mode === 'grossFirst' ? own.gross : own.net, place);
    if (netMinor === 0n && grossMinor === 0n) return [];
    return [
      {
        clause: first.clause,
        component: `${baseOf(first.component)}#${no}`,
        role: first.role,
        version: latest?.version ?? first.version,
        splitNo,
        place,
        netMinor,
        grossMinor,
        exactNet: majorOf(netMinor, input.currency),
        quantity: inWh ? (quantities[splitNo] ?? 0n) : 1n,
        unit: inWh ? 'Wh' : 'difference',
        unitPrice: latest?.unitPrice ?? first.unitPrice,
        serviceOn: latestOf(lateOf(due)) || dayBefore(`${monthAfter(input.month)}-01`),
      },
    ];
  });
}

/** What a difference burdens, and what it weighs there. */
type Burden = Sums & { readonly place: Place };

/**
 * The late sessions' places; without any, those of all that is behind the clause. What a minimum lacks less, and all of a clause that comes to nothing any more, is
 * taken back where it was billed, by what stands there (D11).
 */
function burdenedBy(due: readonly ClauseMonth[], done: readonly IssuedRow[], isLess: boolean): Burden[] {
  const late = lateOf(due);
  const parts = due.flatMap((c) => c.parts);
  const behind =
    parts.length === 0 || (isLess && done.some((r) => r.role === 'minimumTrueUp'))
      ? done.map((r) => ({ place: r.place, net: r.netMinor, gross: r.grossMinor }))
      : (late.length > 0 ? late : parts).map((p) => ({ place: p.place, net: p.amount, gross: p.amount }));
  return [...groupBy(behind, (b) => placeKey(b.place)).values()].flatMap((own) =>
    own.slice(0, 1).map(({ place }) => ({ place, net: own.reduce((sum, b) => sum + b.net, 0n), gross: own.reduce((sum, b) => sum + b.gross, 0n) })),
  );
}

/** What late sessions brought to a clause; where it gives them nothing but others less or more, what they cost. */
function lateOf(due: readonly ClauseMonth[]): readonly Pick<Part, 'place' | 'amount' | 'serviceOn'>[] {
  const late = due.flatMap((c) => c.parts).filter((p) => p.isNew);
  return late.length > 0 ? late : due.flatMap((c) => c.late());
}

const weightsOf = (burdened: readonly Burden[], of: keyof Sums) => burdened.map((b) => b[of]);
const latestOf = (of: readonly Pick<Part, 'serviceOn'>[]) => of.reduce((on, p) => (p.serviceOn > on ? p.serviceOn : on), '');

function isRefunded(versions: readonly SupplyVersion[], row: Pick<IssuedRow, 'version' | 'clause'>): boolean {
  const clause = versions.find((v) => v.version === row.version)?.agreement.clauses.find((c) => c.id === row.clause);
  return clause?.kind !== 'fee' || clause.refund === 'prorata';
}

function numberOf(component: string): number {
  return Number(component.split('#')[1] ?? 1);
}

function total<Key extends 'netMinor' | 'grossMinor' | 'quantity'>(rows: readonly { readonly [K in Key]: bigint }[], key: Key): bigint {
  return rows.reduce((sum, r) => sum + r[key], 0n);
}

function majorOf(minor: bigint, currency: string): string {
  return toDecimal4HalfEven({ n: minor, d: 10n ** BigInt(minorUnitDigits(currency)) });
}
