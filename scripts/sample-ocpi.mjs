// Writes data/ocpi/cdrs.ndjson: the first 48 sessions of December 2019 at shared chargers, as a roaming peer would send them.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { csvResidentialCsms } from '../dist/adapters/sources/csv-residential-csms.js';

const root = path.resolve(import.meta.dirname, '..');
const context = { sourceId: 'csms', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
const { emsps } = parse(readFileSync(path.join(root, 'seed/demo.yaml'), 'utf8'));
const tokenOf = new Map(emsps.flatMap((e) => e.tokens.map((token, i) => [token, e.ocpiTokens[i % e.ocpiTokens.length]])));
const split = csvResidentialCsms.splitFile(readFileSync(path.join(root, 'data/trondheim/sessions.csv')));
if (!split.ok) throw new Error('the sessions cannot be read');
const sessions = split.lines
  .map((line) => csvResidentialCsms.parse(line.bytes, context))
  .filter((p) => p.ok && p.facts.endAt >= '2019-11-30T23:00:00Z' && p.facts.endAt < '2019-12-31T23:00:00Z' && tokenOf.has(p.facts.tokenKey))
  .slice(0, 48);
const lines = sessions.map(({ facts }) => {
  const hours = (Date.parse(facts.endAt) - Date.parse(facts.startAt)) / 3_600_000;
  const kWh = facts.energyWh / 1000;
  return JSON.stringify({
    country_code: 'SE',
    party_id: 'WLT',
    id: `CDR-${facts.cdrId}`,
    start_date_time: facts.startAt,
    end_date_time: facts.endAt,
    session_id: facts.cdrId,
    cdr_token: { country_code: 'SE', party_id: tokenOf.get(facts.tokenKey).slice(0, 3), uid: tokenOf.get(facts.tokenKey), type: 'RFID', contract_id: `SE-${tokenOf.get(facts.tokenKey)}` },
    auth_method: 'WHITELIST',
    cdr_location: { id: facts.siteKey, evse_id: `SE*WLT*E${facts.siteKey}`, connector_id: '1' },
    currency: 'SEK',
    charging_periods: [
      {
        start_date_time: facts.startAt,
        dimensions: [
          { type: 'ENERGY', volume: kWh },
          { type: 'TIME', volume: Number(hours.toFixed(4)) },
        ],
      },
    ],
    total_cost: { excl_vat: Number((4 + kWh * 2.95 + hours * 0.1).toFixed(4)) },
    total_energy: kWh,
    total_time: Number(hours.toFixed(4)),
    last_updated: facts.endAt,
  });
});
writeFileSync(path.join(root, 'data/ocpi/cdrs.ndjson'), `${lines.join('\n')}\n`);
console.log(`${lines.length} CDRs`);
