import type { PartyWords } from './issued-document.ts';

/** A party as it is addressed, from its name to its country, which is left out at home. */
export function addressLines({ address, country, name }: Pick<PartyWords, 'address' | 'country' | 'name'>): string[] {
  const town = [address.postalCode, address.city].filter((part) => part !== undefined).join(' ');
  const land = address.country ?? country;
  return [name, address.street, address.line2, town, address.region, land === 'SE' ? '' : land].filter((text): text is string => text !== undefined && text !== '');
}
