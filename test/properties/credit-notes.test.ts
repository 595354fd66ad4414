import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type AccountDocument, type AccountInput, accountDocuments } from '../../src/core/document/account-documents.ts';
import { chargeIdsOf, type DocumentCharge, type Remainder } from '../../src/core/document/compose.ts';
import { account, charge, consumer, mirror } from '../support/document.ts';

/** What happens to sessions of one account: a run bills what is open, or a session is corrected to another amount (null: it is billed to nobody). */
type Step = { readonly run: true } | { readonly session: number; readonly minor: number | null };
type Issued = AccountDocument & { readonly id: string };

const step: fc.Arbitrary<Step> = fc.oneof(fc.constant({ run: true } as const), fc.record({ session: fc.nat(5), minor: fc.option(fc.nat(900), { freq: 5 }) }));
const policies: readonly AccountInput['late'][] = [{ policy: 'nextInvoice' }, { policy: 'separateInvoice' }, { policy: 'holdBelow', thresholdMinor: 300 }];

const idOf = (c: DocumentCharge) => c.chargeIds[0] ?? 0n;

/** Sessions, corrections and runs as a ledger of charges: live ones, open ones, and what was billed where. */
function play(steps: readonly Step[], base: AccountInput, late: AccountInput['late']) {
  const mode = base.roundingMode;
  let id = 0n;
  let month = 3;
  const live = new Map<number, DocumentCharge>();
  let open: DocumentCharge[] = [];
  const billedOn = new Map<bigint, { readonly id: string; readonly lineNo: number }>();
  const issued: Issued[] = [];
  const sell = (minor: number): DocumentCharge => {
    id += 1n;
    // Each in its own VAT: gross-first the net is what a sealed session has.
    const amount = BigInt(minor);
    const amounts = mode === 'netFirst' ? { netMinor: amount, grossMinor: amount + amount / 4n } : { netMinor: amount - amount / 5n, grossMinor: amount };
    return charge(id * 10_000n, amounts, mode, { unitPrice: `${id % 3n}` });
  };
  const remainders = (): Map<string, Remainder> =>
    new Map(
      issued.map((d): [string, Remainder] => {
        const crediting = issued.flatMap((o) => (o.credits?.documentId === d.id ? [o] : []));
        const beside = issued.flatMap((o) => (o.credits === null ? o.value.lines.filter((l) => l.credits?.documentId === d.id) : []));
        const inNotes = crediting.flatMap((o) => o.value.lines);
        const amountOf = (l: { readonly netMinor: bigint; readonly grossMinor: bigint }) => (mode === 'netFirst' ? l.netMinor : l.grossMinor);
        const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);
        return [
          d.id,
          {
            payableMinor: d.value.payableMinor + sum(crediting.map((o) => o.value.payableMinor)) + sum(beside.map((l) => l.grossMinor)),
            vat: d.value.vat.map((v) => ({
              vatCode: v.vatCode,
              amountMinor: sum([...d.value.lines, ...inNotes, ...beside].map(amountOf)),
              vatMinor: v.vatMinor + sum(crediting.flatMap((o) => o.value.vat.map((c) => c.vatMinor))) + sum(beside.map((l) => l.grossMinor - l.netMinor)),
            })),
          },
        ];
      }),
    );
  const run = () => {
    const period = `2026-${String(month).padStart(2, '0')}`;
    const charges = open.map((c) => {
      const on = billedOn.get(idOf(c) - 1000n);
      return c.netMinor < 0n && on !== undefined ? { ...c, credits: { documentId: on.id, legalNumber: `N-${on.id}`, lineNo: on.lineNo } } : c;
    });
    const { documents, held } = accountDocuments({ ...base, period, charges, late, billedUntil: issued.length === 0 ? null : `2026-${String(month - 1).padStart(2, '0')}`, remainders: remainders() });
    for (const document of documents) {
      const own = { ...document, id: `doc_${issued.length}` };
      issued.push(own);
      for (const [i, line] of own.value.lines.entries()) for (const chargeId of chargeIdsOf(line)) billedOn.set(chargeId, { id: own.id, lineNo: i + 1 });
    }
    const waits = new Set(held.flatMap((h) => h.chargeIds));
    open = open.filter((c) => waits.has(idOf(c))).map((c) => ({ ...c, heldSince: c.heldSince ?? period }));
    month += 1;
  };
  for (const s of steps) {
    if ('run' in s) {
      run();
      continue;
    }
    const before = live.get(s.session);
    if (before !== undefined) {
      live.delete(s.session);
      // What nobody was billed cancels out with its mirror.
      if (billedOn.has(idOf(before))) open.push(mirror(before, ''));
      else open = open.filter((c) => idOf(c) !== idOf(before));
    }
    if (s.minor !== null && s.minor > 0) {
      const sold = sell(s.minor);
      live.set(s.session, sold);
      open.push(sold);
    }
  }
  // Until nothing waits any more: three months at most.
  for (let i = 0; i < 5; i++) run();
  return { live: [...live.values()], issued, open };
}

