import type { OcpiParty, OcpiVersion } from '../../contracts/ocpi.ts';

type Json = Readonly<Record<string, unknown>>;
const numbers = new Set(['price', 'vat', 'min_kwh', 'max_kwh', 'min_power', 'max_power', 'min_current', 'max_current']);
/** What 2.1.1 mod_tariffs does not know. */
const later = new Set(['vat', 'min_current', 'max_current', 'reservation']);

/** A tariff of ours in the words of a version. `body` is OCPI-shaped, with prices as decimal text, excluding VAT. */
export function writeTariff({ body, owner, lastUpdated }: { readonly body: Json; readonly owner: OcpiParty; readonly lastUpdated: string }, version: OcpiVersion): object {
  const elements = (body['elements'] as readonly Json[]).map((element) => ({
    price_components: (element['price_components'] as readonly Json[]).map((c) => fieldsOf(c, version)),
    ...(element['restrictions'] === undefined ? {} : { restrictions: fieldsOf(element['restrictions'] as Json, version) }),
  }));
  const core = { id: body['id'], currency: body['currency'], elements, last_updated: lastUpdated };
  if (version === '2.1.1') return core;
  return {
    country_code: owner.countryCode,
    party_id: owner.partyId,
    ...core,
    ...limitOf('min_price', body, version),
    ...limitOf('max_price', body, version),
    // 2.3.0 mod_tariffs, tax_included: our prices are net.
    ...(version === '2.3.0' ? { tax_included: 'NO' } : {}),
  };
}

function fieldsOf(source: Json, version: OcpiVersion): object {
  const kept = Object.entries(source).filter(([name]) => version !== '2.1.1' || !later.has(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, numbers.has(name) ? Number(value) : value]));
}

function limitOf(name: 'min_price' | 'max_price', body: Json, version: OcpiVersion): object {
  const limit = body[name] as { readonly excl_vat: string; readonly incl_vat?: string } | undefined;
  if (limit === undefined) return {};
  const [net, gross] = version === '2.3.0' ? ['before_taxes', 'after_taxes'] : ['excl_vat', 'incl_vat'];
  return { [name]: { [net as string]: Number(limit.excl_vat), ...(limit.incl_vat === undefined ? {} : { [gross as string]: Number(limit.incl_vat) }) } };
}
