import type { Supply, VatTable, Whereabouts } from '../../contracts/vat-table.ts';
import { type Issue, issue } from '../issues.ts';
import type { EntitySetup, PartyVat } from './setup.ts';

export type VatQuestion = {
  readonly subject: string;
  readonly direction: 'sale' | 'purchase';
  readonly supply: Supply;
  /** Country of the charger; null for what is not tied to one, such as a subscription. */
  readonly chargerCountry: string | null;
  /** Who buys, or from whom is bought; undefined: nothing is known of it, so a private person of the entity's country. */
  readonly party: PartyVat | undefined;
  /** The tax date (D07), a calendar date. */
  readonly on: string;
  /** The percentage that the tariff states, where it does; null: it states that there is none. */
  readonly statedPercent?: string | null;
};

/** `rule` names the table's version, its row and the evidence: it is kept with the charge. */
export type VatDecision = { readonly kind: 'decided'; readonly code: string; readonly percent: string; readonly rule: string } | { readonly kind: 'open'; readonly issue: Issue };

/** Member states whose VAT is one system (Directive 2006/112/EC, Art. 5); Northern Ireland is outside for electricity here. */
const euStates = new Set('AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'.split(' '));

/**
 * Decides the VAT of a supply by the entity's table as it holds on the tax date: the first row whose conditions all hold. That no row
 * holds, that a row blocks, and that the rate it names does not exist are issues that block; nothing is assumed. A row that asks where
 * the charger stands never holds for what has none.
 */
export function decideVat(entity: Pick<EntitySetup, 'country' | 'vatTables' | 'vatRules' | 'vatRegistrations'>, question: VatQuestion): VatDecision {
  const { subject, on, supply, party } = question;
  const open = (found: Issue): VatDecision => ({ kind: 'open', issue: found });
  const table = entity.vatTables.find((t) => t.validFrom <= on);
  if (table === undefined) return open(issue('noVatTable', 'blocks', subject, { on }));
  const facts = factsOf(entity, question);
  const row = table.rows.find((r) => holds(r.when, question, facts));
  if (row === undefined) {
    const { charger, status, established } = facts;
    return open(issue('noVatRow', 'blocks', subject, { direction: question.direction, supply, charger: charger ?? 'none', party: status, established }));
  }
  if (row.decides.vat === 'blocked') {
    // Waiting for a registration is a state of its own (D23).
    const code = question.direction === 'sale' && !facts.registered ? 'notVatRegistered' : 'vatBlocked';
    return open(issue(code, 'blocks', subject, { country: question.chargerCountry ?? entity.country, row: row.id, why: row.decides.why }));
  }
  const evidence = party?.evidence == null ? '' : ` (${party.evidence})`;
  const rule = `${table.version}/${row.id}${evidence}`;
  const decided = row.decides;
  const country = decided.vat === 'ofSeller' ? entity.country : (question.chargerCountry ?? entity.country);
  const inForce = entity.vatRules.filter((r) => r.validFrom <= on && (r.validTo === null || on < r.validTo));
  const rates = decided.vat === 'code' ? inForce.filter((r) => r.code === decided.code) : inForce.filter((r) => r.country === country && r.category === 'S');
  const stated = decided.vat === 'code' ? undefined : question.statedPercent;
  const fitting = stated === undefined ? rates : rates.filter((r) => stated !== null && Number(r.percent) === Number(stated));
  const [rate, ...others] = fitting;
  if (rate === undefined || others.length > 0) {
    return open(issue('unknownVatRule', 'blocks', subject, { country, percent: decided.vat === 'code' ? `code ${decided.code}` : (stated ?? 'no') }));
  }
  return { kind: 'decided', code: rate.code, percent: rate.percent, rule };
}

type Facts = { readonly charger: Whereabouts | null; readonly status: PartyVat['status']; readonly established: Whereabouts; readonly proven: boolean; readonly registered: boolean };

function factsOf(entity: Pick<EntitySetup, 'country' | 'vatRegistrations'>, { chargerCountry, party, on, direction }: VatQuestion): Facts {
  const where = (country: string): Whereabouts => (country === entity.country ? 'sellersCountry' : euStates.has(country) ? 'otherEu' : 'outsideEu');
  const place = chargerCountry ?? entity.country;
  const ours = entity.vatRegistrations.some((r) => r.country === place && r.validFrom <= on && (r.validTo === null || on < r.validTo));
  return {
    charger: chargerCountry === null ? null : where(chargerCountry),
    status: party?.status ?? 'consumer',
    established: where(party?.establishedIn ?? entity.country),
    // Evidence counts from its date on (D24), and only with the number that it proves.
    proven: party !== undefined && party.evidence !== null && party.vatNumber !== null && party.validFrom <= on && (party.validTo === null || on < party.validTo),
    registered: direction === 'sale' ? ours : party !== undefined && party.vatNumber !== null,
  };
}

function holds(when: VatTable[number]['when'], question: VatQuestion, facts: Facts): boolean {
  return (
    when.direction === question.direction &&
    (when.supply === undefined || when.supply.includes(question.supply)) &&
    (when.charger === undefined || (facts.charger !== null && when.charger.includes(facts.charger))) &&
    (when.party === undefined || when.party.includes(facts.status)) &&
    (when.established === undefined || when.established.includes(facts.established)) &&
    (when.proven === undefined || when.proven === facts.proven) &&
    (when.registered === undefined || when.registered === facts.registered)
  );
}
