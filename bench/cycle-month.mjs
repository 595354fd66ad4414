// A month of an operator with 10,000 accounts, as its own CSMS reports it: every kind of customer with its own share of the sessions, subscriptions, and site owners who earn a part.

const siteCount = 300;
const drivers = 9300;
const fleets = 400;
const tokensPerFleet = 5;
const emsps = 100;
const siteOwners = 200;
export const accountCount = drivers + fleets + emsps + siteOwners;

/** A few partners bring most of the roaming. */
const emspTokens = Array.from({ length: emsps }, (_, i) => Math.max(3, Math.round(400 / (i + 1))));
const tokens = [
  ...Array.from({ length: drivers }, (_, i) => `D-${i}`),
  ...Array.from({ length: fleets * tokensPerFleet }, (_, i) => `F-${i}`),
  ...emspTokens.flatMap((n, i) => Array.from({ length: n }, (_x, t) => `E-${i}-${t}`)),
];
/** Has no factor in common with the number of tokens, so that each comes once before any comes twice. */
const stride = [7919, 7927, 7933].find((p) => tokens.length % p !== 0);

/** The sample set-up with these accounts and sites. One source: the CSMS, which sends closed transactions as JSON. */
export function monthSeed(seed) {
  const vat = { status: 'business', establishedIn: 'SE', evidence: 'register of 2019-01-02' };
  const share = (i) => ({ kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses: [{ kind: 'netShare', id: 'share', percent: String(5 + (i % 10)) }] });
  return {
    ...seed,
    sources: [{ id: 'csms', name: 'CSMS', route: 'ownCsms', format: 'json-csms', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm', repeatProfile: 'revise', correctionChannel: 'none' }],
    siteOwners: Array.from({ length: siteOwners }, (_, i) => ({ id: `owner_${i}`, name: `Owner ${i}`, vat: { ...vat, vatNumber: `SE${String(556_300_000_000 + i)}` }, agreement: share(i) })),
    sites: Array.from({ length: siteCount }, (_, i) => ({ key: siteKey(i), country: 'SE', ...(i < 280 ? { owner: `owner_${i % siteOwners}` } : {}), costCenter: String(200 + (i % 50)), connectorPowerW: 150_000 })),
    plans: {
      basic: { kind: 'supply', status: 'active', clauses: [{ kind: 'fee', id: 'fee', amount: '39.20' }, { kind: 'discount', id: 'member', perKwh: '0.25' }] },
      large: { kind: 'supply', status: 'active', clauses: [{ kind: 'fee', id: 'fee', amount: '159.20' }, { kind: 'included', id: 'energy', kWhPerMonth: '60' }] },
    },
    fleets: Array.from({ length: fleets }, (_, i) => ({
      id: `fleet_${i}`,
      name: `Fleet ${i}`,
      vat: { ...vat, vatNumber: `SE${String(556_100_000_000 + i)}` },
      tokens: Array.from({ length: tokensPerFleet }, (_x, t) => ({ token: `F-${i * tokensPerFleet + t}`, costCenter: `C${t % 3}` })),
    })),
    drivers: Object.fromEntries(Array.from({ length: drivers }, (_, i) => [String(i), i % 10 < 7 ? `D-${i}` : { token: `D-${i}`, plan: i % 10 < 9 ? 'basic' : 'large' }])),
    emsps: emspTokens.map((n, i) => ({
      id: `emsp_${i}`,
      name: `Roaming partner ${i}`,
      agreement: { kind: 'roamingSale', status: 'active', currency: 'SEK', clauses: [{ kind: 'priceSource', id: 'price', from: 'agreement' }] },
      tokens: Array.from({ length: n }, (_x, t) => `E-${i}-${t}`),
      ocpiTokens: [],
    })),
    erp: { ...seed.erp, faults: [] },
  };
}

const siteKey = (i) => `LOC-${String(i).padStart(4, '0')}`;

/** Where a token charges: at home, and each fifth time elsewhere; customers of roaming partners come from anywhere. Each has a charger of its own, as in a garage. */
function siteOf(token, use) {
  const roams = token >= drivers + fleets * tokensPerFleet;
  return roams || use % 5 === 4 ? (token * 31 + use * 17) % siteCount : token % siteCount;
}

/** The n-th of `count` transactions of December 2019, spread over the month so that no charger or token is used twice at a time. */
export function transactionOf(n, count) {
  const token = (n * stride) % tokens.length;
  const use = Math.floor(n / tokens.length);
  // 29 days from the 2nd.
  const everyMs = Math.floor((29 * 86_400_000) / Math.ceil(count / tokens.length));
  const dice = (sides, salt) => {
    let x = Math.imul(n + 1, 2_654_435_761) ^ Math.imul(salt, 2_246_822_519);
    x = Math.imul(x ^ (x >>> 15), 3_266_489_917);
    return ((x ^ (x >>> 13)) >>> 0) % sides;
  };
  const site = siteKey(siteOf(token, use));
  const startMs = Date.UTC(2019, 11, 2) + use * everyMs + dice(Math.floor(everyMs / 60_000) - 90, 1) * 60_000;
  const minutes = 20 + dice(70, 2);
  const meterStart = 1_000_000 + n;
  return {
    transactionId: `T-${n}`,
    siteId: site,
    evseId: `${site}-${token}`,
    connectorId: '1',
    idTag: tokens[token],
    startTime: new Date(startMs).toISOString(),
    stopTime: new Date(startMs + minutes * 60_000).toISOString(),
    meterStart,
    meterStop: meterStart + minutes * (60 + dice(900, 3)),
  };
}
