import { groupBy } from '../../core/group-by.ts';
import { looksAt, type RunMonths } from '../../core/period/contract-months.ts';
import { type FeeRole, feeRoleOf, isFeeRole, type PeriodCharge } from '../../core/period/period-charge.ts';
import type { WrittenOffRow } from '../../core/period/settle.ts';
import type { LeftOut } from './dispositions.ts';

type FeeKey = { readonly contractId: string; readonly clause: string; readonly component: string; readonly splitNo: number; readonly serviceMonth: string };
/** A fee that an earlier run carried or wrote off; `ageMonths`: since the run that first carried it. */
export type FormerFee = FeeKey & {
  readonly accountId: string;
  readonly currency: string;
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
  /** What of its month a minimum that is written off covers for good, by the sessions that are billed alone. */
  readonly coversNet: bigint | null;
  readonly coversGross: bigint | null;
  readonly outcome: 'carried' | 'excluded';
  readonly cause: string;
  readonly ruleId: string | null;
  readonly firstRunId: string | null;
  readonly ageMonths: number;
};
type Fate = { readonly outcome: 'billed' | 'carried' | 'excluded'; readonly cause: string; readonly ruleId: string | null; readonly tooOld: boolean; readonly rivals: readonly string[] | null };
export type FeeRow = FeeKey &
  Fate &
  Pick<FormerFee, 'accountId' | 'currency' | 'netMinor' | 'grossMinor'> & { readonly covers?: { readonly netMinor: bigint; readonly grossMinor: bigint }; readonly before: FormerFee | undefined };
export type Draft = { readonly accountId: string; readonly charge: PeriodCharge };

const keyOf = (k: FeeKey) => [k.contractId, k.clause, k.component, k.splitNo, k.serviceMonth].join('\n');
const sumOf = (drafts: readonly Draft[]) => ({
  netMinor: drafts.reduce((sum, d) => sum + d.charge.netMinor, 0n),
  grossMinor: drafts.reduce((sum, d) => sum + d.charge.grossMinor, 0n),
});
const billed: Fate = { outcome: 'billed', cause: 'none', ruleId: null, tooOld: false, rivals: null };

/** What earlier runs left out of the fees of some accounts, and what a run makes of it. */
export class LeftOutFees {
  readonly #former: ReadonlyMap<string, FormerFee>;
  readonly #ofContract: ReadonlyMap<string, readonly FormerFee[]>;
  readonly #leftOut: ReadonlyMap<string, LeftOut>;
  readonly #rows = new Map<string, FeeRow>();

  constructor(former: readonly FormerFee[], leftOut: ReadonlyMap<string, LeftOut>) {
    this.#former = new Map(former.map((f) => [keyOf(f), f]));
    this.#ofContract = groupBy(former, (f) => f.contractId);
    this.#leftOut = leftOut;
  }

