import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { processPage } from '../../src/activities/process-page.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import type { Store } from '../../src/store/db.ts';
import { pendingMessages, storeRawMessages } from '../../src/store/intake/store-raw.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { randomOf, shuffled } from '../support/random.ts';
import { seeded } from '../support/seeded.ts';

// SIMULATED_CDRS=10000 SIMULATED_SEEDS=20 is the full run.
const cdrs = Number(process.env['SIMULATED_CDRS'] ?? 600);
const seeds = Number(process.env['SIMULATED_SEEDS'] ?? 3);

type Message = { readonly sourceId: 'csms' | 'partner' | 'hub'; readonly bytes: Buffer };

const csv = readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url), 'latin1')
  .trim()
  .split('\n')
  .slice(1);
const ocpi = readFileSync(new URL('../../data/ocpi/cdrs.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n');

/**
 * One population: half by file, half by OCPI; 5 % again (some with their keys in another order), 3 % corrected, 1 % corrected to what cannot be,
 * 2 % corrupt; of the OCPI half 10 % through a hub too, some of these with other figures.
 */
function population(n: number): Message[] {
  const random = randomOf(7);
  const messages: Message[] = [];
  for (let i = 0; i < n; i += 1) {
    const fate = random();
    if (i % 2 === 0) {
      const fields = (csv[i % csv.length] ?? '').split(';');
      fields[0] = String(100_000 + i);
      const line = fate < 0.02 ? fields.slice(0, 5).join(';') : fields.join(';');
      messages.push({ sourceId: 'csms', bytes: Buffer.from(line, 'latin1') });
      if (fate > 0.95) messages.push({ sourceId: 'csms', bytes: Buffer.from(`${line}\r`.trimEnd(), 'latin1') });
      continue;
    }
    // Two owners behind one source use the same ids.
    const template = JSON.parse(ocpi[i % ocpi.length] ?? '');
    const cdr_location = { ...template.cdr_location, evse_id: `SE*WLT*E${i}` };
    const cdr = { ...template, cdr_location, id: `CDR-${Math.floor(i / 4)}`, party_id: i % 4 === 1 ? 'WLT' : 'OTH', last_updated: '2020-01-01T00:00:00Z' };
    const text = fate < 0.02 ? JSON.stringify(cdr).slice(0, -20) : JSON.stringify(cdr);
    messages.push({ sourceId: 'partner', bytes: Buffer.from(text) });
    if (fate > 0.95)
      messages.push({ sourceId: 'partner', bytes: Buffer.from(JSON.stringify(Object.fromEntries(Object.entries({ ...cdr, last_updated: '2020-01-03T00:00:00Z' }).reverse()), null, 1)) });
    const [period] = cdr.charging_periods;
    const withEnergy = (kWh: number, last_updated: string) => {
      const energy = { type: 'ENERGY', volume: kWh };
      return { ...cdr, last_updated, total_energy: kWh, charging_periods: [{ ...period, dimensions: [energy, period.dimensions[1]] }] };
    };
    const half = Math.round(cdr.total_energy * 500) / 1000;
    if (fate > 0.92 && fate <= 0.95) messages.push({ sourceId: 'partner', bytes: Buffer.from(JSON.stringify(withEnergy(half, '2020-01-02T00:00:00Z'))) });
    if (fate > 0.91 && fate <= 0.93) messages.push({ sourceId: 'partner', bytes: Buffer.from(JSON.stringify(withEnergy(1900, '2020-01-04T00:00:00Z'))) });
    const echo = random();
    if (echo > 0.9) messages.push({ sourceId: 'hub', bytes: Buffer.from(JSON.stringify(echo > 0.98 ? withEnergy(half, '2020-01-01T00:00:00Z') : cdr)) });
  }
  return messages;
}

async function arrive(store: Store, messages: readonly Message[], random: () => number): Promise<void> {
  const context = {
    csms: { sourceId: 'csms', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' },
    partner: { sourceId: 'partner', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' },
    hub: { sourceId: 'hub', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' },
  };
  for (let from = 0; from < messages.length; ) {
    const part = messages.slice(from, from + 1 + Math.floor(random() * 400));
    from += part.length;
    for (const sourceId of ['csms', 'partner', 'hub'] as const) {
      const parser = parserFor(sourceId === 'csms' ? 'csv-residential-csms' : 'ocpi-2-2-1');
      const own = part.filter((m) => m.sourceId === sourceId).map(({ bytes }) => ({ recordKey: parser.keyOf(bytes, context[sourceId]), bytes, lineNo: null }));
      await store.tx((db) => storeRawMessages(db, { sourceId, batchId: null, receivedAt: new Date(), messages: own }));
    }
    for (;;) {
      const page = await pendingMessages(store.pool, { limit: 1 + Math.floor(random() * 300) });
      if (page.length === 0) break;
      await store.tx((db) => processPage(db, page));
    }
  }
}

/** What must not depend on the order: which facts, prices and accounts stand for each CDR, and what is booked where. */
async function outcome(store: Store) {
  const rows = async (sql: string) => (await store.pool.query(sql)).rows;
  return {
    heads: await rows(
      `SELECT source_id, owner_party, cdr_id, state, energy_wh, service_month, account_id, encode(facts_hash, 'hex') AS facts, encode(waiting_hash, 'hex') AS waiting, waiting_for, session_key FROM record_head ORDER BY 1, 2, 3`,
    ),
    sealed: await rows(`SELECT h.source_id, h.owner_party, h.cdr_id, encode(r.facts_hash, 'hex') AS facts, encode(r.rating_hash, 'hex') AS rating, encode(r.allocation_hash, 'hex') AS allocation
      FROM record_head h JOIN charge_record r ON r.record_id = h.record_id AND r.revision = h.revision WHERE h.state = 'booked' ORDER BY 1, 2, 3`),
    charges: await rows(`SELECT role, service_month, cost_center, payer_account_id, sum(net_minor)::bigint AS net, sum(gross_minor)::bigint AS gross, sum(energy_wh)::bigint AS wh
      FROM rated_charge GROUP BY 1, 2, 3, 4 HAVING sum(net_minor) <> 0 OR sum(energy_wh) <> 0 ORDER BY 1, 2, 3, 4`),
    ledger: await rows('SELECT ledger_account, unit, service_month, sum(amount)::bigint AS amount FROM ledger_entry GROUP BY 1, 2, 3 HAVING sum(amount) <> 0 ORDER BY 1, 2, 3'),
    balance: await energyBalance(store.pool),
  };
}

async function run(messages: readonly Message[], seed: number) {
  const { store, drop } = await seeded('demo', (said) => {
    const [csms, peer] = said.sources;
    const partner = { ...((peer ?? csms) as NonNullable<typeof csms>), id: 'partner', name: 'Partner', repeatProfile: 'revise' as const };
    return { ...said, sources: [...said.sources, partner, { ...partner, id: 'hub', name: 'Hub', route: 'ocpiHub' as const }] };
  });
  try {
    await arrive(store, messages, randomOf(seed * 1000));
    return { result: await outcome(store), verified: (await verifyAll(store, () => undefined)).sections.filter((s) => s.problem !== null) };
  } finally {
    await drop();
  }
}

describe(`${cdrs} CDRs by two sources and a hub that repeats one of them, with repeats, corrections and corrupt ones`, () => {
  it(`end in the same sealed set and totals in ${seeds} orders of arrival, to the Wh`, { timeout: 3_600_000 }, async () => {
    const messages = population(cdrs);
    const calm = await run(messages, 0);
    expect(calm.verified).toEqual([]);
    const states = new Map<string, bigint>();
    for (const head of calm.result.heads) states.set(head.state, (states.get(head.state) ?? 0n) + 1n);
    expect([...states.keys()]).toEqual(expect.arrayContaining(['booked', 'quarantined', 'rejected']));
    expect(calm.result.heads.filter((h) => h.source_id === 'hub').map((h) => h.state)).toContain('rejected');
    expect(calm.result.heads.some((h) => h.state === 'booked' && h.waiting !== null)).toBe(true);
    expect(calm.result.balance.filter((b) => b.difference !== 0n)).toEqual([]);
    // Received = sealed + held + rejected, summed from the heads and from the charges independently.
    const received = calm.result.heads.reduce((sum, h) => sum + h.energy_wh, 0n);
    const sealed = calm.result.charges.filter((c) => c.role !== 'siteShareEstimate').reduce((sum, c) => sum + c.wh, 0n);
    const held = calm.result.heads.filter((h) => h.state !== 'booked').reduce((sum, h) => sum + h.energy_wh, 0n);
    expect(sealed + held).toBe(received);
    for (let seed = 1; seed <= seeds; seed += 1) {
      const other = await run(shuffled(messages, randomOf(seed)), seed);
      expect(other.result, `seed ${seed}`).toEqual(calm.result);
      expect(other.verified, `seed ${seed}`).toEqual([]);
    }
  });
});
