/** The URL of a list's first page: what was last updated in `[from, to)`; without `from` all that there is. */
export function firstPage(base: string, { from, to }: { readonly from: Date | undefined; readonly to: Date }, limit: number): string {
  const url = new URL(base);
  if (from !== undefined) url.searchParams.set('date_from', from.toISOString());
  url.searchParams.set('date_to', to.toISOString());
  url.searchParams.set('offset', '0');
  url.searchParams.set('limit', String(limit));
  return url.href;
}
