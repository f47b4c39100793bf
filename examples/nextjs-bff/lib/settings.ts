import { join } from 'node:path';

/** Addresses and files; the defaults are those of start.mjs. */
export const settings = {
  /** The BFF as browsers see it. */
  origin: process.env.ORIGIN ?? 'http://127.0.0.1:8030',
  issuer: process.env.ISSUER ?? 'http://localhost:8033',
  clientId: process.env.CLIENT_ID ?? 'shop-bff',
  clientSecret: process.env.CLIENT_SECRET ?? '',
  /**
   * With `offline_access`, refresh tokens outlive the session at the provider; without, they end with it (OpenID Connect
   * Core §11, Back-Channel Logout §2.7).
   */
  scope: process.env.SCOPE ?? 'openid',
  /** What access tokens are for (RFC 8707). */
  resource: 'https://shop.example.com/api',
  /** Encrypt the cookies: the first secret seals, all open. */
  secrets: (process.env.SESSION_SECRETS ?? '').split(','),
  services: {
    ...(process.env.ORDERS_URL !== undefined && { orders: process.env.ORDERS_URL }),
    ...(process.env.STOCK_URL !== undefined && { stock: process.env.STOCK_URL }),
  },
  kongYml: process.env.KONG_YML ?? join(process.cwd(), 'kong.yml'),
  signingKeys: process.env.SIGNING_KEYS ?? join(process.cwd(), 'signing-keys.json'),
  loggedOut: process.env.LOGGED_OUT ?? '/tmp/nextjs-bff/logged-out.json',
};
