import type { PartyWords } from './issued-document.ts';

/** A party as it is addressed, from its name to its country, which is left out at home: in the seller's. */
export function addressLines({ address, country, name }: Pick<PartyWords, 'address' | 'country' | 'name'>, home: string): string[] {
  const town = [address.postalCode, address.city].filter((part) => part !== undefined).join(' ');
  const land = address.country ?? country;
  return [name, address.street, address.line2, town, address.region, land === home ? '' : land].filter((text): text is string => text !== undefined && text !== '');
}
