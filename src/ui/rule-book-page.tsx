import { count, link } from './format.ts';
import { Facts, Table, When } from './parts.tsx';
import { changesBetween, heldSince, named, nowText, type Rule, type SaidVersion, saidText } from './rule-book.ts';
import { RuleTabs } from './rule-tabs.tsx';
import { Shell, type Viewer } from './shell.tsx';

type Entity = { readonly id: string; readonly name: string; readonly currency: string; readonly timeZone: string };
type Props = {
  readonly viewer: Viewer;
  readonly path: '/rules/previews' | '/rules/documents';
  readonly explain: string;
  readonly rules: readonly Rule[];
  readonly entity: Entity;
  readonly entities: readonly Entity[];
  /** Oldest first. */
  readonly versions: readonly SaidVersion[];
  readonly mayChange: boolean;
};

/** One kind of an entity's rules: what each means, what holds and since when, and every version. */
export function RuleBookPage(props: Props) {
  const { viewer, path, explain, entity, entities, versions, mayChange } = props;
  const present = versions.at(-1);
  const own = `${path}/${encodeURIComponent(entity.id)}`;
  return (
    <Shell title="Rules" viewer={viewer} trail={[['/', 'Runs']]}>
      <RuleTabs at={path} />
      {entities.length < 2 ? null : (
        <nav class="tabs" aria-label="Entity">
          {entities.map((e) => (
            <a href={link(path, { entity: e.id })} {...(e.id === entity.id ? { 'aria-current': 'page' } : {})}>
              {e.name}
            </a>
          ))}
        </nav>
      )}
      <p>{explain}</p>
      <Facts
        items={[
          ['Entity', entity.name],
          ['Holds', present === undefined ? 'the defaults' : `version ${present.version}`],
          ['Otherwise than by default', count(Object.keys(present?.said ?? {}).length, 'setting')],
          ...(present === undefined ? [] : [['Set', <When at={present.madeAt} timeZone={entity.timeZone} />] as const, ['Set by', present.author] as const, ['Reason', present.reason] as const]),
        ]}
      />
      {mayChange ? (
        <nav class="buttons" aria-label="What you can do">
          <a class="button" href={`${own}/change`}>
            Change several
          </a>
          {Object.keys(present?.said ?? {}).length === 0 ? null : (
            <a class="button" href={`${own}/reset`}>
              Back to the defaults
            </a>
          )}
        </nav>
      ) : null}
      <Rules {...props} own={own} />
      <h2 id="versions">Versions</h2>
      {versions.length === 0 ? <p>Nobody has set anything: the defaults hold.</p> : <Versions {...props} />}
    </Shell>
  );
}

function Rules({ rules, entity, versions, mayChange, own }: Props & { readonly own: string }) {
  const said = versions.at(-1)?.said ?? {};
  const since = heldSince(rules, versions);
  return (
    <Table
      label="Rules"
      head={
        <>
          <th scope="col">Rule</th>
          <th scope="col">Setting</th>
          <th scope="col">Holds now</th>
          <th scope="col">Default</th>
          <th scope="col">Since</th>
        </>
      }
    >
      {rules.map((rule) =>
        rule.settings.map((setting, i) => {
          const from = since.get(setting.path);
          const now = said[setting.path];
          return (
            <tr>
              {i > 0 ? null : (
                <td rowspan={rule.settings.length} id={rule.key} class="rule">
                  <strong>{named(rule.name)}</strong> {mayChange ? <a href={`${own}/change?rule=${encodeURIComponent(rule.key)}`}>change</a> : null}
                  <div class="hint">{rule.about}</div>
                </td>
              )}
              <td>{setting.label}</td>
              <td class="nowrap">{now === undefined ? saidText(setting, setting.byDefault, entity.currency) : <strong>{saidText(setting, now, entity.currency)}</strong>}</td>
              <td class="nowrap hint">{now === undefined ? 'the same' : saidText(setting, setting.byDefault, entity.currency)}</td>
              <td>
                {from === undefined ? (
                  '-'
                ) : (
                  <>
                    <span class="nowrap">
                      version {from.version}, {from.author}
                    </span>
                    <div class="hint">{from.reason}</div>
                  </>
                )}
              </td>
            </tr>
          );
        }),
      )}
    </Table>
  );
}

function Versions({ rules, entity, versions }: Props) {
  return (
    <Table
      label="Versions"
      head={
        <>
          <th scope="col">Version</th>
          <th scope="col">Set</th>
          <th scope="col">By</th>
          <th scope="col">Reason</th>
          <th scope="col">What it changed</th>
        </>
      }
    >
      {versions.toReversed().map((version) => {
        const changes = changesBetween(rules, versions[version.version - 2]?.said ?? {}, version.said);
        return (
          <tr>
            <td>{version.version}</td>
            <td>
              <When at={version.madeAt} timeZone={entity.timeZone} />
            </td>
            <td>{version.author}</td>
            <td>{version.reason}</td>
            <td>
              {changes.length === 0 ? (
                'nothing'
              ) : (
                <ul class="causes">
                  {changes.map(({ rule, setting, from, to }) => (
                    <li>
                      {named(rule.name)}, {setting.label}: {nowText(setting, from, entity.currency)} → {nowText(setting, to, entity.currency)}
                    </li>
                  ))}
                </ul>
              )}
            </td>
          </tr>
        );
      })}
    </Table>
  );
}
