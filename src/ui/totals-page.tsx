import { link, monthName, runPath, words } from './format.ts';
import { Count, Figure, Kwh, Money, Pager, Table } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';

type Props = {
  readonly viewer: Viewer;
  readonly run: { readonly runId: string; readonly period: string };
  readonly by: string;
  readonly dimensions: readonly string[];
  readonly totals: readonly {
    readonly value: string | null;
    readonly name: string | null;
    readonly side: string;
    readonly currency: string;
    readonly documents: number;
    readonly lines: number;
    readonly net: string;
    readonly energyWh: string;
  }[];
  readonly firstPage: string | null;
  readonly nextPage: string | null;
};

/** What a run's documents come to by one dimension of their lines. */
export function TotalsPage({ viewer, run, by, dimensions, totals, firstPage, nextPage }: Props) {
  const path = `${runPath(run.runId)}/totals`;
  return (
    <Shell
      title={`Totals by ${words(by)}, ${monthName(run.period)}`}
      viewer={viewer}
      trail={[
        ['/', 'Runs'],
        [runPath(run.runId), monthName(run.period)],
      ]}
    >
      <nav class="tabs" aria-label="By what">
        {dimensions.map((d) => (
          <a href={link(path, { by: d })} {...(d === by ? { 'aria-current': 'page' } : {})}>
            {words(d)}
          </a>
        ))}
      </nav>
      <p>Lines of the documents as they stand: net and energy. VAT belongs to whole documents.</p>
      {totals.length === 0 ? (
        <p>There are no documents yet.</p>
      ) : (
        <Table
          label={`Totals by ${words(by)}`}
          head={
            <>
              <th scope="col">{words(by).replace(/^[a-z]/, (letter) => letter.toUpperCase())}</th>
              <th scope="col">Billed or owed</th>
              <Figure>Documents</Figure>
              <Figure>Lines</Figure>
              <Figure>kWh</Figure>
              <Figure>Net</Figure>
              <th scope="col">Currency</th>
            </>
          }
        >
          {totals.map((t) => (
            <tr>
              <td>
                {by === 'account' && t.value !== null ? (
                  <a href={link(`${runPath(run.runId)}/documents`, { account: t.value })}>{t.name ?? t.value}</a>
                ) : (
                  (t.name ?? (t.value === null ? 'none' : by === 'strategy' ? words(t.value) : t.value))
                )}
                {t.name === null ? null : <div class="hint">{t.value}</div>}
              </td>
              <td>{t.side}</td>
              <Count n={t.documents} />
              <Count n={t.lines} />
              <Kwh wh={t.energyWh} />
              <Money amount={t.net} />
              <td>{t.currency}</td>
            </tr>
          ))}
        </Table>
      )}
      <Pager first={firstPage} next={nextPage} />
    </Shell>
  );
}
