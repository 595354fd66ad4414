import type { Issue } from '../core/issues.ts';
import type { Head } from '../store/intake/load-page.ts';
import type { RecordRow } from '../store/intake/page-book.ts';
import type { SpanRow } from '../store/intake/session-spans.ts';
import type { Outcome } from '../store/intake/write-page.ts';

/** What is to be done about one message; `head` is how the record stands afterwards. */
export type Verdict = {
  readonly outcome: Outcome;
  readonly issues: readonly Issue[];
  readonly head?: Head;
  readonly seal?: RecordRow;
  /** What is booked is to be reversed and nothing takes its place. */
  readonly unbook?: boolean;
  /** Where the session stands now; null takes it out of its neighbours' sight. */
  readonly span?: SpanRow | null;
};
