import { type AccountingBatch, namedIn } from '../../../core/accounting/batch.ts';
import { type Issue, issue } from '../../../core/issues.ts';
import { formatMinor } from '../../../core/money.ts';
import { cp437Bytes, textForCp437 } from './cp437.ts';

/** Reserved numbers of dimensions (SIE 4B, #DIM). */
const costCenterDimension = 1;
const projectDimension = 6;

/**
 * A batch as SIE 4I: transactions for import, in code page 437, with cost centers (dimension 1) and sites (6). The same batch gives the same
 * bytes. Issues where an account number is none that SIE knows.
 */
export function renderSie(batch: AccountingBatch): { readonly bytes: Buffer } | { readonly issues: readonly Issue[] } {
  const { entity, vouchers } = batch;
  const { accounts, costCenters, projects } = namedIn(batch);
  const unfit = accounts.filter((account) => !/^\d{1,10}$/.test(account));
  if (unfit.length > 0) return { issues: unfit.map((glAccount) => issue('glAccountNotNumeric', 'blocks', batch.batchId, { glAccount: glAccount })) };
  const years = [...new Set(vouchers.map((v) => v.on.slice(0, 4)))].sort().reverse();
  const lines = [
    '#FLAGGA 0',
    '#PROGRAM "WattLedger" 1.0',
    '#FORMAT PC8',
    `#GEN ${digits(batch.closedOn)}`,
    '#SIETYP 4',
    `#FNR ${text(batch.batchId)}`,
    ...(entity.country === 'SE' ? [`#ORGNR ${entity.orgNumber.replaceAll(/\D/g, '').replace(/^(\d{6})(\d{4})$/, '$1-$2')}`] : []),
    `#FNAMN ${text(entity.name)}`,
    ...years.map((year, i) => `#RAR ${i === 0 ? 0 : -i} ${year}0101 ${year}1231`),
    `#VALUTA ${entity.currency}`,
    ...accounts.map((account) => `#KONTO ${account} ${text(batch.accountNames.get(account) ?? account)}`),
    `#DIM ${costCenterDimension} "Kostnadsställe"`,
    `#DIM ${projectDimension} "Projekt"`,
    ...costCenters.map((costCenter) => `#OBJEKT ${costCenterDimension} ${text(costCenter)} ${text(costCenter)}`),
    ...projects.map((project) => `#OBJEKT ${projectDimension} ${text(project)} ${text(batch.siteNames.get(project) ?? project)}`),
    ...vouchers.flatMap((voucher, i) => [
      `#VER ${text(batch.series)} ${i + 1} ${digits(voucher.on)} ${text(voucher.text)}`,
      '{',
      ...voucher.lines.map(({ glAccount, costCenter, project, amountMinor }) => {
        const objects = [costCenter === null ? [] : [`"${costCenterDimension}" ${text(costCenter)}`], project === null ? [] : [`"${projectDimension}" ${text(project)}`]].flat();
        return `#TRANS ${glAccount} {${objects.join(' ')}} ${formatMinor(amountMinor, entity.currency)} ${digits(voucher.on)} ${text(voucher.text)}`;
      }),
      '}',
    ]),
  ];
  return { bytes: cp437Bytes(`${lines.join('\r\n')}\r\n`) };
}

/** A quoted field: quotes are escaped, and no backslash is left that would escape the closing one. */
function text(value: string): string {
  return `"${textForCp437(value).replaceAll('\\', '/').replaceAll('"', '\\"')}"`;
}

function digits(date: string): string {
  return date.replaceAll('-', '');
}
