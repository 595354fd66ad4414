import { Problem } from './problem.ts';

/** Refuses a body that is compressed, by its Content-Encoding: nothing here unpacks one, and its bytes would be taken for what they hold. */
export function refuseEncoded(contentEncoding: string | undefined): void {
  if (contentEncoding === undefined || /^\s*(identity)?\s*$/i.test(contentEncoding)) return;
  throw new Problem(415, 'unsupportedEncoding', `Send the body as it is: Content-Encoding "${contentEncoding}" is not taken here, and nothing was kept.`);
}
