/** Whether a URL names a user or a password: fetch makes no request of it, and quotes all of it where it says so. Not of what is no URL. */
export function hasCredentials(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
}
