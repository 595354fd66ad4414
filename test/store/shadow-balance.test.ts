import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ExclusionRule } from '../../src/contracts/exclusion-rule.ts';
import { endExclusion, proposeExclusion, signExclusion } from '../../src/store/commands/exclusion-rules.ts';
import { addExclusion } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { shadowBalance } from '../../src/store/reads/shadow-balance.ts';
import { closeSet, finishRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

const periods = ['2019-11', '2019-12', '2020-01', '2020-02'] as const;
const users = ['Bl2-1', 'Bl2-2', 'Bl2-5', 'Share-2'] as const;
const accounts = ['acc_driver_16', 'acc_driver_17', 'acc_fleet_taxi', 'acc_emsp_aurora'] as const;
const garages = ['Bl2', 'MS1'] as const;
/** Who owes a fee each month, in SEK: in arrears, and in advance. */
const fees = [
  { account: 'acc_driver_16', billed: 'arrears', amount: '79.20', net: 7920n },
  { account: 'acc_fleet_taxi', billed: 'advance', amount: '50', net: 5000n },
] as const;
type Fee = { readonly account: string; readonly month: string; readonly net: bigint };
type Charge = {
  readonly charge_id: bigint;
  readonly account_id: string;
  readonly site_id: string;
  readonly tariff_id: string;
  readonly record_id: bigint;
  readonly revision: number;
  readonly category: string;
  readonly session_wh: bigint;
  readonly reversal_of: bigint | null;
  readonly clause: string | null;
  readonly disposition: string;
  readonly energy_wh: bigint;
  readonly net_minor: bigint;
};

const scopes = fc.constantFrom(
  ...accounts.map((subjectId) => ({ scope: 'account' as const, subjectId })),
  ...garages.map((g) => ({ scope: 'site' as const, subjectId: `site_${g.toLowerCase()}` })),
  ...['driver-day-night', 'fleet-flat', 'roaming'].map((subjectId) => ({ scope: 'tariff' as const, subjectId })),
);
const rules = fc
  .record({
    of: scopes,
    outcome: fc.constantFrom('carry', 'carry', 'writeOff', 'bill'),
    maxAgeMonths: fc.integer({ min: 1, max: 3 }),
    from: fc.nat(2),
    lasts: fc.integer({ min: 1, max: 4 }),
    energyBelowWh: fc.option(fc.integer({ min: 5000, max: 25_000 }), { freq: 1 }),
    segment: fc.option(fc.constantFrom('driver', 'fleet', 'eMSP'), { freq: 1 }),
    /** In the review of which run it is signed and, perhaps, ended. */
    signedIn: fc.nat(3),
    endedIn: fc.option(fc.nat(3), { freq: 3 }),
  })
  .filter((r) => r.endedIn === null || r.endedIn >= r.signedIn);
const sessions = fc.record({
  user: fc.nat(3),
  garage: fc.nat(1),
  kWh: fc.integer({ min: 1, max: 30 }),
  /** Which month it is of, in which it comes, and in which, perhaps, with another energy again. */ of: fc.nat(3),
  late: fc.nat(1),
  corrected: fc.option(fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 30 })), { freq: 3 }),
});
const owns = fc.record({ of: scopes.filter((s) => s.scope !== 'tariff'), outcome: fc.constantFrom('carry', 'writeOff'), run: fc.nat(3) });

