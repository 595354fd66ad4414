/** How many pages a PDF of ours has: the count of its page tree, which the writer leaves uncompressed. Throws RangeError on another file. */
export function pageCount(pdf: Buffer): number {
  const count = /\/Type \/Pages\s+\/Count (\d+)/.exec(pdf.toString('latin1'))?.[1];
  if (count === undefined) throw new RangeError('not a PDF that was rendered here');
  return Number(count);
}
