import { join } from 'node:path';
import { runScript } from './running-process';
import type { KeycloakUser } from './keycloak-realm';
import type { Keycloak } from './keycloak';

const SCRIPT = join(__dirname, '../../examples/nextjs-bff/identity-provider.mjs');

/** Somebody whom the providers of the example know; carol is an administrator. */
export type ShopUser = KeycloakUser;

/** Where users of the example sign in. */
export interface ShopProvider {
  readonly issuer: string;
  /** Settings of the example, beside its addresses. */
  readonly settings: Readonly<Record<string, string>>;
  /** Returns the example's kong.yml for this provider. */
  kongYml(text: string): string;
  /** What `sub` says of a user. */
  idOf(user: ShopUser): string;
  /** How often the tokens of a session were renewed until now. */
  renewals(): Promise<number>;
  /** Makes access tokens too long for cookies, from now on; where the provider can be told to. */
  readonly lengthenTokens?: () => Promise<void>;
  stop(): Promise<void>;
}

/** Starts a provider for the example at `origin`, whose access tokens live for `tokenSeconds`. */
export type StartShopProvider = (origin: string, tokenSeconds: number) => Promise<ShopProvider>;

/** Starts the provider that comes with the example (oidc-provider). */
export const startOidcProvider: StartShopProvider = async (origin, tokenSeconds) => {
  const secret = 'of a client in specs';
  const running = runScript(SCRIPT, ['0', origin, String(tokenSeconds)], {
    CLIENT_SECRET: secret,
    NODE_ENV: 'production',
  });
  const [, port = ''] = await running.printed(/provider listens on (\d+)/);
  const issuer = `http://localhost:${port}`;
  const count = (line: string): number => running.output().split(line).length - 1;
  return {
    issuer,
    settings: { CLIENT_SECRET: secret },
    idOf: (user) => user,
    kongYml: (text) => text.replaceAll('http://localhost:8033', issuer),
    // What it printed before it printed an answer to this.
    renewals: async () => {
      const before = count('GET /token');
      await fetch(`${issuer}/token`);
      while (count('GET /token') === before) await new Promise((resolve) => setTimeout(resolve, 20));
      return count('POST /token');
    },
    stop: async () => {
      running.process.kill();
      await running.ended;
    },
  };
};

/** Returns what makes a realm of a running Keycloak for the example, as docs/providers/keycloak.md describes it. */
export function inKeycloak(keycloak: () => Keycloak): StartShopProvider {
  return async (origin, tokenSeconds) => {
    const name = `shop-${tokenSeconds}`;
    const realm = await keycloak().importRealm('localhost', { realm: name, shop: origin, tokenSeconds });
    const entry = { provider: 'keycloak', issuer: realm.issuer, audiences: ['orders-api'] };
    return {
      issuer: realm.issuer,
      settings: { CLIENT_ID: 'shop-bff', CLIENT_SECRET: 'shop-bff-secret' },
      kongYml: (text) => text.replace(/- issuer: http:\/\/localhost:8033\n( {8}.*\n)+/, `- ${JSON.stringify(entry)}\n`),
      idOf: (user) => realm.idOf(user),
      renewals: () => realm.renewals(),
      lengthenTokens: () => realm.lengthenTokens('shop-bff'),
      stop: () => Promise.resolve(),
    };
  };
}
