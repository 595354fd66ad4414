import { gapsOf } from '../core/cycle/close-report.ts';
import type { RunReport } from '../store/reads/run-report.ts';

/** A run's report as lines for a terminal; one of an earlier close lacks what was nothing then. */
export function reportLines(report: RunReport): string[] {
  const { run, erp } = report;
  const lines = ['', `Report ${run.period}: ${run.state}, content ${run.contentHash ?? '-'}`];
  for (const s of run.byStrategy) {
    lines.push(
      `  ${s.strategy.padEnd(15)} ${String(s.documents).padStart(3)} documents  net ${s.net.padStart(10)}  VAT ${s.vat.padStart(9)}  ${s.strategy === 'selfBilling' ? 'we owe ' : 'payable'} ${s.payable.padStart(10)} ${s.currency} ${kWh(s.energyWh).padStart(11)} kWh`,
    );
  }
  lines.push(
    `  numbers ${report.numbers.first ?? '-'} to ${report.numbers.last ?? '-'} (${report.numbers.count}); ERP ${erp.connectionId ?? '-'}: ${erp.verified} posted and read back, ${erp.open} open, ${erp.skipped === 0 ? '' : `${erp.skipped} skipped, `}${erp.byCurrency?.map((c) => `${c.controlTotal} ${c.currency}`).join(', ') || erp.controlTotal} in all`,
  );
  for (const a of report.approvals) lines.push(`  ${a.decision}d by ${a.actor}: ${a.comment}`);
  for (const x of report.exclusions) lines.push(`  excluded ${x.scope} ${x.subjectId} (${x.outcome}): ${kWh(x.energyWh)} kWh, ${x.net} ${x.currency ?? ''} net, by ${x.author}: ${x.reason}`);
  const { smallSessions } = report;
  if (smallSessions.records > 0) lines.push(`  written off ${smallSessions.records} small sessions: ${kWh(smallSessions.energyWh)} kWh, ${smallSessions.net} ${smallSessions.currency ?? ''} net`);
  for (const a of report.adjustments) lines.push(`  adjusted ${a.accountId} by ${a.amount} ${a.currency}, by ${a.author}: ${a.reason}`);
  for (const h of report.heldBack)
    lines.push(
      `  held back, ${h.reason}: ${kWh(h.energyWh)} kWh, ${h.net} ${h.currency} net of ${h.accounts} ${h.accounts === 1 ? 'account' : 'accounts'}${h.signed === null ? '' : `, ${h.signed} signed`}`,
    );
  for (const l of report.manualLeft) lines.push(`  waits for the next run: ${l.kind} of ${l.accountId} by ${l.amount} ${l.currency}, by ${l.author}: ${l.reason}`);
  for (const c of report.carried) lines.push(`  carried ${c.records} records, ${kWh(c.energyWh)} kWh, signed by ${c.actor}: ${c.reason}`);
  if (run.late.charges > 0) lines.push(`  late: ${kWh(run.late.energyWh)} kWh came after the cut-off and wait for the next run`);
  for (const p of report.parkedAccounts) lines.push(`  parked ${p.accountId}: ${kWh(p.energyWh)} kWh, ${p.net} ${p.currency} net: ${p.reason ?? 'its documents could not be built'}`);
  for (const s of report.missing.sources) {
    const { open, signed, energyWh, atRisk } = s.expectations;
    if (open > 0) lines.push(`  missing from ${s.sourceId}: ${open} CDRs (${signed} signed), some ${kWh(energyWh)} kWh${atRisk.map((a) => `, ${a.amount} ${a.currency}`).join('')}`);
    if (s.controlTotals.differs + s.controlTotals.accepted > 0)
      lines.push(`  totals of ${s.sourceId} differ on ${s.controlTotals.differs + s.controlTotals.accepted} days, ${s.controlTotals.accepted} of them signed`);
  }
  for (const s of report.series) lines.push(`  series ${s.seriesId}: ${s.first} to ${s.last}, ${gapsOf(s) === null ? 'no gaps' : `GAPS AT ${gapsOf(s)}`}`);
  const columns = ['received', 'billed', 'open', 'carried', 'parked', 'held', 'free', 'excluded', 'rejected', 'billedElsewhere'] as const;
  lines.push(
    '',
    `Energy in kWh by service month: received = billed + open + carried + parked + held + free + excluded + rejected + billed elsewhere`,
    `  ${'month'.padEnd(8)}${columns.map((c) => (c === 'billedElsewhere' ? 'elsewhere' : c).padStart(11)).join('')}`,
  );
  for (const row of report.energyBalance) {
    lines.push(`  ${row.month.padEnd(8)}${columns.map((c) => kWh(row[c] ?? '0').padStart(11)).join('')}  ${row.difference === '0' ? 'balances' : `OFF BY ${row.difference} Wh`}`);
  }
  const off = report.equation.rows.filter((r) => r.difference !== '0');
  const wh = report.equation.rows.filter((r) => r.unit === 'Wh');
  const sum = (name: 'opening' | 'received' | 'closing') => kWh(wh.reduce((total, r) => total + BigInt(r[name]), 0n).toString());
  lines.push(
    `This run: ${sum('opening')} kWh found, ${sum('received')} came, ${sum('closing')} left; ${off.length === 0 ? 'balances in kWh and money' : `OFF BY ${off.map((r) => `${r.difference} ${r.unit}`).join(', ')}`}`,
  );
  const proofs = [...report.revenue, ...report.unbilled].filter((r) => Number(r.difference) !== 0).length + report.erpTotals.filter((t) => Number(t.difference) !== 0).length;
  lines.push(`Proofs: revenue of ${report.revenue.length} accounts and cost centers, unbilled receivable, ${report.erpTotals.length} ERP totals: ${proofs === 0 ? 'all agree' : `${proofs} DIFFER`}`);
  lines.push(`Ledger: ${report.ledger.map((l) => `${l.unit} ${l.rest === '0' ? 'sums to zero' : `OFF BY ${l.rest}`}`).join(', ')}`);
  return lines;
}

/** Wh as kWh with all three decimals. */
function kWh(wh: string): string {
  const sign = wh.startsWith('-') ? '-' : '';
  const digits = wh.replace('-', '').padStart(4, '0');
  return `${sign}${digits.slice(0, -3)}.${digits.slice(-3)}`;
}
