import { addressLines } from '../document/address-lines.ts';
import { electronicAddressOf } from '../document/electronic-address.ts';
import type { PartyWords } from '../document/issued-document.ts';

export type DeliveryChannel = 'print' | 'email' | 'peppol';
export type DeliveryState = 'queued' | 'sent' | 'bounced' | 'returned';

/** What may follow on a state: `bounced` is a channel that took nothing, `returned` a letter that came back; `queued` again is a reprint. */
const next: Readonly<Record<DeliveryState, readonly DeliveryState[]>> = { queued: ['sent', 'bounced'], sent: ['bounced', 'returned', 'queued'], bounced: ['queued'], returned: ['queued'] };

export function mayFollow(from: DeliveryState, to: DeliveryState): boolean {
  return next[from].includes(to);
}

/** The way of a document: as e-invoice where it is one and its receiver has an address for it, by e-mail where one is known, else on paper. */
export function channelOf(receiver: PartyWords & { readonly email: string | null }, isEInvoice: boolean): DeliveryChannel {
  if (isEInvoice && electronicAddressOf(receiver) !== undefined) return 'peppol';
  return receiver.email === null ? 'print' : 'email';
}

/** What a print house in the seller's country (`home`) puts on an envelope; undefined where no letter would arrive. */
export function addresseeOf(party: PartyWords, home: string): readonly string[] | undefined {
  const { street, postalCode, city } = party.address;
  return street === undefined || postalCode === undefined || city === undefined ? undefined : addressLines(party, home);
}