/** What becomes of charges by the rules as they read, one by one; charges that are carried in come with the month that first carried them. */
function expected(
  charges: readonly Charge[],
  held: readonly (ExclusionRule & { readonly own: boolean })[],
  month: number,
  since: ReadonlyMap<bigint, number>,
  earlier: ReadonlyMap<bigint, string>,
): Map<bigint, string> {
  const rank = ['record', 'account', 'customer', 'site', 'tariff'];
  const alone = (c: Charge): string => {
    if (c.clause === 'smallSession') return 'excluded';
    const met = held.filter((r) => {
      const key = r.scope === 'account' ? c.account_id : r.scope === 'site' ? c.site_id : c.tariff_id;
      const { energyBelowWh, segment } = r.predicate;
      return r.subjectId === key && (energyBelowWh === undefined || c.session_wh < BigInt(energyBelowWh)) && (segment === undefined || c.category === segment);
    });
    const best = met.filter((r) => met.every((o) => (r.own === o.own ? rank.indexOf(r.scope) <= rank.indexOf(o.scope) : r.own)));
    const carrying = best.filter((r) => r.outcome === 'carry');
    if (carrying.length > 0) {
      const first = since.get(c.charge_id);
      const longest = Math.max(...carrying.map((r) => r.maxAgeMonths ?? Number.POSITIVE_INFINITY));
      return first !== undefined && month - first >= longest ? 'document' : 'carried';
    }
    if (best.some((r) => r.outcome === 'bill')) return 'document';
    return best.some((r) => r.outcome === 'writeOff') ? 'excluded' : 'document';
  };
  const fates = new Map(charges.map((c) => [c.charge_id, alone(c)]));
  for (const c of charges) {
    if (c.reversal_of === null) continue;
    // What was issued waits with what takes its place.
    const later = charges.filter((r) => r.reversal_of === null && r.record_id === c.record_id && r.account_id === c.account_id && r.revision > c.revision);
    const latest = Math.max(...later.map((r) => r.revision));
    const waits = earlier.get(c.reversal_of) === 'document' && later.some((r) => r.revision === latest && alone(r) === 'carried');
    fates.set(c.charge_id, fates.get(c.reversal_of) ?? (waits ? 'carried' : undefined) ?? earlier.get(c.reversal_of) ?? 'document');
  }
  return fates;
}

/** What becomes of a fee by the rules on its account that ask nothing more; `first`: the month that first carried it. */
function expectedOfFee(account: string, held: readonly (ExclusionRule & { readonly own: boolean })[], month: number, first: number | undefined): string {
  const met = held.filter((r) => r.scope === 'account' && r.subjectId === account && Object.keys(r.predicate).length === 0);
  const best = met.filter((r) => r.own || !met.some((o) => o.own));
  const carrying = best.filter((r) => r.outcome === 'carry');
  if (carrying.length > 0) {
    const longest = Math.max(...carrying.map((r) => r.maxAgeMonths ?? Number.POSITIVE_INFINITY));
    return first !== undefined && month - first >= longest ? 'document' : 'carried';
  }
  return best.some((r) => r.outcome === 'writeOff') && !best.some((r) => r.outcome === 'bill') ? 'excluded' : 'document';
}

async function claimsOf(store: Store, runId: string): Promise<Charge[]> {
  const { rows } = await store.pool.query<Charge>(
    `SELECT c.charge_id, k.account_id, c.site_id, t.tariff_id, c.record_id, c.revision, a.category, b.energy_wh AS session_wh, c.reversal_of, c.clause, k.disposition, c.energy_wh, c.net_minor
     FROM claim k JOIN rated_charge c USING (charge_id) JOIN account a ON a.id = k.account_id JOIN tariff_version t ON t.id = c.tariff_version_id JOIN charge_record b ON b.record_id = c.record_id AND b.revision = c.revision
     WHERE k.run_id = $1 AND c.payer_account_id IS NOT NULL ORDER BY 1`,
    [runId],
  );
  return rows;
}

const sum = (charges: readonly Charge[], fees: readonly Fee[] = []) => ({
  charges: charges.length + fees.length,
  energyWh: charges.reduce((n, c) => n + c.energy_wh, 0n).toString(),
  net: charges.reduce((n, c) => n + c.net_minor, 0n) + fees.reduce((n, f) => n + f.net, 0n),
});
const minor = (text: string) => BigInt(text.replace('.', ''));

it('the shadow balance of every run: what was carried in and what is left out anew are what is billed, written off and carried on, to the öre and the Wh, fees with it, whatever the rules, corrections and cancelled runs', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(sessions, { minLength: 6, maxLength: 16 }),
      fc.array(rules, { minLength: 2, maxLength: 6 }),
      fc.array(owns, { maxLength: 3 }),
      fc.nat(3),
      (all, standing, own, cancelled) => billAll({ all, standing, own, cancelled }),
    ),
    { numRuns: Number(process.env['SHADOW_RUNS'] ?? 3), endOnFailure: true },
  );
}, 240_000);

type Drawn = {
  readonly all: readonly (typeof sessions extends fc.Arbitrary<infer T> ? T : never)[];
  readonly standing: readonly (typeof rules extends fc.Arbitrary<infer T> ? T : never)[];
  readonly own: readonly (typeof owns extends fc.Arbitrary<infer T> ? T : never)[];
  readonly cancelled: number;
};

