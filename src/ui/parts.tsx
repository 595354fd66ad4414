import type { Child } from 'hono/jsx';
import { grouped, kWh, localTime, words } from './format.ts';

/** Cells of a table: figures stand right-aligned in tabular digits. */
export const Money = ({ amount }: { readonly amount: string }) => <td class="figure">{grouped(amount)}</td>;
export const Kwh = ({ wh }: { readonly wh: string }) => <td class="figure">{kWh(wh)}</td>;
export const Count = ({ n }: { readonly n: number }) => <td class="figure">{grouped(String(n))}</td>;
export const Figure = ({ children }: { readonly children?: Child }) => (
  <th scope="col" class="figure">
    {children}
  </th>
);

/** Local time of a zone, with the zone's name. */
export const When = ({ at, timeZone }: { readonly at: string; readonly timeZone: string }) => (
  <time datetime={at}>
    {localTime(at, timeZone)} <small>{timeZone}</small>
  </time>
);

const tones: Readonly<Record<string, string>> = {
  inReview: 'waits',
  quarantined: 'waits',
  parked: 'waits',
  blocks: 'bad',
  warns: 'waits',
  paused: 'waits',
  draft: 'plain',
  frozen: 'plain',
  queued: 'waits',
  closed: 'good',
  issued: 'good',
  booked: 'good',
  verified: 'good',
  approve: 'good',
  rejected: 'bad',
  failed: 'bad',
  bounced: 'bad',
  returned: 'bad',
  proposed: 'waits',
  requested: 'waits',
  approved: 'good',
  inForce: 'good',
  revoked: 'off',
  ended: 'off',
  expired: 'off',
  withdrawn: 'off',
  captured: 'good',
  refused: 'bad',
  withheld: 'waits',
  invited: 'waits',
  registered: 'good',
  sent: 'good',
  unregistered: 'off',
  reject: 'bad',
  cancelled: 'off',
};

/** A state in words; the colour only underlines it. */
export const State = ({ code }: { readonly code: string }) => <span class={`state ${tones[code] ?? 'plain'}`}>{words(code)}</span>;

export const Facts = ({ items }: { readonly items: readonly (readonly [string, Child])[] }) => (
  <dl class="facts">
    {items.map(([term, value]) => (
      <div>
        <dt>{term}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

/** A table that scrolls by itself where it is too wide, and can be reached by keyboard then. */
export const Table = ({ label, head, children }: { readonly label: string; readonly head: Child; readonly children?: Child }) => (
  <section class="scroll" tabindex={0} aria-label={label}>
    <table>
      <thead>
        <tr>{head}</tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </section>
);

export const Pager = ({ first, next }: { readonly first: string | null; readonly next: string | null }) =>
  first === null && next === null ? null : (
    <nav class="pager" aria-label="Pages">
      {first === null ? null : <a href={first}>First page</a>}
      {next === null ? null : (
        <a rel="next" href={next}>
          Next page
        </a>
      )}
    </nav>
  );
