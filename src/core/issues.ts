export type Severity = 'blocks' | 'warns' | 'info';

/** Every code, what it says and what to do about it. `{x}` is a parameter. */
const catalogue = {
  badShape: ['the message has not the shape of its format: {detail}', 'Send the record again in the documented format; the stored message shows what arrived.'],
  badEncoding: ['the bytes are not UTF-8', 'Export the file as UTF-8.'],
  wrongHeader: ['column {position} is "{found}" where "{expected}" belongs', 'Export with the documented columns, in their order.'],
  notLines: ['the file is {found}, and not one JSON object per line', 'Send it unpacked, in UTF-8, with each record as one line.'],
  wrongColumnCount: ['{found} columns where {expected} belong', 'Export the line again; a separator may be missing or doubled.'],
  missingField: ['{field} is missing', 'Complete the record at its source and send it again.'],
  badNumber: ['{field} "{value}" is not a number', 'Correct the figure at its source and send the record again.'],
  badTimestamp: ['{field} "{value}" is not a time', 'Correct the time at its source and send the record again.'],
  ambiguousLocalTime: ['{field} {value} exists twice or not at all, as clocks change', 'Check the time against the charger; accept, or send it with an offset.'],
  missingEnd: ['the session has no end and no duration', 'Send the record with its end, or reject it.'],
  endDerived: ['the end is missing and was taken from start and duration', 'Check the charger if the amount is disputed.'],
  endBeforeStart: ['the session ends before it starts', 'Correct the times at the source.'],
  futureStart: ['the session starts {computed} s after it was received', 'Check the charger clock; accept when it is right.'],
  unknownSite: ['no site is mapped to "{site}"', 'Map the site; the records waiting for it go on by themselves.'],
  unknownToken: ['no account is mapped to token "{token}"', 'Map the token to an account; the records waiting for it go on by themselves.'],
  missingContract: ['the account of token "{token}" has no contract at the start of the session', 'Add a contract version that covers it.'],
  siteHolderMissing: ['nobody is said to hold site {site} at the start of the session', 'Say who holds it from then on: its owner or operator, or nobody.'],
  siteHolderAmbiguous: ['more than one holder of site {site} is in force at the start of the session', 'End all but one.'],
  missingOwnerContract: ['the owner of site {site}, {account}, has no contract at the start of the session', 'Add a contract version that covers it, or take the owner off the site.'],
  missingOperatorContract: ['operator {account} of site {site} has no contract at the start of the session', 'Add a contract of kind roamingPurchase that covers it.'],
  missingHomeContract: ['account {account}, at whose home {site} stands, has no contract at the start of the session', 'Add a contract of kind homeCharging that covers it.'],
  ambiguousContract: ['more than one contract of account {account} is in force: {contracts}', 'End all but one.'],
  ambiguousClause: ['more than one clause of {contract} matches: {clauses}', 'Give the clauses scopes or routes that do not overlap.'],
  noPriceSource: ['contract {contract} names no price source for route {route}', 'Add a priceSource clause for it.'],
  priceSourceMixed: ['contract {contract} takes its price from {agreed}, and the CDR has one from {found}', 'Agree on one price source for the route, and correct the contract or the CDR.'],
  priceNotSignificant: [
    'contract {contract} bills the price the other side states, and the CDR marks it as not significant',
    'Ask for the price, or sign a carry decision for the close; our tariff never takes its place.',
  ],
  purchaseDiffers: ['they claim {claimed} {currency}, the agreed price is {ours}: {percent} % apart, more than {limit} %', 'The agreed price is booked; take the difference up with the partner.'],
  invoicedTwice: ['the CDR stands twice on the invoice', 'Ask the partner for one line per CDR.'],
  invoicedAmbiguous: ['more than one CDR has this id: {cdrs}', 'Name it with its owner’s country and party before it.'],
  vatUnexpected: ['the invoice states VAT, and its sessions stand under {code}, which bears none', 'Ask for an invoice without VAT, or correct the VAT table and rate the sessions again.'],
  notOurDriver: [
    'token {token} of {category} account {account} charged at the charger of another operator',
    'Map the token to one of our customers, or reject the record: this session is not ours to bill.',
  ],
  homeNotTheFleets: ['the token at home charger {site} belongs to account {account}, not to {fleet}, which pays there', 'Map the token to the fleet, or reject the record.'],
  missingPricePoint: ['price series {series} has no price at {at}', 'Load the prices of that day; what waits for them goes on by itself.'],
  evidenceOnly: ['the energy was told by the vehicle, not by a meter', 'Only metered energy is reimbursed: send the meter’s record.'],
  keptAsEvidence: ['the energy was told by the vehicle: it is kept as evidence beside the meter’s record', 'Nothing to do: it is compared, never billed.'],
  partnerRefuses: ['{partner} refuses CDRs {what}: {computed}, where {limit} holds', 'Mend what the CDR says, settle the session by document, or correct the profile of the partner.'],
  creditedBySender: ['its sender took it back by credit CDR {credit}', 'Nothing to do: what was booked of it is reversed; what takes its place comes under an id of its own.'],
  stoppedAbruptly: ['the charger stopped by {stopReason}: it may not have counted all', 'Compare with the charger’s register before and after.'],
  energyFromStateOfCharge: ['the vehicle tells no energy; it is taken from the rise of its state of charge', 'Nothing to do: it is evidence, and coarse.'],
  vehicleDiffers: [
    'at homes vehicles took {computed} Wh where their meters gave {limit} Wh, in {records} sessions that differ by more than losses explain',
    'Compare the records; a meter that gives less than a car takes is broken, or not the driver’s.',
  ],
  vehicleWithoutMeter: ['vehicles charged {computed} times at homes, with {energyWh} Wh, and no meter reported it', 'Ask the driver’s charger for its records; nothing is reimbursed without a meter.'],
  missingTariff: ['no tariff is assigned to segment {segment} at {site}', 'Assign a tariff that is valid at the start of the session.'],
  ambiguousTariff: ['more than one tariff fits: {candidates}', 'End all assignments but one.'],
  energyAboveConnector: ['{computed} Wh in {of} is more than the connector can give in that time ({limit} Wh)', 'Compare with the meter; accept with a reason, correct with evidence, or reject.'],
  energyOutOfRange: ['{computed} Wh is above the limit of {limit} Wh', 'Compare with the meter; accept with a reason, correct with evidence, or reject.'],
  energyNegative: ['{computed} Wh is negative', 'Correct the meter values at the source.'],
  durationOutOfRange: ['the session lasts {computed} hours, more than {limit}', 'Check whether the plug-out was missed.'],
  durationAbsurd: ['the session lasts {computed} hours, more than {limit}', 'Check whether the plug-out was missed; accept, correct with evidence, or reject.'],
  placeholderTime: ['{field} {computed} is before {limit}: the charger had no clock', 'Send the record with its true times, or correct it with evidence.'],
  chargingOutsideSession: ['charging at {computed} lies outside the session ({limit})', 'It is billed as stated; compare with the charger.'],
  deliveredLate: ['it came {computed} days after its end, {step} % or more of the {limit} days agreed', 'It is billed all the same; take it up with the partner.'],
  tinySession: ['{computed} {what} is below the limit of {limit} {what}', 'With too little energy it is written off and not billed; look at the charger when it repeats.'],
  meterRegression: ['the meter ends at {computed} Wh, below its start of {limit} Wh', 'Compare with the meter; correct with evidence, or reject.'],
  meterMismatch: ['{computed} Wh is stated, the meter went up by {limit} Wh', 'Compare with the meter; accept, correct with evidence, or reject.'],
  odometerAsEnergy: ['{computed} Wh is the meter’s reading; the session added {limit} Wh', 'Correct it with the difference of the readings.'],
  overlapOnEvse: ['record {record} was on the same EVSE for {computed} s of the same time', 'Check which of the two is real.'],
  overlapOnToken: ['record {record} used the token for {computed} s of the same time', 'Nothing to do unless the card was copied.'],
  sameSession: ['record {record} of {source} is the same session (by {reason}); the energies are {computed} Wh apart', 'Nothing to do: the other one is billed.'],
  unauthenticated: ['the token stands for nobody', 'Check who is to pay, or make the charger ask for a token.'],
  costOutOfRange: ['{computed} minor units of {currency} per {of} is beyond the usual {limit}', 'Check tariff and energy; accept with a reason, or reject.'],
  zeroCost: ['nothing is billed for {limit} Wh, though the tariff has a price', 'Check the restrictions of the tariff.'],
  durationMismatch: ['the stated duration of {computed} s differs from the times ({limit} s)', 'The times are billed; check the source.'],
  documentAbove: ['it comes to {computed} {currency}, above the {limit} of {strategy}', 'Look at its largest lines; correct them, or sign why it is right.'],
  documentNegative: ['it comes to {computed} {currency}', 'Carry its credits to the next run, or issue them as a credit note.'],
  vatMissing: ['{computed} {currency} stand at 0 % under {code}, which is neither reverse charge nor outside the scope', 'Correct the VAT code of the tariff, the table or the adjustment.'],
  vatCodeUnfit: ['{computed} {currency} stand under {code}, which does not fit {why}', 'Correct the VAT table or the adjustment, and rate what it touched again.'],
  priceOutOfBand: [
    'a kWh at {site} costs {computed} {currency}, {percent} % of the median {limit} of {segment}',
    'Compare tariff and contract of the customer with the others; correct them, or sign why it is right.',
  ],
  segmentPriceMoved: ['the median kWh of {segment} costs {computed} {currency}, {percent} % of the former {limit}', 'Check the tariffs published since; correct them, or sign why they moved.'],
  energyFree: ['{computed} Wh at {site} cost nothing', 'Check whether a free tariff was left on.'],
  energyJump: ['{computed} Wh, {percent} % of the median {limit} Wh of its former months', 'Look at its largest sessions and who uses its tokens.'],
  sessionsJump: ['{computed} sessions, {percent} % of the median {limit} of its former months', 'Look whether sessions came twice, and who uses its tokens.'],
  tariffsMixed: ['segment {segment} was priced by {computed} tariffs: {tariffs}', 'End all assignments but one, or sign why the price changed within the month.'],
  sessionAbovePower: ['record {record} holds {computed} Wh, more than {limit} Wh', 'Compare with the meter; correct with evidence, or leave it out.'],
  sessionTwice: ['records {record} and {other} are the same: {computed} Wh from {start}', 'Reject one of them, or leave it out.'],
  sessionDoubtful: ['{computed} of its sessions have a duration that is not that of their times, such as record {record}', 'The times are billed; check them against the source.'],
  tokenMoved: ['{computed} sessions are by a token that charged for account {other} before', 'Check who the token belongs to, from when.'],
  feeRepeated: ['{computed} {currency} stand {times} times: {what}', 'Withdraw all but one.'],
  adjustmentLarge: ['adjustment {adjustment} of {computed} {currency} is more than the {limit} billed besides', 'Check its amount and sign; withdraw it, or sign why it is right.'],
  siteEarnsNothing: ['it earned nothing, and {limit} {currency} in the median of its former months', 'Check whether its CDRs arrive, and its tariff.'],
  ownerShareMissing: ['{computed} {currency} were sold at it, and nothing is shared{why}', 'Check the site’s owner and contract, and rate its sessions again.'],
  customerMissing: ['it has no document, and had one in each of {limit} months before', 'Check its tokens and contract, and what waits.'],
  controlTotalDiffers: [
    'of {on} it states {statedCount} CDRs with {statedWh} Wh{statedAmount}, and {receivedCount} with {receivedWh} Wh{receivedAmount} arrived',
    'Ask for what is missing, or for a corrected total; or sign why it is right.',
  ],
  controlTotalMissing: ['of {on} it states no total, and {receivedCount} CDRs with {receivedWh} Wh arrived', 'Ask for the total of that day.'],
  listedCountDiffers: ['it has {limit} CDRs that were last updated on {on}, and {computed} of them are here', 'Sweep that day anew; ask the peer for what is missing, or sign why it is right.'],
  expectationOpen: [
    '{computed} sessions have no CDR, the oldest since {oldest}: some {energyWh} Wh, {amount} {currency}',
    'Ask the source for them; cancel with a reason what will never come, or sign a carry decision for the close.',
  ],
  watermarkBehind: ['it says it is complete until {computed}, and the period ends {limit}', 'Wait for it, or ask what is still to come.'],
  processingFailed: ['it could not be processed: {detail}', 'Report this text; once that is mended, try again all that wait for this cause.'],
  conflictingRepeat: ['the key of record {recordId} came again with other content', 'Compare both messages; the sealed record stands.'],
  notVatRegistered: ['the seller has no VAT registration in {country}', 'Register there, or sign a carry decision for the close.'],
  noVatTable: ['the seller has no VAT table that holds on {on}', 'Publish a version of the VAT table that is valid then.'],
  noVatRow: ['no row of the VAT table covers this {direction}: {supply}, charger {charger}, party {party}, established {established}', 'Add a row for it to the VAT table, after asking an adviser.'],
  vatBlocked: ['row {row} of the VAT table holds it back: {why}', 'Bring the evidence or the registration that the row asks for.'],
  missingFxRate: ['{source} has no rate from {currency} into {into} on {on} or in the week before', 'Load the rate of that day; what waits for it goes on by itself.'],
  currencyMismatch: ['the tariff is in {tariff}, the account in {account}', 'Assign a tariff in the currency of the account.'],
  homeCurrencies: ['the driver’s account is in {driver}, the account of the fleet that pays in {fleet}', 'Have both accounts in one currency: what is charged at home is priced once, for both.'],
  unmappedAccount: ['no GL account is mapped to {key}', 'Add the key to the GL mapping.'],
  ownerWithoutSite: ['account {account} is owed something by its contract and owns no site of ours', 'Put the account on its site, or end the contract.'],
  missingCostCenter: ['the seller has no cost center for what is billed without a site', 'Give the legal entity its own cost center.'],
  unknownVatRule: ['no single VAT rule covers {percent} % in {country}', 'Add the VAT rule, or correct the tariff.'],
  unknownSource: ['no source is set up under "{source}"', 'Add the source, or send the record to the right one.'],
  unknownZone: ['"{zone}" is not a time zone', 'Give the site an IANA time zone such as Europe/Stockholm.'],
  tooManyDecimals: ['{field} "{value}" has more than {limit} decimals', 'Send the figure with at most that many decimals.'],
  staleHash: ['{what} has changed since it was approved', 'Review it again and approve the present figures.'],
  runStateWrong: ['the run is {state}, and this needs {expected}', 'Bring the run to that state first.'],
  periodOverruns: ['the period from {at} runs past a change of price', 'It is billed at the price of its start; ask the operator to split its periods.'],
  priceClamped: ['the total of {total} lies beyond the {bound} of {limit}', 'Nothing to do: the difference is a line of its own.'],
  noPeriods: ['the record has no charging periods', 'Send the record with its charging periods.'],
  claimDiffers: ['the partner claims {claimed} {currency}, our price is {ours}: {cause}', 'Our price is billed; take it up with the partner when it is more than rounding.'],
  unknownDimension: ['dimension {dimension} is not known and was left out', 'Nothing to do unless it should be priced.'],
  unknownRestriction: ['restriction {field} is not known and was left out', 'Nothing to do unless it should narrow the element.'],
  badStepSize: ['step_size "{value}" is not a whole number from 0 on', 'Correct the tariff: Wh for energy, seconds for time.'],
  badRestriction: ['{field} "{value}" is not {expected}', 'Correct the tariff.'],
  unknownCurrency: ['"{value}" is not a currency', 'Use a code of ISO 4217 such as SEK.'],
  unknownVersion: ['"{value}" is not a version of OCPI that is read here', 'Use 2.1.1, 2.2.1 or 2.3.0.'],
  outOfRange: ['{field} {value} is more than any session holds', 'Correct the figure at its source and send the record again.'],
  noActiveTariff: ['no tariff is valid at the start of the session', 'Send the CDR with its tariff, or give one that was valid then.'],
  unknownTariff: ['tariff "{id}" of the period is not among the tariffs of the CDR', 'Send the CDR with every tariff its periods name.'],
  tariffDiffers: ['the period names tariff "{id}", and "{used}" was asked for', 'Nothing to do if the other price is meant.'],
  cdrCurrencyMismatch: ['the CDR is in {cdr}, its tariff in {tariff}', 'Send the tariff that the CDR was priced with.'],
  missingZone: ['no time zone is given, and country "{country}" does not have just one', 'Give the IANA time zone of the location.'],
  periodsOutOfOrder: ['the periods are not in the order of their start and were sorted', 'Nothing to do.'],
  periodOutsideSession: ['a period lies outside the start and end of the CDR', 'It is billed as stated; compare with the charger.'],
  dimensionRepeated: ['dimension {dimension} comes twice in a period; its volumes were added up', 'Ask the operator which volume is right.'],
  readingMissing: ['the period from {at} has no reading for {restriction}, which therefore counts as met', 'Ask the operator to send power and current readings.'],
  noTimeStated: ['the tariff prices time, and no period states any', 'Nothing is billed for time; ask the operator for the TIME volumes.'],
  fieldNotInVersion: ['{field} is not part of OCPI {version} and was left out', 'Send the tariff in a version that has it.'],
  shadowedElement: ['element {element} never prices {dimension}: an earlier element always holds', 'Move it before the wider element, or delete it.'],
  unreachableElement: ['element {element} never prices {dimension}: its restrictions never hold together', 'Correct its restrictions.'],
  gapInDay: ['{dimension} is free on {weekday} at {time} and priced at other times', 'Add an element without restrictions if that is not meant.'],
  absurdPrice: ['{dimension} of element {element} costs {price}, beyond the usual {limit}', 'Check the price and its unit: per kWh, per hour, once.'],
  absurdVat: ['VAT of {percent} % in element {element} is beyond the usual {limit} %', 'Check the rate: 25 means 25 %.'],
  absurdStep: ['step_size {value} of {dimension} in element {element} is beyond the usual {limit}', 'Check its unit: Wh for energy, seconds for time.'],
  limitsCross: ['min_price {min} is above max_price {max}, which then always applies', 'Correct the limits.'],
  limitsDisagree: ['{bound}: {excl} with {percent} % VAT is {expected}, not {incl}', 'Correct one of the two; they are applied independently.'],
  lintIncomplete: ['the tariff has too many combinations to try them all ({count})', 'Split it into several tariffs.'],
  wrongAgreementKind: ['what is to be agreed is of kind {kind}, the contract of kind {contract}', 'Propose it under a contract of that kind.'],
  agreementCurrency: ['the agreement is in {agreement}, the account in {account}', 'Agree on the currency of the account, or open another account.'],
  contractGap: ['version {version} has ended the contract, and this one goes on later', 'Sessions in between wait for a contract; begin earlier if that is not meant.'],
  clauseRepeated: ['two clauses are called {clause}', 'Give each clause a name of its own: charges refer to it.'],
  negativeFigure: ['{field} of {clause} is {value}', 'Use a figure from 0 on; what is given back is a clause of its own.'],
  clausesOverlap: ['{first} and {second} match the same sessions', 'Narrow one of the two, or take it out.'],
  clauseOutOfReach: [
    'no session that {clause} is about is priced by it: a {kind} clause counts at sites of kind {sites}',
    'Correct its scope, or put it into the contract by which those sessions are billed.',
  ],
  clauseOnHubPrice: ['the hub computes each price, and {clause} would change it by a {kind}', 'Take the clause out, or agree on another price source for a route.'],
  clauseSaysNothing: ['{clause} has neither {either} nor {or}', 'Say one of the two.'],
  clauseSaysTwo: ['{clause} has both {either} and {or}', 'Make two clauses of it, or leave one figure out.'],
  discountAboveWhole: ['{clause} takes {percent} % off', 'A discount is at most 100 %.'],
  campaignBackwards: ['{clause} ends {to}, and begins {from}', 'Correct the dates: the end is the first day without it.'],
  tiersOutOfOrder: ['a step of {clause} begins at {from}, after one that begins at {before}', 'Write the steps in rising order, each once.'],
  tiersStart: ['the first step of {clause} begins at {from}', 'Begin at 0; a percentage of 0 says that nothing is shared there.'],
  shareAboveWhole: ['{what} add up to more than 100 % ({percents})', 'Lower the percentages.'],
  chargesKeepVersion: ['sessions since {from} are booked by what held before', 'What was booked stays; begin later if that is not meant.'],
  noShareClause: ['no clause says what is shared', 'Add a share, unless the owner is to get nothing.'],
  beneficiaryTwice: ['account {account} gets a part twice', 'Name it once; the contract’s own account keeps the rest.'],
  markupOnOutlay: ['an outlay is passed on with {value} per kWh on top', 'Leave the markup out, or choose resale.'],
  unknownReference: ['{clause} names {what} "{id}", which does not exist', 'Set it up first, or correct the name.'],
  vatRowRepeated: ['two rows are called {row}', 'Give each row a name of its own: charges refer to it.'],
  vatRowUnreachable: ['row {row} is never reached: row {before} always holds before it', 'Move it before the wider row, or delete it.'],
  vatRowUnknownCode: ['row {row} decides on code {code}, which no VAT rule has', 'Add the VAT rule, or correct the code.'],
  vatNumberDoubtful: ['the check digits of the VAT number are wrong', 'Compare with the register; publish only what it confirms.'],
  noEvidence: ['a reseller is stated without {what}', 'Without it the status counts as unproven; bring the evidence.'],
  rowIncomplete: ['{field} is missing, and nothing is there yet', 'Give it: a new entry needs it.'],
  rowValue: ['{field} {detail}', 'Correct the value.'],
  rowRepeated: ['the entry comes twice, first in line {line}', 'Take one of them out.'],
  rowUnknownField: ['{field} is no field of {kind}', 'Take it out, or correct its name.'],
  rowReference: ['{field} names "{id}", which does not exist', 'Set it up first, or in the same load.'],
  rowDoesNotFit: ['{field} is "{value}", and {because}: it wants {expected}', 'Correct one of the two.'],
  rowFixed: ['{field} cannot change: {because}', 'Open a new one, and end this one.'],
  rowStale: ['version {expected} is expected, and it is at {present}', 'Look at the present version, and send the change again.'],
  rowErased: ['the driver of "{id}" was erased', 'Open a new party and account for who it is now.'],
  rowPastIssued: ['what was charged from {from} on is issued, with another value', 'Begin later: what was booked stays as it is.'],
  rowNeedsDate: ['another value holds, and validFrom is not given', 'Say from when the new one holds.'],
  unknownPriceSeries: ['there is no price series "{series}"', 'Add the series and load its points, or name another one in the contract.'],
  priceSeriesCurrency: ['price series {series} is in {currency}, the contract in {contract}', 'Use a series in the currency of the contract.'],
  pricePointLength: ['{seconds} seconds from {start} is no interval of the market', 'Use 300, 900, 1800 or 3600 seconds, on the clock.'],
  pricePointOverlaps: ['the interval from {start} overlaps the one from {other}', 'Leave one of the two out; a newer price has the start and the length of the one it corrects.'],
  pricePointGap: ['no price is given from {from} to {to}', 'Load that time as well, or nothing there can be priced.'],
  notAnEInvoice: ['a document of type {type} is never an e-invoice', 'Send it as PDF (D46).'],
  authorityMissing: ['nobody is the authority for {task} of {type}', 'Name wattledger or erp: a type that is named at all needs each task once.'],
  purchaseOrderMissing: [
    'an invoice of {computed} {currency} without VAT ({wh} Wh) is held: the customer wants a purchase order on it, and none is entered',
    'Enter purchaseOrder of the account: the invoice is built again; else the first run after that bills it.',
  ],
  numberByErp: ['the ERP is named as authority for the number of {type}: it can only number {types}', 'Leave number to wattledger: the ERP gets our number with the posting.'],
  erpNumberMissing: [
    'the ERP holds the document, and told no number of it',
    'Have its adapter or middleware tell the number and send it again, or state the number that it has there; or name wattledger as authority for it in the document rules.',
  ],
  erpPeriodClosed: [
    'the ERP takes nothing of {on}, and {month} is {state} here ({words})',
    'Reopen the period in the ERP, then send it again; or soft-close the month here, so that nothing more is dated into it, and skip with a reason what is booked there by hand.',
  ],
  erpNumberTwice: [
    'the ERP gave it the number {number}, which document {other} bears',
    'Correct it in the ERP, and state the number that it has there now (`erp number`): a number is of one document.',
  ],
  erpNumberAwaited: [
    'it waits for the number of the ERP, where its posting is {state}',
    'Mend what the ERP refused and send it again, or state the number under which it is there (`erp number`): without its number it is not issued.',
  ],
  authorityTwice: ['{type} has {authorities} as authority for {task}', 'Leave one of them: whoever does it is one.'],
  addressMissing: ['{name} has no address that a letter reaches', 'Enter street, postal code and city of its party, or its e-mail address.'],
  bankAccountMissing: [
    '{amount} {currency} is due, and no bank account that takes {currency} is published',
    'Propose one for the account (a bankgiro takes SEK alone), and have somebody else publish it.',
  ],
  paymentReturned: [
    '{amount} {currency} is due, and the bank sent back what was paid to the newest bank account',
    'Ask the payee, then propose another bank account, or the same one again, and have somebody else publish it.',
  ],
  payableBelowThreshold: [
    '{amount} {currency} is below what is paid at once ({threshold})',
    'Nothing: it is paid with what comes later, at the latest 12 months after it was due or once the contract has ended.',
  ],
  paidInPart: ['{number} is paid in part elsewhere, and {open} {currency} of it is open', 'Pay the rest the same way, and state it as a payment of the document.'],
  nothingPayable: ['credits are no less than what is due ({amount} {currency})', 'Nothing: the balance is set off against what comes later.'],
  payerAccountMissing: ['the entity has no account that {currency} can be paid from', 'Enter letterhead.iban (with letterhead.bic) of the entity, or for SEK letterhead.bankgiro.'],
  cardNumber: ['{field} holds a card number', 'Give the reference by which the payment provider knows the card: a number of a card is never kept.'],
  cardTookNoMore: [
    'the card took no more than is left of what is credited',
    'Charge what is left, if it is not charged (POST /v1/documents/{id}/card-payment/retry); what was paid otherwise is paid back otherwise.',
  ],
  cardReferenceMissing: ['there is nothing by which the payment provider knows the card', 'Enter the reference of the account’s card (PUT /v1/accounts/{id}/card), then ask again.'],
  notOurPayment: ['the ERP is the authority for outgoing payment of {types}', 'Pay from the ERP, or name wattledger in the document rules.'],
  noSettlement: ['it settles no CDRs of a roaming partner', 'Only settlements with eMSPs have a reconciliation record.'],
  cdrIdTooLong: ['CDR id {cdr} has more than {longest} characters', 'Correct it at the source: OCPI knows no longer one.'],
  notClosed: ['the run is not closed yet', 'Close it: what it posts is handed on as files once the ERP agrees.'],
  notIssued: ['the document is not issued yet', 'Issue it: only issued documents are rendered.'],
  outsideVatBesideVat: ['lines outside VAT stand beside taxed ones', 'Give the lines outside VAT a document of their own (D43), by credit and rebill.'],
  vatCategoryUnknown: ['VAT category {category} has no form in an e-invoice', 'Correct the category of the VAT code: S, Z, AE, G, K or O.'],
  electronicAddressMissing: ['{name} has no address for e-invoices', 'Give its party an org number, a VAT number or address.electronic.'],
  vatNumberMissing: ['{name} has no VAT number on the day of issue', 'Enter the VAT number of the party or the registration of the entity.'],
  nameUnwritable: ['a name on it has nothing that can be written', 'Correct the name of the party.'],
  glAccountNotNumeric: ['GL account {glAccount} has no number that SIE knows', 'Map a numeric account to it, or read the journal as CSV.'],
  creditsNothing: ['it names no document that it credits', 'Issue it as a credit of an issued document (D13).'],
  exclusionConflict: [
    'exclusions of one rank want different things of {charges} charges of {computed} {currency} ({wh} Wh): {rules}',
    'They are carried meanwhile. Withdraw or end all but one, add a narrower one, or sign that they are carried.',
  ],
  exclusionExpired: [
    'exclusion {rule} is over: {charges} charges of {computed} {currency} ({wh} Wh) that it carried are billed now',
    'Propose a rule in its place if they are still not to be billed.',
  ],
  carriedTooLong: [
    'exclusion {rule} has carried {charges} charges of {computed} {currency} ({wh} Wh) for as long as it may: they are billed now',
    'Write them off, or exclude them from this run, if they are not to be billed.',
  ],
  carriedBilled: ['an earlier run’s exclusion {rule} carried {charges} charges of {computed} {currency} ({wh} Wh): they are billed now', 'Exclude them again if they are not to be billed yet.'],
  exclusionReviewDue: ['exclusion {rule} was to be looked at again by {on}; it leaves out {charges} charges of {computed} {currency} ({wh} Wh)', 'Propose a version with a later review, or end it.'],
  adjustmentUnsigned: [
    'a manual amount of {computed} {currency} is above {limit} {currency} and nobody but its author has signed it',
    'Have somebody else sign the adjustment; who signs does not approve the run.',
  ],
  adjustmentConflict: ['a manual amount of {computed} {currency} stands in the run though {why}', 'Withdraw it, or leave it: what this run does not bill waits for the next run of the account.'],
  creditAboveLine: ['credits of {computed} {currency} against {line} exceed its {limit} {currency}', 'Withdraw the adjustment: a correction has taken the line back meanwhile.'],
  twinWaits: ['manual amount {adjustment} of {computed} {currency}, due in {due}, is in no run', 'The next run of the account takes it; plan one, or withdraw it while it waits.'],
  findingsCut: [
    '{more} more findings of this rule are not listed, whosever they are',
    'Mend what those that are listed have in common and build again, or set the limits of the rule; signed, all of them are.',
  ],
  netUnknown: ['prices include tax at a rate the tariff does not tell', 'Add vat to the price components.'],
} as const satisfies Record<string, readonly [message: string, remedy: string]>;

