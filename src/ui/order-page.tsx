import { type Refusal, RefusalBox } from './problem-page.tsx';
import { Shell, type Viewer } from './shell.tsx';

export type Field = {
  readonly name: string;
  readonly label: string;
  /** `shown`: read, not typed; it goes with the form. */
  readonly kind: 'text' | 'long' | 'choice' | 'date' | 'dateTime' | 'hidden' | 'shown';
  readonly required?: boolean;
  readonly hint?: string;
  readonly choices?: readonly (readonly [value: string, text: string])[];
  /** Stands beside its neighbour, where there is room. */
  readonly half?: boolean;
  /** What fields belong to that follow one another; they may all stay empty. */
  readonly group?: { readonly name: string; readonly about: string };
};
export type OrderForm = {
  readonly title: string;
  /** What it does, before anything is typed. */
  readonly explain: string;
  /** What it is about, as pairs: shown beside the form and again for confirmation. */
  readonly about: readonly (readonly [string, string])[];
  /** What has changed meanwhile and will be refused. */
  readonly attention?: string | undefined;
  readonly fields: readonly Field[];
  readonly verb: string;
  readonly trail: readonly (readonly [string, string])[];
};
export type Values = Readonly<Record<string, string>>;
type Props = {
  readonly viewer: Viewer;
  readonly form: OrderForm;
  readonly path: string;
  readonly values: Values;
  readonly onceKey: string;
  readonly refusal?: Refusal | undefined;
};

/** The form of an order; after a refusal it keeps what was typed. */
export function OrderPage({ viewer, form, path, values, onceKey, refusal }: Props) {
  return (
    <Shell title={form.title} viewer={viewer} trail={form.trail}>
      {refusal === undefined ? null : <RefusalBox refusal={refusal} />}
      <Attention form={form} />
      <p>{form.explain}</p>
      <About form={form} />
      <form class="card" method="post" action={path}>
        <Hidden viewer={viewer} onceKey={onceKey} />
        {inGroups(form.fields).map((fields) => (
          <Group fields={fields} values={values} wrong={refusal?.fields ?? {}} />
        ))}
        <div class="buttons">
          <button type="submit" name="step" value="check">
            Continue
          </button>
          <Back form={form} />
        </div>
      </form>
    </Shell>
  );
}

/** The order once more in full, or as `shown`, to be confirmed. */
export function ConfirmPage({ viewer, form, path, values, onceKey, shown = inFull(form, values) }: Props & { readonly shown?: OrderForm['about'] | undefined }) {
  return (
    <Shell title={`${form.title}: is this right?`} viewer={viewer} trail={form.trail}>
      <Attention form={form} />
      <p>{form.explain}</p>
      <form class="card" method="post" action={path}>
        <Hidden viewer={viewer} onceKey={onceKey} />
        {form.fields.map((f) => (
          <input type="hidden" name={f.name} value={values[f.name] ?? ''} />
        ))}
        <dl class="facts">
          {[...form.about, ...shown].map(([term, value]) => (
            <div>
              <dt>{term}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        <div class="buttons">
          <button type="submit" name="step" value="carryOut">
            {form.verb}
          </button>
          <button type="submit" name="step" value="edit" class="quiet">
            Change it
          </button>
          <Back form={form} />
        </div>
      </form>
    </Shell>
  );
}

const inFull = (form: OrderForm, values: Values): OrderForm['about'] =>
  form.fields.filter((f) => f.kind !== 'hidden' && (values[f.name] ?? '') !== '').map((f) => [f.label, f.choices?.find(([value]) => value === values[f.name])?.[1] ?? values[f.name] ?? '']);

const inGroups = (fields: readonly Field[]): readonly Field[][] => {
  const groups: Field[][] = [];
  for (const field of fields) {
    const last = groups.at(-1);
    if (last !== undefined && last[0]?.group === field.group) last.push(field);
    else groups.push([field]);
  }
  return groups;
};

function Group({ fields, values, wrong }: { readonly fields: readonly Field[]; readonly values: Values; readonly wrong: Readonly<Record<string, string>> }) {
  const group = fields[0]?.group;
  const inputs = fields.map((field) => <Input field={field} value={values[field.name] ?? ''} wrong={wrong[field.name]} />);
  if (group === undefined) return <div class="fields">{inputs}</div>;
  return (
    <fieldset>
      <legend>{group.name}</legend>
      <p class="hint">{group.about}</p>
      <div class="fields">{inputs}</div>
    </fieldset>
  );
}

const Attention = ({ form }: { readonly form: OrderForm }) => (form.attention === undefined ? null : <p class="refusal">{form.attention}</p>);

const Hidden = ({ viewer, onceKey }: { readonly viewer: Viewer; readonly onceKey: string }) => (
  <>
    <input type="hidden" name="csrf" value={viewer.csrf} />
    <input type="hidden" name="onceKey" value={onceKey} />
  </>
);

const Back = ({ form }: { readonly form: OrderForm }) => {
  const last = form.trail.at(-1);
  return last === undefined ? null : <a href={last[0]}>Leave it</a>;
};

const About = ({ form }: { readonly form: OrderForm }) =>
  form.about.length === 0 ? null : (
    <dl class="facts">
      {form.about.map(([term, value]) => (
        <div>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );

function Input({ field, value, wrong }: { readonly field: Field; readonly value: string; readonly wrong: string | undefined }) {
  const { name, label, kind, required = false, hint, choices = [], half = false } = field;
  if (kind === 'hidden') return <input type="hidden" name={name} value={value} />;
  if (kind === 'shown') {
    return (
      <p class="field">
        <input type="hidden" name={name} value={value} />
        <strong>{label}</strong> <code>{value}</code>
      </p>
    );
  }
  const id = `field-${name}`;
  const notes = [...(wrong === undefined ? [] : [`${id}-wrong`]), ...(hint === undefined ? [] : [`${id}-hint`])];
  const described = { ...(notes.length === 0 ? {} : { 'aria-describedby': notes.join(' ') }), ...(wrong === undefined ? {} : { 'aria-invalid': 'true' as const }) };
  return (
    <div class={half ? 'field half' : 'field'}>
      <label for={id}>
        {label}
        {required || kind === 'choice' || field.group !== undefined ? null : <small> (may stay empty)</small>}
      </label>
      {kind === 'long' ? (
        <textarea id={id} name={name} rows={3} maxlength={2000} required={required} {...described}>
          {value}
        </textarea>
      ) : kind === 'choice' ? (
        <select id={id} name={name} required={required} {...described}>
          {choices.map(([choice, text]) => (
            <option value={choice} selected={choice === value}>
              {text}
            </option>
          ))}
          {value === '' || choices.some(([choice]) => choice === value) ? null : (
            <option value={value} selected>
              {value}: no longer offered
            </option>
          )}
        </select>
      ) : (
        <input id={id} name={name} type={kind === 'dateTime' ? 'datetime-local' : kind === 'date' ? 'date' : 'text'} value={value} required={required} autocomplete="off" {...described} />
      )}
      {wrong === undefined ? null : (
        <p class="wrong" id={`${id}-wrong`}>
          {wrong}
        </p>
      )}
      {hint === undefined ? null : (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
