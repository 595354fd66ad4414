/** Something that looks wrong in a preview as it stands. `computed` and `limit` as in the sentence; money there in major units. */
export type RunFinding = {
  readonly findingId: string;
  readonly rule: string;
  readonly ruleVersion: number;
  /** Of the entity's own rules; 0: the defaults. */
  readonly rulesVersion: number;
  readonly severity: 'blocks' | 'warns' | 'info';
  readonly subject: string;
  readonly accountId: string | null;
  readonly documentId: string | null;
  readonly recordId: string | null;
  readonly computed: string | null;
  readonly limit: string | null;
  readonly text: string;
  readonly remedy: string;
  readonly foundAt: string;
  readonly signed: { readonly by: string; readonly reason: string; readonly at: string } | null;
};