export type IssueCode = keyof typeof catalogue;

/** Something wrong with input or set-up, as data beside a result; shown to finance and ops, never thrown. A plausibility rule adds its version, and `computed` and `limit` to the parameters. */
export type Issue = { readonly code: IssueCode; readonly severity: Severity; readonly subject: string; readonly params: Readonly<Record<string, string | number>>; readonly ruleVersion?: number };

/** Builds an issue; `subject` names the record, line or setting it is about. */
export function issue(code: IssueCode, severity: Severity, subject: string, params: Issue['params'] = {}): Issue {
  return { code, severity, subject, params };
}

/** Tells an issue from the result that stands beside it in a union. */
export function isIssue(value: unknown): value is Issue {
  return typeof value === 'object' && value !== null && 'code' in value && 'severity' in value;
}

/** What is wrong, as one sentence without its full stop. A parameter that is missing shows as `?`. */
export function messageOf(found: Issue): string {
  let parts = templates.get(found.code);
  if (parts === undefined) {
    // Text at even places, names of parameters at odd ones.
    parts = catalogue[found.code][0].split(/\{(\w+)\}/);
    templates.set(found.code, parts);
  }
  let text = '';
  for (let i = 0; i < parts.length; i += 1) text += i % 2 === 0 ? parts[i] : String(found.params[parts[i] ?? ''] ?? '?');
  return text;
}

const templates = new Map<IssueCode, readonly string[]>();

/** What to do about it, one sentence. */
export function remedyOf(code: IssueCode): string {
  return catalogue[code][1];
}

/** Subject, message and remedy in one text, for people. */
export function describeIssue(found: Issue): string {
  return `${found.subject}: ${messageOf(found)}. ${remedyOf(found.code)}`;
}
