import { randomOf } from './random.ts';

export type RouteId = 'own' | 'api' | 'peer' | 'hub';
/** What a network says at an instant: a CDR or a credit, or that a session has begun. */
export type Said = { readonly route: RouteId; readonly atMs: number; readonly body: object; readonly kind: 'cdr' | 'started' };

const day = 86_400_000;
const begin = Date.UTC(2019, 11, 1);
/** When the last of it is said: late ones come more than a month after the rest. */
export const lastSaidMs = begin + 80 * day;

const sites = ['Bl2', 'NR1', 'Ris', 'SR2', 'UT9', 'AsO2'];
const iso = (ms: number) => new Date(ms).toISOString();

/**
 * What four networks say of `cdrs` CDRs: a third by our own CSMS, a fifth by a proprietary API, the rest by an OCPI peer, half of whose
 * sessions a hub sends again under its own ids. 5 % come late; 4 % of the peer's are credited and replaced by another with less energy; of
 * the CSMS's 3 % are corrected. Each EVSE has one session, so that an EVSE stands for a physical session.
 */
export function population(cdrs: number): { readonly said: readonly Said[]; readonly sessions: number } {
  const random = randomOf(11);
  const said: Said[] = [];
  let made = 0;
  let sessions = 0;
  for (let i = 0; made < cdrs; i += 1) {
    const pick = random();
    const route: RouteId = pick < 0.33 ? 'own' : pick < 0.53 ? 'api' : 'peer';
    const startMs = begin + Math.floor(random() * 28 * 24 * 60) * 60_000;
    const endMs = startMs + (40 + Math.floor(random() * 300)) * 60_000;
    const s: Session = {
      i,
      startMs,
      endMs,
      wh: 500 + Math.floor(random() * 40) * 250,
      site: sites[i % sites.length] ?? 'Bl2',
      evse: `SE*WLT*E${i}`,
      card: `${['AURORA', 'FJORD', 'POLAR'][i % 3]}-${1 + (i % 2)}`,
    };
    const saidMs = endMs + (random() < 0.05 ? (32 + random() * 10) * day : random() * 2 * day);
    const tell = (by: RouteId, atMs: number, body: object, kind: Said['kind'] = 'cdr') => said.push({ route: by, atMs, body, kind });
    const expect = (by: RouteId, key: string) => tell(by, startMs, { key, openedAt: iso(startMs), evseId: s.evse, kind: 'session', estimatedWh: 9000 }, 'started');
    sessions += 1;
    made += 1;
    if (route === 'own') {
      expect('own', `T${i}`);
      tell('own', saidMs, transaction(s, saidMs, 0));
      if (random() < 0.03) tell('own', saidMs + day, transaction(s, saidMs + day, 250));
      continue;
    }
    if (route === 'api') {
      expect('api', `X${i}`);
      tell('api', saidMs, exported(s, saidMs));
      continue;
    }
    expect('peer', `S${i}`);
    tell('peer', saidMs, cdr(s, saidMs, { id: `P${i}`, session_id: `S${i}` }));
    if (random() < 0.04) {
      tell('peer', saidMs + day, cdr(s, saidMs + day, { id: `P${i}-C`, session_id: `S${i}`, credit: true, credit_reference_id: `P${i}`, total_cost: { excl_vat: -10 } }));
      tell('peer', saidMs + day + 60_000, cdr({ ...s, wh: s.wh - 250 }, saidMs + day + 60_000, { id: `P${i}-R`, session_id: `S${i}` }));
      made += 2;
    }
    if (random() < 0.5) {
      // A hub has its own ids and says that it computed the price; it passes no credit on.
      expect('hub', `HS${i}`);
      tell('hub', saidMs + 3 * 3_600_000, cdr(s, saidMs + 3 * 3_600_000, { id: `HUB${i}`, session_id: `HS${i}`, authorization_reference: `HA${i}`, party_id: 'HUB', remark: '[*]' }));
      made += 1;
    }
  }
  return { said: said.sort((a, b) => a.atMs - b.atMs), sessions };
}

type Session = { readonly i: number; readonly startMs: number; readonly endMs: number; readonly wh: number; readonly site: string; readonly evse: string; readonly card: string };

function transaction(s: Session, saidMs: number, less: number): object {
  return { transactionId: `T${s.i}`, siteId: s.site, evseId: s.evse, connectorId: 1, idTag: 'Bl2-1', startTime: iso(s.startMs), stopTime: iso(s.endMs), energyWh: s.wh - less, updatedAt: iso(saidMs) };
}

function exported(s: Session, saidMs: number): object {
  return {
    id: `X${s.i}`,
    siteId: s.site,
    evseId: s.evse,
    idTag: s.card,
    startedOn: iso(s.startMs),
    stoppedOn: iso(s.endMs),
    stopReason: 'Local',
    totalEnergy: (s.wh / 1000).toFixed(3),
    energyUnit: 'kWh',
    lastUpdate: iso(saidMs),
  };
}

function cdr(s: Session, saidMs: number, more: object): object {
  return {
    country_code: 'SE',
    party_id: 'PEE',
    start_date_time: iso(s.startMs),
    end_date_time: iso(s.endMs),
    cdr_token: { country_code: 'SE', party_id: 'EMP', uid: s.card, type: 'RFID', contract_id: 'SE-EMP-1' },
    auth_method: 'WHITELIST',
    cdr_location: { id: s.site, evse_id: s.evse, connector_id: '1' },
    currency: 'SEK',
    charging_periods: [
      {
        start_date_time: iso(s.startMs),
        dimensions: [
          { type: 'ENERGY', volume: s.wh / 1000 },
          { type: 'TIME', volume: Number(((s.endMs - s.startMs) / 3_600_000).toFixed(4)) },
        ],
      },
    ],
    total_cost: { excl_vat: 10 },
    total_energy: s.wh / 1000,
    total_time: 1,
    last_updated: iso(saidMs),
    ...more,
  };
}
