import type { PartyWords } from './issued-document.ts';

export type ElectronicAddress = { readonly scheme: string; readonly id: string };

// EAS codes of VAT numbers, where a country has one (Peppol code list of participant identifier schemes).
const vatSchemes: Readonly<Record<string, string>> = { AT: '9914', BE: '9925', DE: '9930', EE: '9931', ES: '9920', FI: '0213', FR: '9957', LT: '9937', LV: '9939', NL: '9944', PL: '9945' };

/** Where a party takes e-invoices: as the set-up says, else its register number or VAT number under its country's scheme; undefined when neither is known. */
export function electronicAddressOf(party: PartyWords): ElectronicAddress | undefined {
  const [scheme, id] = (party.address.electronic ?? '').split(':');
  if (scheme !== undefined && id !== undefined) return { scheme, id };
  const register = registerNumberOf(party);
  if (register !== undefined) return register;
  const vatScheme = vatSchemes[party.country];
  return vatScheme === undefined || party.vatNumber === null ? undefined : { scheme: vatScheme, id: party.vatNumber };
}

/** Number in the business register with its ISO 6523 scheme: Sweden's from the VAT number where it is not known. */
export function registerNumberOf({ country, orgNumber, vatNumber }: PartyWords): ElectronicAddress | undefined {
  const digits = (orgNumber ?? '').replaceAll(/[^0-9]/g, '');
  if (country === 'SE') {
    const own = digits === '' && vatNumber !== null && /^SE\d{10}01$/.test(vatNumber) ? vatNumber.slice(2, 12) : digits;
    return /^\d{10}$/.test(own) ? { scheme: '0007', id: own } : undefined;
  }
  if (country === 'DK') {
    const own = digits === '' ? (vatNumber ?? '').replace(/^DK/, '') : digits;
    return /^\d{8}$/.test(own) ? { scheme: '0184', id: own } : undefined;
  }
  if (country === 'NO') {
    const own = digits === '' ? (vatNumber ?? '').replaceAll(/[^0-9]/g, '') : digits;
    return /^\d{9}$/.test(own) ? { scheme: '0192', id: own } : undefined;
  }
  return undefined;
}
