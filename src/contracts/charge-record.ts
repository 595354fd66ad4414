/** The canonical facts of one charging session, as every source adapter yields them. Instants are UTC ISO strings, energy is integer Wh. */
export type ChargeFacts = {
  readonly sourceId: string;
  /** OCPI owner of the CDR: country_code and party_id, upper case. */
  readonly ownerCountry: string;
  readonly ownerParty: string;
  /** Case-folded CDR id: part of the key. */
  readonly cdrId: string;
  readonly externalIds: { readonly cdr: string; readonly session?: string; readonly authorization?: string };
  /** The source's own name of the site (garage, location id); resolved to a site by the mapping. */
  readonly siteKey: string;
  readonly evseId?: string;
  readonly connectorId?: string;
  /** The source's token or user key; resolved to an account by the mapping. */
  readonly tokenKey: string;
  readonly startAt: string;
  readonly endAt: string;
  /** Set when the source tells when charging ended before the plug was pulled. */
  readonly chargingEndAt?: string;
  readonly energyWh: number;
  /** Duration as the source states it, in seconds; compared with the times, never billed. */
  readonly statedDurationS?: number;
  /** `split`: periods come from the source (OCPI). `unsplit`: WattLedger splits at tariff boundaries. */
  readonly periods: readonly ChargePeriod[] | 'unsplit';
  readonly partnerPrice?: { readonly currency: string; readonly exclVat: string; readonly origin: 'partner' | 'hub' | 'notSignificant' };
};

export type ChargePeriod = {
  readonly startAt: string;
  readonly energyWh: number;
  readonly chargingSeconds: number;
  readonly parkingSeconds: number;
};

/** `{sourceId}/{CC}*{PARTY}*{id}`: the key of a CDR (domain.md Identity); also the tail of its workflow id. */
export function recordKeyOf(facts: { ownerCountry: string; ownerParty: string; cdrId: string }): string {
  return `${facts.ownerCountry}*${facts.ownerParty}*${facts.cdrId}`.toLowerCase();
}
