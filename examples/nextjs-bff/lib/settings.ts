import { join } from 'node:path';

/** Addresses and files; the defaults are those of the demo (`npm start` in the repository) and of start.mjs. */
export const settings = {
  /** The BFF as browsers see it. */
  origin: process.env.ORIGIN ?? 'http://127.0.0.1:8030',
  kong: process.env.KONG_URL ?? 'http://127.0.0.1:8000',
  stock: process.env.STOCK_URL ?? 'http://127.0.0.1:8031',
  kongYml: process.env.KONG_YML ?? join(process.cwd(), 'kong.yml'),
  signingKeys: process.env.SIGNING_KEYS ?? join(process.cwd(), 'signing-keys.json'),
};
