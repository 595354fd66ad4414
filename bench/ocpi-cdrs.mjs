// CDRs as a roaming peer sends them: every required field of OCPI 2.2.1 mod_cdrs, the tariff they were priced with, and a price that agrees with it.

const siteCount = 100;
const evsesPerSite = 10;
const tokensPerPartner = 3000;
/** Three a day on each EVSE, a dozen with each token: more would overlap. */
const perMonth = 100_000;
const owners = ['brf_north', 'brf_south', 'brf_east'];
const cities = ['Göteborg', 'Malmö', 'Uppsala', 'Västerås', 'Örebro', 'Linköping', 'Umeå'];

/**
 * The sample set-up with the sites and tokens that `cdrFrom` names. Rated in full: sites of owners who earn a share, and the tariff of several
 * components, so four charges a CDR. Simple: sites of nobody else, and energy alone has a price, so one.
 */
export function benchSeed(seed, rating = 'full') {
  const isSimple = rating === 'simple';
  const sites = Array.from({ length: siteCount }, (_, i) => ({
    key: siteKey(i),
    country: 'SE',
    ...(isSimple ? {} : { owner: owners[i % owners.length] }),
    costCenter: String(200 + i),
    connectorPowerW: 150_000,
  }));
  const tariffs = seed.tariffs.map((t) => (isSimple && t.segment === 'eMSP' ? { ...t, body: { ...t.body, elements: elementsOf(simplePrices, String) } } : t));
  const emsps = seed.emsps.map((e, i) => ({ ...e, ocpiTokens: [...e.ocpiTokens, ...Array.from({ length: tokensPerPartner }, (_, n) => tokenOf(i, n))] }));
  return { ...seed, tariffs, sites: [...seed.sites, ...sites], emsps };
}

const siteKey = (i) => `LOC-${String(i).padStart(4, '0')}`;
const tokenOf = (partner, n) => `DEAF${String(partner)}${String(n).padStart(6, '0')}`;
const partners = ['AUR', 'FJO', 'POL'];
const money = (value) => Number(value.toFixed(4));
const instant = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z');

const fullPrices = { FLAT: 4, ENERGY: 2.95, TIME: 0.1 };
const simplePrices = { ENERGY: 2.95 };
/** Elements of a tariff with these prices; our own tariffs write decimals as text. */
const elementsOf = (prices, decimal = Number) => [{ price_components: Object.entries(prices).map(([type, price]) => ({ type, price: decimal(price), vat: decimal(25), step_size: type === 'TIME' ? 60 : 1 })) }];
const tariffOf = (prices) => ({ country_code: 'SE', party_id: 'WLT', id: 'roaming', currency: 'SEK', elements: elementsOf(prices), last_updated: '2018-01-01T00:00:00Z' });
const ratings = { full: { prices: fullPrices, tariff: tariffOf(fullPrices) }, simple: { prices: simplePrices, tariff: tariffOf(simplePrices) } };

/** The n-th CDR since December 2019: a start of its own, and a partner, token, EVSE, length and energy that follow from n. */
export function cdrFrom(n, rating = 'full') {
  const { prices, tariff } = ratings[rating];
  const dice = (sides, salt) => {
    let x = Math.imul(n + 1, 2_654_435_761) ^ Math.imul(salt, 2_246_822_519);
    x = Math.imul(x ^ (x >>> 15), 3_266_489_917);
    return ((x ^ (x >>> 13)) >>> 0) % sides;
  };
  const month = Math.floor(n / perMonth);
  const startMs = Date.UTC(2019, 11 + month, 1) + Math.floor((n % perMonth) * ((30 * 86_400) / perMonth)) * 1000;
  const site = dice(siteCount, 1);
  const evse = dice(evsesPerSite, 2);
  const partner = dice(3, 3);
  const token = tokenOf(partner, dice(tokensPerPartner, 4));
  const periods = Array.from({ length: 1 + dice(3, 5) }, (_, i) => ({ minutes: 8 + dice(40, 6 + i), wh: 1200 + dice(9000, 9 + i) }));
  let at = startMs;
  const charging = periods.map(({ minutes, wh }) => {
    const period = {
      start_date_time: instant(at),
      dimensions: [
        { type: 'ENERGY', volume: wh / 1000 },
        { type: 'TIME', volume: money(minutes / 60) },
      ],
      tariff_id: tariff.id,
    };
    at += minutes * 60_000;
    return period;
  });
  const wh = periods.reduce((sum, p) => sum + p.wh, 0);
  const hours = periods.reduce((sum, p) => sum + p.minutes, 0) / 60;
  const cost = (excl) => ({ excl_vat: money(excl), incl_vat: money(excl * 1.25) });
  return {
    country_code: 'SE',
    party_id: 'WLT',
    id: `CDR-${String(n).padStart(9, '0')}`,
    start_date_time: instant(startMs),
    end_date_time: instant(at),
    session_id: `SES-${String(n).padStart(9, '0')}`,
    cdr_token: { country_code: 'SE', party_id: partners[partner], uid: token, type: 'RFID', contract_id: `SE-${partners[partner]}-C${token.slice(4)}` },
    auth_method: 'WHITELIST',
    cdr_location: {
      id: siteKey(site),
      name: `Garage ${siteKey(site)}`,
      address: `Kungsgatan ${site + 1}`,
      city: cities[site % cities.length],
      postal_code: String(41_000 + site),
      country: 'SWE',
      coordinates: { latitude: (57 + site / 1000).toFixed(6), longitude: (12 + site / 500).toFixed(6) },
      evse_uid: `${siteKey(site)}-${evse}`,
      evse_id: `SE*WLT*E${String(site).padStart(4, '0')}*${evse}`,
      connector_id: '1',
      connector_standard: 'IEC_62196_T2_COMBO',
      connector_format: 'CABLE',
      connector_power_type: 'DC',
    },
    currency: 'SEK',
    tariffs: [tariff],
    charging_periods: charging,
    total_cost: cost((prices.FLAT ?? 0) + (wh / 1000) * prices.ENERGY + hours * (prices.TIME ?? 0)),
    total_fixed_cost: cost(prices.FLAT ?? 0),
    total_energy: wh / 1000,
    total_energy_cost: cost((wh / 1000) * prices.ENERGY),
    total_time: money(hours),
    total_time_cost: cost(hours * (prices.TIME ?? 0)),
    last_updated: instant(at + 30_000),
  };
}
