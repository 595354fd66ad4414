import { type IssueCode, remedyOf } from '../core/issues.ts';
import { link, words } from './format.ts';
import { Count, Figure, Kwh, State, Table } from './parts.tsx';

export type WaitingRecords = { readonly state: string; readonly code: string | null; readonly records: number; readonly energyWh: string; readonly signed: number };

/** Records of a run's months that are not billed as they are. */
export function Waiting({ run }: { readonly run: { readonly waiting: readonly WaitingRecords[] } }) {
  if (run.waiting.length === 0) return null;
  return (
    <section aria-labelledby="waiting">
      <h2 id="waiting">Records parked or waiting</h2>
      <p>Records of its months that are not billed as they are. Before the close each is decided, or signed to be carried.</p>
      <Table
        label="Records parked or waiting"
        head={
          <>
            <th scope="col">State</th>
            <th scope="col">Cause and remedy</th>
            <Figure>Records</Figure>
            <Figure>kWh</Figure>
            <Figure>Signed to carry</Figure>
          </>
        }
      >
        {run.waiting.map((w) => (
          <tr>
            <td>
              <State code={w.state} />
            </td>
            <td>
              {w.code === null ? (
                'no cause'
              ) : (
                <>
                  <a href={link('/quarantine/records', { cause: w.code })}>{words(w.code)}</a>
                  <div class="hint">{remedyOf(w.code as IssueCode)}</div>
                </>
              )}
            </td>
            <Count n={w.records} />
            <Kwh wh={w.energyWh} />
            <Count n={w.signed} />
          </tr>
        ))}
      </Table>
    </section>
  );
}
