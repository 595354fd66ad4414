import { Shell, type Viewer } from './shell.tsx';

export type Refusal = {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Of a form: what is wrong, by the name of its field. */
  readonly fields?: Readonly<Record<string, string>>;
};

/** What the API refused, in its own words. */
export const RefusalBox = ({ refusal }: { readonly refusal: Refusal }) => (
  <div class="refusal" role="alert">
    <strong>Refused.</strong> {refusal.detail} <small>({refusal.code})</small>
  </div>
);

/** A page that cannot be shown, and why. */
export function ProblemPage({ refusal, requestId, viewer }: { readonly refusal: Refusal; readonly requestId: string; readonly viewer?: Viewer | undefined }) {
  const title = refusal.status === 404 ? 'Not found' : refusal.status === 403 ? 'Not allowed' : refusal.status >= 500 ? 'Something went wrong' : 'Refused';
  return (
    <Shell title={title} viewer={viewer}>
      <div class="refusal" role="alert">
        {refusal.detail} <small>({refusal.code})</small>
      </div>
      <p>
        <a href="/">Back to the runs</a>. Request <code>{requestId}</code>.
      </p>
    </Shell>
  );
}
