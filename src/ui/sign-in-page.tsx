import { type Refusal, RefusalBox } from './problem-page.tsx';
import { Shell } from './shell.tsx';

/** What the key is called that comes with a form. */
export const resumeKey = 'signInKey';
type Props = {
  /** The page that was asked for, or of the form that was sent. */
  readonly next: string;
  /** What that form held: it is sent there with the key. */
  readonly typed?: Readonly<Record<string, string>>;
  readonly refusal?: Refusal | undefined;
};

/** Where an API key is given for a session. */
export function SignInPage({ next, typed, refusal }: Props) {
  return (
    <Shell title="Sign in">
      {refusal === undefined ? null : <RefusalBox refusal={refusal} />}
      <form class="card" method="post" action={typed === undefined ? '/sign-in' : next}>
        {Object.entries(typed ?? { next }).map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        <label for="key">API key</label>
        <input id="key" name={typed === undefined ? 'key' : resumeKey} type="password" autocomplete="current-password" required aria-describedby="key-hint" />
        <p class="hint" id="key-hint">
          The same key the API takes; its roles decide what you can do here. With the sample operator, npm start prints keys for each role.
        </p>
        <button type="submit">Sign in</button>
      </form>
    </Shell>
  );
}
