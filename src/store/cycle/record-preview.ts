import { cellsOf, type PreviewCell } from '../../core/cycle/preview-cells.ts';
import { groupBy } from '../../core/group-by.ts';
import { isFeeRole } from '../../core/period/period-charge.ts';
import { bool, int4, int8, text } from '../binary.ts';
import { type CopyTable, column, copyIn, RowsWriter, type TableRows } from '../copy-in.ts';
import type { Db } from '../db.ts';
import type { Lanes } from '../lanes.ts';
import type { MadeDocuments } from './make-documents.ts';
import type { SummedCharges } from './summed-charges.ts';

type AccountRow = {
  readonly accountId: string;
  readonly currency: string;
  readonly documents: number;
  readonly netMinor: bigint;
  readonly vatMinor: bigint;
  readonly roundingMinor: bigint;
  readonly energyWh: bigint;
  readonly lines: number;
  readonly sessions: number;
  readonly strategy: string;
};
type CellRow = { readonly accountId: string; readonly cellNo: number; readonly cell: PreviewCell };

/** What accounts of a run came to, kept as the rows it is stored in. */
export type AccountPreviews = readonly TableRows[];
/** The run, its month, and the build that these accounts are of, should it become one. */
export type BuildRef = {
  readonly runId: string;
  /** Sessions of a month before it are late. */
  readonly firstMonth: string;
  readonly build: number;
  /** What accounts come to is stored with their documents. */
  readonly withChunks: boolean;
};

/** The build that comes next. The first of a run, which is one whatever it comes to, is stored with the chunks that are built in lanes: what a lost one left is taken away. */
export async function nextBuild(db: Db, runId: string, side: Lanes): Promise<BuildRef> {
  const { rows } = await db.query<{ firstMonth: string; build: number }>(
    'SELECT r.first_month AS "firstMonth", coalesce((SELECT max(build) FROM preview_build b WHERE b.run_id = r.id), 0) + 1 AS build FROM billing_run r WHERE r.id = $1',
    [runId],
  );
  if (rows[0] === undefined) throw new RangeError(`no run "${runId}"`);
  const withChunks = side.width > 1 && rows[0].build === 1;
  // Before any lane stores the same.
  if (withChunks) await side.tx((own) => own.query('SELECT drop_lost_previews($1)', [runId]));
  return { runId, ...rows[0], withChunks };
}

type Account = { readonly id: string; readonly currency: string; readonly strategy: string };

/**
 * What accounts came to that were just built, in each currency: totals of their documents, and their charges summed by what a comparison or a
 * rule tells apart. An account without a document gets a row too: it may have had one in the build before.
 */
export class PreviewWriter {
  readonly #ref: BuildRef;
  readonly #accounts: RowsWriter<AccountRow>;
  readonly #cells: RowsWriter<CellRow>;

  constructor(ref: BuildRef) {
    this.#ref = ref;
    this.#accounts = new RowsWriter(accountTable(ref));
    this.#cells = new RowsWriter(cellTable(ref));
  }

