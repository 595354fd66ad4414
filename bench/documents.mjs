// npm run bench:documents [-- --smoke | --count N]: invoices to PDF and UBL, rate and memory of one core.
import { renderPdf } from '../dist/adapters/documents/pdf/render-pdf.js';
import { renderUbl } from '../dist/adapters/documents/ubl/render-ubl.js';
import { vatOfNet } from '../dist/core/money.js';

const flag = (name) => process.argv.indexOf(`--${name}`);
const count = flag('smoke') > 0 ? 20 : flag('count') > 0 ? Number(process.argv[flag('count') + 1]) : 10_000;
const smallest = 25;

/** A fleet's month: three cost centers with four lines each, and forty sessions. */
function invoice(no) {
  const lines = Array.from({ length: 12 }, (_, i) => {
    const quantity = BigInt(((no * 7919 + i * 104_729) % 90_000) + 10_000);
    const netMinor = (quantity * 2234n + 5_000n) / 10_000n;
    return { lineNo: i + 1, kind: 'charge', description: 'ENERGY 2019-12', unitPrice: `2.${23 + (i % 4)}4`, quantity, quantityUnit: 'Wh', netMinor, grossMinor: netMinor, vatCode: 'SE25', customerCostCenter: `K${i % 3}`, siteName: 'Garage', serviceMonth: '2019-12', energyWh: quantity, chargeCount: 4, corrects: null };
  });
  const netMinor = lines.reduce((sum, l) => sum + l.netMinor, 0n);
  const vatMinor = vatOfNet(netMinor, '25');
  const annex = Array.from({ length: 40 }, (_, i) => {
    const startAt = new Date(Date.UTC(2019, 11, 1 + (i % 28), (no + i) % 24, (no * i) % 60));
    return { sessionKey: `csms/se*wlt*${no}-${i}`, startAt, endAt: new Date(startAt.getTime() + 5_400_000), serviceOn: '2019-12-01', siteName: `Garage ${i % 9}`, costCenter: `K${i % 3}`, unit: `Van ${i % 5}`, energyWh: BigInt(((no + i) * 37) % 40_000), netMinor: BigInt(((no + i) * 83) % 9_000), grossMinor: 0n };
  });
  const number = String(no + 1).padStart(6, '0');
  const side = (name, org) => ({ name, country: 'SE', orgNumber: org, vatNumber: `SE${org}01`, address: { street: 'Exempelgatan 1', postalCode: '111 22', city: 'Göteborg' } });
  return {
    documentId: `doc_${no}`, type: 'invoice', strategy: 'fleetInvoice', legalNumber: `2020-${number}`, issuedOn: '2020-01-07', dueOn: '2020-02-06', ocr: `2020${number}23`, accountId: `acc_fleet_${no}`, purchaseOrder: null, email: null, currency: 'SEK', roundingMode: 'netFirst', period: '2019-12', timeZone: 'Europe/Stockholm',
    entity: { ...side('Seller AB', '5560000001'), currency: 'SEK', letterhead: { fTax: true, bankgiro: '9912346', seat: 'Stockholm' } },
    party: side(`Åkeri ${no} AB`, '5561000000'),
    lines, vat: [{ vatCode: 'SE25', category: 'S', percent: '25', baseMinor: netMinor, vatMinor }], netMinor, vatMinor, roundingMinor: 0n, payableMinor: netMinor + vatMinor, energyWh: 0n, bookVatMinor: vatMinor, credits: [], annex,
  };
}

const started = performance.now();
const cpu = process.cpuUsage();
let [pdfBytes, xmlBytes, pdfMs] = [0, 0, 0];
for (let no = 0; no < count; no += 1) {
  const document = invoice(no);
  const before = performance.now();
  pdfBytes += (await renderPdf(document)).length;
  pdfMs += performance.now() - before;
  const ubl = renderUbl(document);
  if (!('bytes' in ubl)) throw new Error(JSON.stringify(ubl.issues));
  xmlBytes += ubl.bytes.length;
  if ((no + 1) % 1_000 === 0) console.log(`${no + 1} documents, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`);
}
const seconds = (performance.now() - started) / 1_000;
const used = process.cpuUsage(cpu);
const coreSeconds = (used.user + used.system) / 1e6;
console.log(`${count} documents in ${seconds.toFixed(1)} s (PDF ${(pdfMs / 1000).toFixed(1)} s): ${(count / seconds).toFixed(1)} a second, ${(count / coreSeconds).toFixed(1)} per core second; PDF ${Math.round(pdfBytes / count / 1024)} KiB, UBL ${Math.round(xmlBytes / count / 1024)} KiB each; ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`);
if (flag('smoke') < 0 && count / coreSeconds < smallest) {
  console.error(`below ${smallest} per core second`);
  process.exitCode = 1;
}