const cases = fc.record({ steps: fc.array(step, { maxLength: 40 }), isBusiness: fc.boolean(), late: fc.constantFrom(...policies), minimum: fc.constantFrom(0, 500) });

it('whatever the order of corrections and runs, the documents of an account sum to its live charges', () => {
  fc.assert(
    fc.property(cases, ({ steps, isBusiness, late, minimum }) => {
      const { live, issued, open } = play(steps, (isBusiness ? account : consumer)({ minimumMinor: BigInt(minimum) }), late);
      expect(open).toEqual([]);
      const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);
      expect(sum(issued.map((d) => d.value.netMinor))).toBe(sum(live.map((c) => c.netMinor)));
      expect(sum(issued.map((d) => d.value.energyWh))).toBe(sum(live.map((c) => c.energyWh)));
      for (const { value } of issued) expect(value.netMinor + value.vatMinor + value.roundingMinor).toBe(value.payableMinor);
    }),
    { numRuns: 400 },
  );
});

it('no invoice is negative, no credit note asks for money, and credits of a document never exceed it, nor any of its lines', () => {
  fc.assert(
    fc.property(cases, ({ steps, isBusiness, late, minimum }) => {
      const { issued } = play(steps, (isBusiness ? account : consumer)({ minimumMinor: BigInt(minimum) }), late);
      const credited = new Map<string, bigint>();
      for (const { kind, credits, value } of issued) {
        if (kind === 'creditNote') expect(value.payableMinor <= 0n).toBe(true);
        else expect(value.payableMinor >= 0n).toBe(true);
        if (kind === 'creditNote' || isBusiness) for (const line of value.lines) expect(line.credits?.documentId ?? null).toBe(credits?.documentId ?? null);
        for (const line of value.lines) {
          if (line.credits === null) continue;
          const key = `${line.credits.documentId}/${line.credits.lineNo}`;
          credited.set(key, (credited.get(key) ?? 0n) - line.netMinor);
        }
      }
      for (const [key, minor] of credited) {
        const [id, lineNo] = key.split('/');
        const line = issued.find((d) => d.id === id)?.value.lines[Number(lineNo) - 1];
        expect(minor >= 0n && minor <= (line?.netMinor ?? 0n)).toBe(true);
      }
      for (const original of issued.filter((d) => d.kind !== 'creditNote')) {
        const notes = issued.filter((d) => d.credits?.documentId === original.id);
        const taken = notes.reduce((sum, d) => sum - d.value.payableMinor, 0n);
        expect(taken <= original.value.payableMinor).toBe(true);
      }
    }),
    { numRuns: 400 },
  );
});

it('a document that is credited wholly, in whatever parts, comes to nothing with its VAT and its rounding', () => {
  const minors = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(minors, fc.boolean(), fc.nat(), (amounts, isBusiness, cut) => {
      const sell: Step[] = amounts.slice(0, 6).map((minor, session) => ({ session, minor }));
      const first = cut % 6;
      const take = (from: number, to: number): Step[] => sell.slice(from, to).map((_, i) => ({ session: from + i, minor: null }));
      const steps: Step[] = [...sell, { run: true }, ...take(0, first), { run: true }, ...take(first, 6), { run: true }];
      const { issued } = play(steps, (isBusiness ? account : consumer)({}), { policy: 'nextInvoice' });
      for (const total of ['netMinor', 'vatMinor', 'roundingMinor', 'payableMinor'] as const) expect(issued.reduce((sum, d) => sum + d.value[total], 0n)).toBe(0n);
    }),
    { numRuns: 300 },
  );
});
