import type { z } from '@hono/zod-openapi';

const zodsOwn = /^(Invalid|Too (small|big))\b/;

/** What is wrong with a value of a request, for whoever typed it: a schema's own words, and others instead of zod's where it has none. */
export function plainWords(issue: z.core.$ZodIssue): string {
  return (zodsOwn.test(issue.message) ? othersFor(issue) : undefined) ?? issue.message;
}

function othersFor(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case 'too_small':
      if (issue.origin !== 'string') return undefined;
      return issue.minimum === 1 ? 'must not be empty' : `must have at least ${issue.minimum} characters`;
    case 'too_big':
      return issue.origin === 'string' ? `must have at most ${issue.maximum} characters` : undefined;
    case 'invalid_type':
      return issue.message.endsWith('received undefined') ? 'is missing' : undefined;
    case 'invalid_format':
      if (issue.format === 'date') return 'must be a day such as 2020-01-31';
      return issue.format === 'datetime' ? 'must be an instant such as 2020-01-31T23:00:00Z' : undefined;
    case 'invalid_value':
      return issue.values.length > 1 ? `must be one of ${issue.values.join(', ')}` : undefined;
    default:
      return undefined;
  }
}
