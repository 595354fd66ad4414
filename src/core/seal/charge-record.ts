import { hash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { ChargeFacts, ChargePeriod, ChargeRecord } from '../../contracts/charge-record.ts';
import type { Charge } from '../allocate/charges.ts';

// The package is CommonJS whose types declare a default export that is not there.
const canonicalize = createRequire(import.meta.url)('canonicalize') as (value: unknown) => string | undefined;

/** Hashes are SHA-256 in hex, as text throughout: short-lived buffers by the dozen cost a page more than hashing does. */
export type SealedRecord = {
  /** RFC 8785 canonical JSON: exactly its UTF-8 bytes are hashed and kept. */
  readonly canonical: string;
  /** Each charge as it stands in the record, for `hashOfChargeText`. */
  readonly chargeTexts: readonly string[];
  readonly factsHash: string;
  readonly ratingHash: string;
  readonly allocationHash: string;
  /** Of the canonical bytes, which hold the three section hashes. */
  readonly recordHash: string;
};

export type RecordSections = {
  readonly recordId: bigint;
  readonly revision: number;
  readonly sessionKey: string;
  readonly facts: ChargeFacts;
  readonly siteId: string;
  readonly accountId: string;
  readonly correction?: ChargeRecord['facts']['correction'];
  readonly rating: ChargeRecord['rating'];
  readonly charges: readonly Charge[];
};

/** SHA-256 of bytes or text. */
export function sha256(data: Buffer | Uint8Array | string): Buffer {
  return hash('sha256', data, 'buffer');
}

/** RFC 8785 bytes of a JSON value; bigints must be turned into strings before. */
export function canonicalBytes(value: unknown): Buffer {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return Buffer.from(text);
}

/** Hash of one charge: over its own canonical figures, made once when it is rated. No surrogate id in it, so that the order of arrival leaves it alone. */
export function chargeHash(recordKey: string, revision: number, charge: Charge | SealedCharge, isReversal: boolean): string {
  return hashOfChargeText(recordKey, revision, chargeText(charge), isReversal);
}

/** `chargeHash` of a charge that was written already. */
export function hashOfChargeText(recordKey: string, revision: number, text: string, isReversal: boolean): string {
  // A quote inside a JSON string is escaped: `,"` can only begin a key.
  const first = text.indexOf(',"mappingVersion":');
  const second = text.indexOf(',"role":', first);
  return sha256Hex(`${text.slice(0, first)},"isReversal":${isReversal}${text.slice(first, second)},"recordKey":${quoted(recordKey)},"revision":${revision}${text.slice(second)}`);
}

/** Hash of a message's facts without what they were resolved to, their external CDR id as `cdr`: equal for a repeat, however it travelled. */
export function hashOfFacts(facts: ChargeFacts, cdr: string): Buffer {
  return sha256(factsText(facts, cdr));
}

/** Seals facts, rating and allocation as one immutable record; each section has its own hash. */
export function sealRecord(sections: RecordSections): SealedRecord {
  const facts = factsText(sections.facts, sections.facts.externalIds.cdr, sections);
  const rating = ratingText(sections.rating);
  const chargeTexts = sections.charges.map(chargeText);
  const allocation = `[${chargeTexts.join(',')}]`;
  const [allocationHash, factsHash, ratingHash] = [sha256Hex(allocation), sha256Hex(facts), sha256Hex(rating)];
  const { recordId, revision, sessionKey } = sections;
  // Each section is written once and goes into the record as it was hashed.
  const canonical = `{"allocation":${allocation},"facts":${facts},"hashes":{"allocation":"${allocationHash}","facts":"${factsHash}","rating":"${ratingHash}"},"rating":${rating},"recordId":"${recordId}","revision":${revision},"schema":"${schema}","sessionKey":${quoted(sessionKey)}}`;
  return { canonical, chargeTexts, factsHash, ratingHash, allocationHash, recordHash: sha256Hex(canonical) };
}

function sha256Hex(text: string): string {
  return hash('sha256', text);
}

type SealedCharge = ChargeRecord['allocation'][number];
const schema: ChargeRecord['schema'] = '/schemas/charge-record/1.json';

// Written as RFC 8785 asks: keys in their order, nothing between. A property test holds this to generic canonicalisation of the whole contract.

/** A text as JSON. Few need an escape: looking at each letter costs less than JSON.stringify. */
function quoted(text: string): string {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 32 || code === 34 || code === 92 || code > 126) return JSON.stringify(text);
  }
  return `"${text}"`;
}

function quotedOrNull(text: string | null): string {
  return text === null ? 'null' : quoted(text);
}

/** `,"key":"text"`, or nothing where there is none. */
function member(key: string, text: string | undefined): string {
  return text === undefined ? '' : `,"${key}":${quoted(text)}`;
}

function memberNumber(key: string, value: number | undefined): string {
  return value === undefined ? '' : `,"${key}":${numeral(value)}`;
}

/** A number as JSON has it; what is none stays what JSON.stringify makes of it. */
function numeral(value: number): string {
  return Number.isFinite(value) ? String(value) : 'null';
}

