import { type Refusal, RefusalBox } from './problem-page.tsx';
import { Shell } from './shell.tsx';

/** Where an API key is given for a session; `next` is the page that was asked for. */
export function SignInPage({ next, refusal }: { readonly next: string; readonly refusal?: Refusal | undefined }) {
  return (
    <Shell title="Sign in">
      {refusal === undefined ? null : <RefusalBox refusal={refusal} />}
      <form class="card" method="post" action="/sign-in">
        <input type="hidden" name="next" value={next} />
        <label for="key">API key</label>
        <input id="key" name="key" type="password" autocomplete="current-password" required aria-describedby="key-hint" />
        <p class="hint" id="key-hint">
          The same key the API takes; its roles decide what you can do here. With the sample operator, npm start prints keys for each role.
        </p>
        <button type="submit">Sign in</button>
      </form>
    </Shell>
  );
}
