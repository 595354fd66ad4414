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
  const second = text.indexOf(',"role":');
  return sha256Hex(`${text.slice(0, first)},"isReversal":${isReversal}${text.slice(first, second)},"recordKey":${JSON.stringify(recordKey)},"revision":${revision}${text.slice(second)}`);
}

/** Hash of a message's facts without what they were resolved to: equal for a repeat, however it travelled, and of a CDR that was sealed before readings were kept. */
export function hashOfFacts(facts: ChargeFacts): Buffer {
  return sha256(JSON.stringify(factsInOrder(facts.periods === 'unsplit' ? facts : { ...facts, periods: facts.periods.map(({ readings: _, ...period }) => period) })));
}

/** Seals facts, rating and allocation as one immutable record; each section has its own hash. */
export function sealRecord(sections: RecordSections): SealedRecord {
  const facts = JSON.stringify(factsInOrder(sections.facts, sections));
  const rating = JSON.stringify(ratingInOrder(sections.rating));
  const chargeTexts = sections.charges.map(chargeText);
  const allocation = `[${chargeTexts.join(',')}]`;
  const hashes: ChargeRecord['hashes'] = { allocation: sha256Hex(allocation), facts: sha256Hex(facts), rating: sha256Hex(rating) };
  const { recordId, revision, sessionKey } = sections;
  // Key order is hashed: RFC 8785 sorts keys. Each section is written once and goes into the record as it was hashed.
  const canonical = `{"allocation":${allocation},"facts":${facts},"hashes":${JSON.stringify(hashes)},"rating":${rating},${JSON.stringify({ recordId: recordId.toString(), revision, schema, sessionKey }).slice(1)}`;
  return { canonical, chargeTexts, factsHash: hashes.facts, ratingHash: hashes.rating, allocationHash: hashes.allocation, recordHash: sha256Hex(canonical) };
}

function sha256Hex(text: string): string {
  return hash('sha256', text);
}

type SealedCharge = ChargeRecord['allocation'][number];
/** Every key of T, so that one added to the contract and forgotten here does not compile. JSON.stringify leaves undefined out. */
type EveryKey<T> = { readonly [Key in keyof T]-?: T[Key] | undefined };
const schema: ChargeRecord['schema'] = '/schemas/charge-record/1.json';

// JSON.stringify writes strings and numbers as RFC 8785 asks; what it asks beyond is the order of the keys, which these literals have.
function factsInOrder(
  facts: ChargeFacts,
  resolved?: { readonly siteId: string; readonly accountId: string; readonly correction?: ChargeRecord['facts']['correction'] },
): EveryKey<ChargeRecord['facts']> {
  const { cdr, session, authorization } = facts.externalIds;
  const externalIds: EveryKey<ChargeFacts['externalIds']> = { authorization, cdr, session };
  const price = facts.partnerPrice;
  return {
    accountId: resolved?.accountId,
    cdrId: facts.cdrId,
    chargingEndAt: facts.chargingEndAt,
    connectorId: facts.connectorId,
    correction: correctionInOrder(resolved?.correction),
    endAt: facts.endAt,
    energyWh: facts.energyWh,
    evseId: facts.evseId,
    externalIds: externalIds as ChargeFacts['externalIds'],
    measuredBy: facts.measuredBy,
    meterEndWh: facts.meterEndWh,
    meterStartWh: facts.meterStartWh,
    ownerCountry: facts.ownerCountry,
    ownerParty: facts.ownerParty,
    partnerPrice: price === undefined ? undefined : { currency: price.currency, exclVat: price.exclVat, origin: price.origin },
    periods: facts.periods === 'unsplit' ? 'unsplit' : facts.periods.map(periodInOrder),
    reservedUntil: facts.reservedUntil,
    siteId: resolved?.siteId,
    siteKey: facts.siteKey,
    sourceId: facts.sourceId,
    startAt: facts.startAt,
    statedDurationS: facts.statedDurationS,
    tokenRef: facts.tokenRef,
  };
}

function correctionInOrder(correction: ChargeRecord['facts']['correction']): ChargeRecord['facts']['correction'] {
  if (correction === undefined) return undefined;
  const { author, before, decisionId, evidence } = correction;
  const { chargingEndAt, endAt, energyWh, periods, startAt } = before;
  const ordered: EveryKey<typeof before> = { chargingEndAt, endAt, energyWh, periods: periods?.map(periodInOrder), startAt };
  return { author, before: ordered as typeof before, decisionId, evidence };
}

function periodInOrder({ chargingSeconds, energyWh, parkingSeconds, readings, reservedSeconds, startAt }: ChargePeriod): ChargePeriod {
  const ordered: EveryKey<ChargePeriod> = { chargingSeconds, energyWh, parkingSeconds, readings: readings === undefined ? undefined : readingsInOrder(readings), reservedSeconds, startAt };
  return ordered as ChargePeriod;
}

type PeriodReadings = NonNullable<ChargePeriod['readings']>;
function readingsInOrder({ maxCurrent, maxPower, minCurrent, minPower }: PeriodReadings): PeriodReadings {
  const ordered: EveryKey<PeriodReadings> = { maxCurrent, maxPower, minCurrent, minPower };
  return ordered as PeriodReadings;
}

function ratingInOrder({ explanation, tariffVersionId, total }: ChargeRecord['rating']): ChargeRecord['rating'] {
  return { explanation, tariffVersionId, total };
}

function chargeText(charge: Charge | SealedCharge): string {
  return JSON.stringify(chargeInOrder(charge));
}

/** Bigints become text. */
function chargeInOrder(charge: Charge | SealedCharge): EveryKey<SealedCharge> {
  return {
    bookNetMinor: charge.bookNetMinor.toString(),
    clause: charge.clause,
    component: charge.component,
    contractId: charge.contractId,
    contractVersion: charge.contractVersion,
    costCenter: charge.costCenter,
    currency: charge.currency,
    customerCostCenter: charge.customerCostCenter,
    energyWh: charge.energyWh.toString(),
    exactNet: charge.exactNet,
    fxRate: charge.fxRate,
    glAccount: charge.glAccount,
    grossMinor: charge.grossMinor.toString(),
    mappingVersion: charge.mappingVersion,
    netMinor: charge.netMinor.toString(),
    payeeAccountId: charge.payeeAccountId,
    payerAccountId: charge.payerAccountId,
    quantity: charge.quantity.toString(),
    quantityUnit: charge.quantityUnit,
    role: charge.role,
    roundingMode: charge.roundingMode,
    serviceMonth: charge.serviceMonth,
    serviceOn: charge.serviceOn,
    siteId: charge.siteId,
    splitNo: charge.splitNo,
    tariffVersionId: charge.tariffVersionId,
    unitId: charge.unitId,
    unitPrice: charge.unitPrice,
    vatCode: charge.vatCode,
    vatRule: charge.vatRule,
  };
}