  /** Of a contract, as its months take it. */
  of(contractId: string): { readonly waitsFrom: string | null; readonly writtenOff: ReadonlyMap<string, readonly WrittenOffRow[]> } {
    const own = groupBy(this.#ofContract.get(contractId) ?? [], (f) => f.outcome);
    const waiting = (own.get('carried') ?? []).map((f) => f.serviceMonth);
    const off = (own.get('excluded') ?? []).map((f) => ({ ...f, netMinor: f.coversNet ?? f.netMinor, grossMinor: f.coversGross ?? f.grossMinor }));
    return { waitsFrom: waiting.sort()[0] ?? null, writtenOff: groupBy(off, (f) => f.serviceMonth) };
  }

  /**
   * Takes out what the run leaves out of what months came to. What else than a fee the month of an account that is left out comes to waits for its sessions: it
   * goes with those that the run bills all the same. A minimum goes as a fee does, with what it lacks beside all sessions, `lacking`.
   */
  sift(drafts: readonly Draft[], lacking: readonly Draft[], billsSessionsOf: (contractId: string, month: string) => boolean): readonly Draft[] {
    const [minimums, others] = [drafts.filter((d) => d.charge.role === 'minimumTrueUp'), drafts.filter((d) => d.charge.role !== 'minimumTrueUp')];
    const kept = others.filter(({ accountId, charge }) => {
      if (!isFeeRole(charge.role)) return !this.#leftOut.has(accountId) || billsSessionsOf(charge.contractId, charge.serviceMonth);
      return this.#decide(charge, accountId, charge, undefined);
    });
    return [...kept, ...this.#siftMinimums(minimums, lacking)];
  }

  /** Of a minimum one row for all its places. Where it is written off, it covers for good what its month lacks without the sessions that are left out with it. */
  #siftMinimums(drafts: readonly Draft[], lacking: readonly Draft[]): readonly Draft[] {
    const ofAll = ({ charge }: Draft) => keyOf({ ...charge, splitNo: 0 });
    const due = groupBy([...drafts.filter((d) => !this.#leftOut.has(d.accountId)), ...lacking], ofAll);
    const covered = groupBy(
      drafts.filter((d) => this.#leftOut.has(d.accountId)),
      ofAll,
    );
    return [...new Set([...due.keys(), ...covered.keys()])].flatMap((key) => {
      const own = due.get(key) ?? [];
      const covers = covered.get(key) ?? [];
      const [first] = [...own, ...covers];
      if (first === undefined || (own.length === 0 && this.#leftOut.get(first.accountId)?.outcome !== 'writeOff')) return [];
      return this.#decide({ ...first.charge, splitNo: 0 }, first.accountId, sumOf(own), sumOf(covers)) ? own : [];
    });
  }

  /** Whether the run bills a fee; keeps it where it does not, or where an earlier one did not. */
  #decide(of: FeeKey & { readonly currency: string }, accountId: string, sums: Pick<FeeRow, 'netMinor' | 'grossMinor'>, covers: FeeRow['covers']): boolean {
    const key = keyOf(of);
    const before = this.#carried(key);
    const fate = this.#fateOf(accountId, before);
    if (fate.outcome !== 'billed' || before !== undefined) {
      const { contractId, clause, component, splitNo, serviceMonth, currency } = of;
      const { netMinor, grossMinor } = sums;
      this.#rows.set(key, {
        contractId,
        clause,
        component,
        splitNo,
        serviceMonth,
        accountId,
        currency,
        netMinor,
        grossMinor,
        ...(fate.outcome === 'excluded' && covers !== undefined ? { covers } : {}),
        ...fate,
        before,
      });
    }
    return fate.outcome === 'billed';
  }

  /**
   * What is left: of accounts that are parked all that waits waits on, as it was, and what could not be computed, `unknown`, begins to; what else the run looks at
   * and came to nothing is over. `isOwn`: no other run has it.
   */
  rest(
    run: RunMonths,
    isParked: (accountId: string) => boolean,
    unknown: readonly (FeeKey & Pick<FormerFee, 'accountId' | 'currency'>)[],
    isOwn: (accountId: string, role: FeeRole, month: string) => boolean,
  ): readonly FeeRow[] {
    const waits = (fee: Pick<FeeRow, keyof FeeKey | 'accountId' | 'currency' | 'netMinor' | 'grossMinor'>, before: FormerFee | undefined) => {
      const fate = this.#fateOf(fee.accountId, before);
      this.#rows.set(keyOf(fee), { ...fee, ...(fate.outcome === 'carried' ? fate : { ...billed, outcome: 'carried', cause: 'parked' }), before });
    };
    for (const [key, f] of this.#former) {
      const before = this.#carried(key);
      if (before === undefined || !looksAt(run, feeRoleOf(f.component), f.serviceMonth) || !isOwn(f.accountId, feeRoleOf(f.component), f.serviceMonth)) continue;
      if (isParked(f.accountId)) waits(f, before);
      else if (!this.#rows.has(key)) this.#rows.set(key, { ...f, netMinor: 0n, grossMinor: 0n, ...billed, before });
    }
    for (const fee of unknown) if (!this.#rows.has(keyOf(fee)) && isOwn(fee.accountId, feeRoleOf(fee.component), fee.serviceMonth)) waits({ ...fee, netMinor: 0n, grossMinor: 0n }, undefined);
    return [...this.#rows.values()];
  }

  #carried(key: string): FormerFee | undefined {
    const found = this.#former.get(key);
    return found?.outcome === 'carried' ? found : undefined;
  }

  #fateOf(accountId: string, before: FormerFee | undefined): Fate {
    const rule = this.#leftOut.get(accountId);
    if (rule === undefined) return billed;
    const tooOld = rule.outcome === 'carry' && before !== undefined && rule.maxAgeMonths !== null && before.ageMonths >= rule.maxAgeMonths;
    return { outcome: rule.outcome === 'writeOff' ? 'excluded' : tooOld ? 'billed' : 'carried', cause: rule.cause, ruleId: rule.ruleId, tooOld, rivals: rule.rivals };
  }
}
