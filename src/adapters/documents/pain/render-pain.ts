import { plainText } from '../../../core/document/plain-text.ts';
import { formatMinor } from '../../../core/money.ts';
import type { PaymentAccount, PaymentFile } from '../../../core/payment/payment-file.ts';
import { element, type XmlNode, xmlBytes } from '../xml.ts';

/** Clearing number of Bankgirot, under which banks find a Bankgiro number. */
const bankgiroClearing = '9900';
/** Max70Text: what both versions take. */
const longestName = 70;

/** A payment as pain.001 in the version that it names: one batch of credit transfers, not urgent, to IBAN and Bankgiro. */
export function renderPain(file: PaymentFile): Buffer {
  const isNine = file.format === 'pain.001.001.09';
  const { debtor, currency } = file;
  const total = formatMinor(file.totalMinor, currency);
  const payer = element('InitgPty', [element('Nm', nameOf(debtor.name)), organisation(debtor.orgNumber)]);
  return xmlBytes({
    name: 'Document',
    attributes: { xmlns: `urn:iso:std:iso:20022:tech:xsd:${file.format}` },
    content: [
      {
        name: 'CstmrCdtTrfInitn',
        attributes: {},
        content: [
          element('GrpHdr', [element('MsgId', file.messageId), element('CreDtTm', file.createdAt), element('NbOfTxs', String(file.count)), element('CtrlSum', total), payer]),
          element('PmtInf', [
            element('PmtInfId', file.messageId),
            element('PmtMtd', 'TRF'),
            element('BtchBookg', 'true'),
            element('NbOfTxs', String(file.count)),
            element('CtrlSum', total),
            element('PmtTpInf', [element('SvcLvl', [element('Cd', 'NURG')])]),
            element('ReqdExctnDt', isNine ? [element('Dt', file.executeOn)] : file.executeOn),
            element('Dbtr', [element('Nm', nameOf(debtor.name)), element('PstlAdr', [element('Ctry', debtor.country)]), organisation(debtor.orgNumber)]),
            element('DbtrAcct', [accountOf(debtor.account), element('Ccy', currency)]),
            element('DbtrAgt', [institution(debtor.account, isNine) ?? element('FinInstnId', [element('Othr', [element('Id', 'NOTPROVIDED')])])]),
            ...file.items.map((item) => {
              const agent = institution(item.creditor.account, isNine);
              return element('CdtTrfTxInf', [
                element('PmtId', [element('InstrId', item.endToEndId), element('EndToEndId', item.endToEndId)]),
                element('Amt', [element('InstdAmt', formatMinor(item.amountMinor, currency), { Ccy: currency })]),
                agent === null ? null : element('CdtrAgt', [agent]),
                element('Cdtr', [element('Nm', nameOf(item.creditor.name)), element('PstlAdr', [element('Ctry', item.creditor.country)])]),
                element('CdtrAcct', [accountOf(item.creditor.account)]),
                element('RmtInf', [element('Ustrd', plainText(item.remittance))]),
              ]);
            }),
          ]),
        ].filter((node) => node !== null),
      },
    ],
  });
}

function accountOf({ scheme, number }: PaymentAccount): XmlNode | null {
  return element('Id', scheme === 'iban' ? [element('IBAN', number)] : [element('Othr', [element('Id', number), element('SchmeNm', [element('Prtry', 'BGNR')])])]);
}

/** The bank of an account: Bankgirot by its clearing number, another by its BIC; an IBAN alone names its bank. */
function institution({ scheme, bic }: PaymentAccount, isNine: boolean): XmlNode | null {
  if (scheme === 'bankgiro') return element('FinInstnId', [element('ClrSysMmbId', [element('ClrSysId', [element('Cd', 'SESBA')]), element('MmbId', bankgiroClearing)])]);
  return bic === null ? null : element('FinInstnId', [element(isNine ? 'BICFI' : 'BIC', bic)]);
}

function organisation(orgNumber: string): XmlNode | null {
  return element('Id', [element('OrgId', [element('Othr', [element('Id', orgNumber.replaceAll(/\D/g, '')), element('SchmeNm', [element('Cd', 'CUST')])])])]);
}

/** Cut between letters, never within one. */
function nameOf(name: string): string {
  const letters = [...plainText(name)];
  let cut = letters.slice(0, longestName);
  while (cut.join('').length > longestName) cut = cut.slice(0, -1);
  return cut.join('').trim();
}