/** `cdr` stands for the external CDR id: as it was written, or folded. */
function factsText(facts: ChargeFacts, cdr: string, resolved?: { readonly siteId: string; readonly accountId: string; readonly correction?: ChargeRecord['facts']['correction'] }): string {
  const { externalIds, partnerPrice, periods } = facts;
  const { authorization, session } = externalIds;
  const price = partnerPrice === undefined ? '' : `,"partnerPrice":{"currency":${quoted(partnerPrice.currency)},"exclVat":${quoted(partnerPrice.exclVat)},"origin":"${partnerPrice.origin}"}`;
  const account = resolved === undefined ? '' : `"accountId":${quoted(resolved.accountId)},`;
  const correction = resolved?.correction === undefined ? '' : `,"correction":${JSON.stringify(correctionInOrder(resolved.correction))}`;
  return `{${account}"cdrId":${quoted(facts.cdrId)}${member('chargingEndAt', facts.chargingEndAt)}${member('connectorId', facts.connectorId)}${correction},"endAt":${quoted(facts.endAt)},"energyWh":${numeral(facts.energyWh)}${member('evseId', facts.evseId)},"externalIds":{${authorization === undefined ? '' : `"authorization":${quoted(authorization)},`}"cdr":${quoted(cdr)}${member('session', session)}}${member('measuredBy', facts.measuredBy)}${memberNumber('meterEndWh', facts.meterEndWh)}${memberNumber('meterStartWh', facts.meterStartWh)},"ownerCountry":${quoted(facts.ownerCountry)},"ownerParty":${quoted(facts.ownerParty)}${price},"periods":${periods === 'unsplit' ? '"unsplit"' : periodsText(periods)}${member('siteId', resolved?.siteId)},"siteKey":${quoted(facts.siteKey)},"sourceId":${quoted(facts.sourceId)},"startAt":${quoted(facts.startAt)}${memberNumber('statedDurationS', facts.statedDurationS)},"tokenRef":${quoted(facts.tokenRef)}}`;
}

function periodsText(periods: readonly ChargePeriod[]): string {
  let text = '[';
  for (const { chargingSeconds, energyWh, parkingSeconds, startAt } of periods) {
    text += `${text === '[' ? '' : ','}{"chargingSeconds":${numeral(chargingSeconds)},"energyWh":${numeral(energyWh)},"parkingSeconds":${numeral(parkingSeconds)},"startAt":${quoted(startAt)}}`;
  }
  return `${text}]`;
}

/** Every key of T, so that one added to the contract and forgotten here does not compile. JSON.stringify leaves undefined out. */
type EveryKey<T> = { readonly [Key in keyof T]-?: T[Key] | undefined };

function correctionInOrder({ author, before, decisionId, evidence }: NonNullable<ChargeRecord['facts']['correction']>): ChargeRecord['facts']['correction'] {
  const { chargingEndAt, endAt, energyWh, periods, startAt } = before;
  const ordered: EveryKey<typeof before> = { chargingEndAt, endAt, energyWh, periods: periods?.map(periodInOrder), startAt };
  return { author, before: ordered as typeof before, decisionId, evidence };
}

function periodInOrder({ chargingSeconds, energyWh, parkingSeconds, startAt }: ChargePeriod): ChargePeriod {
  return { chargingSeconds, energyWh, parkingSeconds, startAt };
}

function ratingText({ explanation, tariffVersionId, total }: ChargeRecord['rating']): string {
  return `{"explanation":[${explanation.map(quoted).join(',')}],"tariffVersionId":${quotedOrNull(tariffVersionId)},"total":${quoted(total)}}`;
}

/** Bigints become text. */
function chargeText(c: Charge | SealedCharge): string {
  return `{"bookNetMinor":"${c.bookNetMinor}","clause":${quoted(c.clause)},"component":${quoted(c.component)},"contractId":${quoted(c.contractId)},"contractVersion":${c.contractVersion},"costCenter":${quoted(c.costCenter)},"currency":${quoted(c.currency)},"customerCostCenter":${quotedOrNull(c.customerCostCenter)},"energyWh":"${c.energyWh}","exactNet":${quoted(c.exactNet)},"fxRate":${quotedOrNull(c.fxRate)},"glAccount":${quoted(c.glAccount)},"grossMinor":"${c.grossMinor}","mappingVersion":${c.mappingVersion},"netMinor":"${c.netMinor}","payeeAccountId":${quotedOrNull(c.payeeAccountId)},"payerAccountId":${quotedOrNull(c.payerAccountId)},"quantity":"${c.quantity}","quantityUnit":${quoted(c.quantityUnit)},"role":"${c.role}","roundingMode":"${c.roundingMode}","serviceMonth":${quoted(c.serviceMonth)},"serviceOn":${quoted(c.serviceOn)},"siteId":${quotedOrNull(c.siteId)},"splitNo":${c.splitNo},"tariffVersionId":${quotedOrNull(c.tariffVersionId)},"unitId":${quotedOrNull(c.unitId)},"unitPrice":${quoted(c.unitPrice)},"vatCode":${quoted(c.vatCode)},"vatRule":${quoted(c.vatRule)}}`;
}
