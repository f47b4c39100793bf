/** Where plain http: needs no permission: the traffic does not leave the machine. */
export const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\])$/;

/** Whether a host is this machine, by its text. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * Returns what makes a URL unfit to fetch keys from, or `null`: it must be absolute, without user name, password and
 * fragment, and https: unless it is on this machine or `allowHttp`. It looks at the text only; to what address a name
 * leads is for whoever connects to check.
 */
export function keyUrlProblem(text: string, allowHttp: boolean): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  // The URL parser mends a lot: blanks around the text, "https:host", backslashes. What was meant is then a guess.
  if (url === null || !/^https?:\/\/[^\s\\]+$/.test(text)) return 'must be an absolute https:// URL';
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or a password';
  if (text.includes('#')) return 'must not have a fragment';
  if (url.protocol === 'https:' || allowHttp || isLoopback(url.hostname)) return null;
  return 'must be https: unless it is on this machine, or key_fetch.allow_http is true (unsafe)';
}
