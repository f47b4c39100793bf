/**
 * The cookie that keeps the token. `__Host-` makes browsers insist on Secure, no Domain and the path `/` (RFC 6265bis);
 * scripts cannot read it, and other sites cannot make a browser send it with anything but a link.
 */
export const SESSION_COOKIE = '__Host-session';

export const SESSION_OPTIONS = { httpOnly: true, secure: true, sameSite: 'lax', path: '/' } as const;
