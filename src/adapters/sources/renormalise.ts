import type { ChargeFacts } from '../../contracts/charge-record.ts';
import type { Issue } from '../../core/issues.ts';
import { type FactDifference, factDifferences } from '../../core/normalise/fact-differences.ts';
import { sealableFacts } from '../../core/normalise/token-ref.ts';
import type { SourceContext, SourceParser } from './port.ts';

/** A stored message (`bytes` null: expunged) and the facts that were sealed from it. */
export type SealedMessage = { readonly bytes: Buffer | null; readonly context: SourceContext; readonly facts: ChargeFacts; readonly tokenSecret: Buffer };
export type Renormalised = { readonly status: 'same' | 'different' | 'unreadable' | 'expunged'; readonly differences: readonly FactDifference[]; readonly issues: readonly Issue[] };

/** Reads a message again with the parser as it is today, and compares with what was sealed, field by field. */
export function renormalise(parser: SourceParser, { bytes, context, facts, tokenSecret }: SealedMessage): Renormalised {
  if (bytes === null) return { status: 'expunged', differences: [], issues: [] };
  const present = parser.parse(bytes, context);
  if (!present.ok) return { status: 'unreadable', differences: [], issues: present.issues };
  const differences = factDifferences(facts, sealableFacts(present.facts, tokenSecret));
  return { status: differences.length === 0 ? 'same' : 'different', differences, issues: present.issues };
}
