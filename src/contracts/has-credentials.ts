/** Whether a URL names a user or a password: fetch makes no request of it, and quotes all of it where it says so. */
export function hasCredentials(url: string): boolean {
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
}