  /** `leftOut`: fees of the accounts that are left out. */
  add(accounts: readonly Account[], made: MadeDocuments, leftOut: ReadonlyMap<string, readonly PreviewCell[]>): void {
    const documentsOf = groupBy(made.documents, (d) => d.accountId);
    const chargesOf = groupBy(made.charges, (c) => c.accountId);
    const held = new Set(made.held.flatMap((h) => h.chargeIds));
    for (const account of accounts) {
      const isParked = made.parked.has(account.id);
      const isHeld = (c: SummedCharges) => isParked || (held.size > 0 && c.chargeIds.some((id) => held.has(id)));
      const charges = chargesOf.get(account.id) ?? [];
      const documents = documentsOf.get(account.id) ?? [];
      // What is too small to be billed never was on a document, nor would it be without an exclusion; fees that are held are among those left out.
      const own = charges.filter((c) => !(c.disposition === 'excluded' && c.isSmall) && !(c.isDraft && isFeeRole(c.role) && isHeld(c)));
      const cells = cellsOf([
        ...own.map((c) => cellOf(c, this.#ref.firstMonth, c.disposition !== 'document' || isHeld(c))),
        ...(leftOut.get(account.id) ?? []),
        ...documents.flatMap((d) => d.value.lines.flatMap((l) => manualCell(l, d.currency))),
      ]);
      const currencies = new Set([...documents, ...cells].map((part) => part.currency));
      for (const currency of currencies.size === 0 ? [account.currency] : currencies) this.#accounts.add(totalsOf(account, currency, documents, charges, isHeld));
      for (const [i, cell] of cells.entries()) this.#cells.add({ accountId: account.id, cellNo: i + 1, cell });
    }
  }

  finish(): AccountPreviews {
    return [this.#accounts.finish(), this.#cells.finish()];
  }
}

function totalsOf({ id: accountId, strategy }: Account, currency: string, of: MadeDocuments['documents'], charges: readonly SummedCharges[], isHeld: (c: SummedCharges) => boolean): AccountRow {
  const documents = of.filter((d) => d.currency === currency);
  const sum = (of: (value: (typeof documents)[number]['value']) => bigint) => documents.reduce((total, d) => total + of(d.value), 0n);
  const sessions = new Set<string>();
  for (const c of charges) if (c.currency === currency && c.disposition === 'document' && !isHeld(c)) c.addRecords(sessions);
  return {
    accountId,
    currency,
    documents: documents.length,
    netMinor: sum((v) => v.netMinor),
    vatMinor: sum((v) => v.vatMinor),
    roundingMinor: sum((v) => v.roundingMinor),
    energyWh: sum((v) => v.energyWh),
    lines: documents.reduce((n, d) => n + d.value.lines.length, 0),
    sessions: sessions.size,
    strategy,
  };
}

/** Keeps accounts just built as the next build of the run, if it is one: their rows too, unless their chunks were stored with them. */
export async function recordPreview(db: Db, { runId, build, withChunks }: BuildRef, previews: readonly AccountPreviews[], contentHash: string): Promise<void> {
  // Parked accounts are tried again with every build: that alone makes no new one.
  const made = await db.query(
    // Under the lock: a build that waited for an approval began before it.
    `INSERT INTO preview_build (run_id, build, content_hash, built_at) SELECT $1, $2, decode($3, 'hex'), clock_timestamp()
     WHERE (SELECT content_hash FROM preview_build WHERE run_id = $1 ORDER BY build DESC LIMIT 1) IS DISTINCT FROM decode($3, 'hex')`,
    [runId, build, contentHash],
  );
  if (made.rowCount === 0 || withChunks) return;
  for (const rows of previews) await copyIn(db, rows);
}

function cellOf(c: SummedCharges, firstMonth: string, excluded: boolean): PreviewCell {
  return {
    nature: c.ofMonth ? 'period' : c.isCorrection ? 'correction' : c.serviceMonth < firstMonth ? 'late' : 'sale',
    excluded,
    role: c.role,
    component: c.component,
    unitPrice: c.unitPrice,
    tariffVersionId: c.tariffVersionId,
    siteId: c.siteId,
    vatCode: c.vatCode,
    currency: c.currency,
    quantity: c.quantity,
    netMinor: c.netMinor,
    energyWh: c.energyWh,
    charges: c.chargeHashes.length,
    unsharedMinor: c.isUnshared && !excluded ? c.netMinor : 0n,
  };
}

function manualCell(line: MadeDocuments['documents'][number]['value']['lines'][number], currency: string): PreviewCell[] {
  if (line.kind !== 'adjustment') return [];
  const { adjustmentId, vatCode, quantity, netMinor, energyWh } = line;
  return [
    {
      nature: 'manual',
      excluded: false,
      role: 'adjustment',
      component: adjustmentId ?? '',
      unitPrice: '',
      tariffVersionId: null,
      siteId: null,
      vatCode,
      currency,
      quantity,
      netMinor,
      energyWh,
      charges: 1,
      unsharedMinor: 0n,
    },
  ];
}

const accountTable = ({ runId, build }: BuildRef): CopyTable<AccountRow> => ({
  name: 'preview_account',
  columns: [
    column('run_id', text, () => runId),
    column('account_id', text, (r) => r.accountId),
    column('build', int4, () => build),
    column('currency', text, (r) => r.currency),
    column('documents', int4, (r) => r.documents),
    column('net_minor', int8, (r) => r.netMinor),
    column('vat_minor', int8, (r) => r.vatMinor),
    column('rounding_minor', int8, (r) => r.roundingMinor),
    column('energy_wh', int8, (r) => r.energyWh),
    column('lines', int4, (r) => r.lines),
    column('sessions', int4, (r) => r.sessions),
    column('strategy', text, (r) => r.strategy),
  ],
});

const cellTable = ({ runId, build }: BuildRef): CopyTable<CellRow> => ({
  name: 'preview_cell',
  columns: [
    column('run_id', text, () => runId),
    column('account_id', text, (r) => r.accountId),
    column('build', int4, () => build),
    column('cell_no', int4, (r) => r.cellNo),
    column('nature', text, (r) => r.cell.nature),
    column('excluded', bool, (r) => r.cell.excluded),
    column('role', text, (r) => r.cell.role),
    column('component', text, (r) => r.cell.component),
    column('unit_price', text, (r) => r.cell.unitPrice),
    column('tariff_version_id', text, (r) => r.cell.tariffVersionId),
    column('site_id', text, (r) => r.cell.siteId),
    column('vat_code', text, (r) => r.cell.vatCode),
    column('currency', text, (r) => r.cell.currency),
    column('quantity', int8, (r) => r.cell.quantity),
    column('net_minor', int8, (r) => r.cell.netMinor),
    column('energy_wh', int8, (r) => r.cell.energyWh),
    column('charges', int4, (r) => r.cell.charges),
    column('unshared_minor', int8, (r) => r.cell.unsharedMinor),
  ],
});

/** Account rows of a run, one per currency, as its newest build holds them, or as an earlier build did: `build` is a SQL expression, NULL for the newest. */
export const previewAccounts = (run: string, build = 'NULL::integer') =>
  `SELECT * FROM (SELECT *, max(build) OVER (PARTITION BY account_id) AS newest FROM preview_account WHERE run_id = ${run} AND (${build} IS NULL OR build <= ${build})) b WHERE build = newest`;
