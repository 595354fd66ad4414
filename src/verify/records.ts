import type { ChargeRecord } from '../contracts/charge-record.ts';
import { uncorrectedFacts } from '../core/intake/correct-facts.ts';
import { factsHash } from '../core/normalise/facts-hash.ts';
import { canonicalBytes, chargeHash, sha256 } from '../core/seal/charge-record.ts';
import { chargeOfRow } from '../store/intake/charge-of-row.ts';
import type { ChargeRow, TariffRow } from '../store/reads/verification/charge-rows.ts';
import type { SealedRow } from '../store/reads/verification/intake-rows.ts';

/** What does not hold of a sealed record: its bytes, its sections, its columns, what it stands on and what was rated from it. */
export function judgeRecord(row: SealedRow): string | null {
  const name = `record ${row.record_id} revision ${row.revision}`;
  if (!sha256(row.canonical).equals(row.record_hash)) return `${name} has other bytes than its record hash says`;
  const text = row.canonical.toString('utf8');
  const record = parsed(text);
  // Parsing keeps the order of the keys: what comes out otherwise was not written canonically.
  if (record === undefined || JSON.stringify(record) !== text) return `${name} is not canonical JSON`;
  for (const section of ['facts', 'rating', 'allocation'] as const) {
    const hash = sha256(JSON.stringify(record[section]));
    if (!hash.equals(row[`${section}_hash`]) || hash.toString('hex') !== record.hashes[section]) return `${name} has another ${section} than its ${section} hash says`;
  }
  const { facts } = record;
  const columns: readonly (readonly [string, unknown, unknown])[] = [
    ['record_id', row.record_id.toString(), record.recordId],
    ['revision', row.revision, record.revision],
    ['source_id', row.source_id, facts.sourceId],
    ['session_key', row.session_key, record.sessionKey],
    ['site_id', row.site_id, facts.siteId],
    ['account_id', row.account_id, facts.accountId],
    ['start_at', row.start_at.getTime(), Date.parse(facts.startAt)],
    ['end_at', row.end_at.getTime(), Date.parse(facts.endAt)],
    ['service_month', row.service_month, record.allocation[0]?.serviceMonth ?? row.service_month],
    ['energy_wh', row.energy_wh, BigInt(facts.energyWh)],
    ['record key', row.record_key, `${facts.sourceId}/${facts.ownerCountry}*${facts.ownerParty}*${facts.cdrId}`.toLowerCase()],
  ];
  const other = columns.find(([, column, sealed]) => column !== sealed);
  if (other !== undefined) return `${name} has another ${other[0]} in its row (${other[1]}) than in its sealed bytes (${other[2]})`;
  if (row.identity_hash !== null && !row.identity_hash.equals(factsHash(uncorrectedFacts(facts)))) return `${name} has a head with the hash of other facts`;
  if (!row.has_message) return `${name} stands on no message that led to it`;
  const expected = record.allocation.map((charge) => chargeHash(row.record_key ?? '', record.revision, charge, false)).sort();
  const rated = row.charge_hashes.map((hash) => hash.toString('hex')).sort();
  return expected.join() === rated.join() ? null : `${name} has ${rated.length} rated charges that are not the ${expected.length} it was allocated to`;
}

/** What does not hold of a rated charge: its own hash, and what the database says of its surroundings. */
export function judgeCharge(row: ChargeRow): string | null {
  if (row.problem !== null) return row.problem;
  const hash = chargeHash(row.record_key ?? '', row.revision ?? 1, chargeOfRow(row), row.reversal_of !== null);
  return hash === row.charge_hash.toString('hex') ? null : `charge ${row.charge_id} has other figures than its hash says`;
}

/** What does not hold of a tariff version. */
export function judgeTariff(row: TariffRow): string | null {
  return sha256(canonicalBytes(row.body)).equals(row.body_hash) && row.body.currency === row.currency ? null : `tariff ${row.id} has another content than its hash says`;
}

function parsed(text: string): ChargeRecord | undefined {
  try {
    return JSON.parse(text) as ChargeRecord;
  } catch {
    return undefined;
  }
}