async function billAll({ all, standing, own, cancelled }: Drawn): Promise<void> {
  const { store, drop } = await seeded();
  try {
    for (const { account, billed, amount } of fees)
      await store.pool.query(
        "INSERT INTO contract_version (contract_id, version, valid_from, clauses, author, second_person) SELECT id, 101, '2019-10-31T23:00:00Z', $2, 'sales', 'head' FROM contract WHERE account_id = $1 AND kind = 'supply'",
        [account, JSON.stringify({ kind: 'supply', status: 'active', clauses: [{ kind: 'fee', id: 'fee', amount, billed, refund: 'prorata' }] })],
      );
    const line = (s: Drawn['all'][number], i: number, kWh: number) => {
      const [year, month] = (periods[s.of] ?? '').split('-');
      const day = String((i % 27) + 1).padStart(2, '0');
      return session(i + 1, { user: users[s.user] ?? '', garage: garages[s.garage] ?? '', kWh: String(kWh), start: `${day}.${month}.${year} 08:00`, end: `${day}.${month}.${year} 16:00` });
    };
    const ids: (string | undefined)[] = standing.map(() => undefined);
    const ruleOf = (r: Drawn['standing'][number]): ExclusionRule => ({
      entityId: 'ent_se',
      ...r.of,
      outcome: r.outcome as ExclusionRule['outcome'],
      predicate: { ...(r.energyBelowWh === null ? {} : { energyBelowWh: r.energyBelowWh }), ...(r.segment === null ? {} : { segment: r.segment as 'driver' }) },
      ...(r.outcome === 'carry' ? { maxAgeMonths: r.maxAgeMonths } : {}),
      atOurCost: false,
      validFrom: `${periods[r.from]}-02`,
      ...(periods[r.from + r.lasts] === undefined ? {} : { validTo: `${periods[r.from + r.lasts]}-02` }),
      reviewOn: '2030-01-01',
    });
    const since = new Map<bigint, number>();
    const earlier = new Map<bigint, string>();
    const feesSince = new Map<string, number>();
    const feesEnded = new Map<string, string>();
    for (const [month, period] of periods.entries()) {
      await storeLines(
        store,
        all.flatMap((s, i) => [...(s.of + s.late === month ? [line(s, i, s.kWh)] : []), ...(s.corrected !== null && s.of + s.late + s.corrected[0] === month ? [line(s, i, s.corrected[1])] : [])]),
      );
      await processAll(store);
      if (month === cancelled) {
        const runId = await closeSet(store, period);
        await store.tx((db) => advanceRun(db, runId, 'previewing'));
        await store.tx((db) => buildDocuments(db, runId));
        await store.tx((db) => cancelRun(db, { runId, reason: 'planned too early', by: { actor: 'author' } }));
      }
      const runId = await closeSet(store, period);
      await store.tx((db) => advanceRun(db, runId, 'previewing'));
      await store.tx((db) => buildDocuments(db, runId));
      await store.tx((db) => advanceRun(db, runId, 'inReview'));
      for (const [i, r] of standing.entries()) {
        if (r.signedIn === month) {
          ids[i] = (await store.tx((db) => proposeExclusion(db, ruleOf(r), { reason: 'drawn' }, { actor: 'author' }))).id;
          await store.tx((db) => signExclusion(db, ids[i] ?? '', 'drawn', { actor: 'signer' }));
        }
        if (r.endedIn === month) await store.tx((db) => endExclusion(db, ids[i] ?? '', 'drawn', { actor: 'signer' }));
      }
      const claimed = await claimsOf(store, runId);
      const isHeld = (o: Drawn['own'][number]) => fees.some((f) => f.account === o.of.subjectId) || claimed.some((c) => o.of.subjectId === (o.of.scope === 'account' ? c.account_id : c.site_id));
      const ownHere = own.filter((o) => o.run === month && isHeld(o));
      for (const o of ownHere)
        await store.tx((db) => addExclusion(db, runId, { scope: o.of.scope as 'account', subjectId: o.of.subjectId, outcome: o.outcome as 'carry', reason: 'drawn' }, { actor: 'author' }));
      const { contentHash } = await store.tx((db) => buildDocuments(db, runId));
      await store.tx((db) => buildDocuments(db, runId)).then((again) => expect(again.contentHash).toBe(contentHash));

      const held = [
        ...standing.filter((r) => r.signedIn <= month && (r.endedIn === null || r.endedIn > month) && r.from <= month && month < r.from + r.lasts).map((r) => ({ ...ruleOf(r), own: false })),
        ...ownHere.map((o) => ({
          ...ruleOf({ ...(standing[0] as Drawn['standing'][number]), of: o.of, outcome: o.outcome, energyBelowWh: null, segment: null }),
          maxAgeMonths: Number.POSITIVE_INFINITY,
          own: true,
        })),
      ];
      const charges = await claimsOf(store, runId);
      const fates = expected(charges, held, month, since, earlier);
      expect(charges.map((c) => [c.charge_id, c.disposition])).toEqual(charges.map((c) => [c.charge_id, fates.get(c.charge_id)]));
      // Everything that was carried is here again.
      expect([...since.keys()].filter((id) => !charges.some((c) => c.charge_id === id))).toEqual([]);

      // A fee in advance is due a month before its own.
      const feesDue = fees.flatMap(({ account, billed, net }) =>
        [...periods, '2020-03'].slice(0, month + (billed === 'advance' ? 2 : 1)).map((of): Fee & { readonly key: string; readonly fate: string } => {
          const key = `${account} ${of}`;
          return { account, month: of, net, key, fate: expectedOfFee(account, held, month, feesSince.get(key)) };
        }),
      );
      const feesOpen = feesDue.filter((f) => !feesEnded.has(f.key));
      const feesOf = (fate: string, wasCarried?: boolean) => feesOpen.filter((f) => f.fate === fate && (wasCarried === undefined || feesSince.has(f.key) === wasCarried));

      const carried = (c: Charge) => since.has(c.charge_id);
      const [total] = (await shadowBalance(store.pool, runId)).totals;
      const figures = (part: 'opening' | 'added' | 'moved' | 'billed' | 'writtenOff' | 'closing') =>
        total === undefined ? sum([]) : { charges: total[part].charges, energyWh: total[part].energyWh, net: minor(total[part].net) };
      expect(figures('opening')).toEqual(
        sum(
          charges.filter(carried),
          feesOpen.filter((f) => feesSince.has(f.key)),
        ),
      );
      expect(figures('added')).toEqual(
        sum(
          charges.filter((c) => !carried(c) && c.disposition !== 'document'),
          [...feesOf('carried', false), ...feesOf('excluded', false)],
        ),
      );
      expect(figures('moved')).toEqual(sum([]));
      expect(figures('billed')).toEqual(
        sum(
          charges.filter((c) => carried(c) && c.disposition === 'document'),
          feesOf('document', true),
        ),
      );
      expect(figures('writtenOff')).toEqual(
        sum(
          charges.filter((c) => c.disposition === 'excluded'),
          feesOf('excluded'),
        ),
      );
      expect(figures('closing')).toEqual(
        sum(
          charges.filter((c) => c.disposition === 'carried'),
          feesOf('carried'),
        ),
      );
      for (const row of (await shadowBalance(store.pool, runId)).rows)
        for (const of of [(f: { energyWh: string }) => BigInt(f.energyWh), (f: { net: string }) => minor(f.net), (f: { charges: number }) => BigInt(f.charges)] as ((f: object) => bigint)[])
          expect(of(row.opening) + of(row.added) + of(row.moved)).toBe(of(row.billed) + of(row.writtenOff) + of(row.closing));

      await finishRun(store, runId, '2020-06-01');
      for (const c of charges) {
        earlier.set(c.charge_id, c.disposition);
        if (c.disposition !== 'carried') since.delete(c.charge_id);
        else if (!since.has(c.charge_id)) since.set(c.charge_id, month);
      }
      for (const f of feesOpen) {
        if (f.fate !== 'carried') feesEnded.set(f.key, f.fate);
        else if (!feesSince.has(f.key)) feesSince.set(f.key, month);
        if (f.fate !== 'carried') feesSince.delete(f.key);
      }
      // Each month's fee is billed once, or written off, or waits.
      const { rows: onDocuments } = await store.pool.query(
        "SELECT payer_account_id || ' ' || service_month AS key, net_minor AS net FROM rated_charge WHERE role IN ('subscriptionFee', 'advanceFee') ORDER BY 1",
      );
      expect(onDocuments).toEqual(
        feesDue
          .filter((f) => feesEnded.get(f.key) === 'document')
          .map(({ key, net }) => ({ key, net }))
          .sort((a, b) => (a.key < b.key ? -1 : 1)),
      );
    }
    expect((await energyBalance(store.pool)).map((b) => b.difference)).toEqual((await energyBalance(store.pool)).map(() => 0n));
    expect((await store.pool.query('SELECT unit FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0')).rows).toEqual([]);
  } finally {
    await drop();
  }
}
