import { createHash, randomBytes } from 'node:crypto';
import { HttpBrowser } from './http-browser';

/** A user of examples/keycloak/realm.json. The password is the name. */
export type KeycloakUser = 'alice' | 'carol';

/** What a client gets for a code, or for its own secret. */
export interface KeycloakTokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token: string;
}

/** A user who logged in. */
export interface KeycloakLogin {
  readonly tokens: KeycloakTokens;
  /** Ends the session at Keycloak as the client asks for it, and returns where the browser is sent then. */
  readonly logOut: () => Promise<string>;
}

/** Asks the Admin API about one realm, and returns its answer. */
type Administer = (method: string, path: string, body?: unknown) => Promise<unknown>;

interface Component {
  readonly id: string;
  readonly providerId: string;
}

/** Clients that users log in at, with their redirect URIs. */
const CALLBACKS = {
  'shop-app': 'https://app.example.com/callback',
  newsletter: 'https://newsletter.example.com/callback',
} as const;

/** A realm of a real Keycloak, as examples/keycloak/realm.json describes it. */
export class KeycloakRealm {
  #priority = 100;

  private constructor(
    readonly issuer: string,
    private readonly admin: Administer,
    private readonly ids: ReadonlyMap<string, string>,
  ) {}

  /** Reads the ids of the users, which Keycloak has given. */
  static async open(issuer: string, admin: Administer): Promise<KeycloakRealm> {
    const users = (await admin('GET', '/users')) as { readonly username: string; readonly id: string }[];
    return new KeycloakRealm(issuer, admin, new Map(users.map(({ username, id }) => [username, id])));
  }

  /** What `sub` says of a user. */
  idOf(user: KeycloakUser): string {
    return this.ids.get(user) ?? '';
  }

  /** Logs a user in at a client, with the login page and a code. */
  async logIn(user: KeycloakUser, client: keyof typeof CALLBACKS = 'shop-app'): Promise<KeycloakLogin> {
    const callback = CALLBACKS[client];
    const browser = new HttpBrowser();
    const verifier = randomBytes(32).toString('base64url');
    const asked = new URLSearchParams({
      client_id: client,
      response_type: 'code',
      redirect_uri: callback,
      scope: 'openid',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    const { page } = await browser.open(this.#endpoint(`auth?${asked.toString()}`), callback);
    const [, action] = /<form[^>]* action="([^"]+)"/.exec(page) ?? [];
    if (action === undefined) throw new Error(`no form to log in:\n${page}`);
    const password = { username: user, password: user };
    const { url } = await browser.open(action.replaceAll('&amp;', '&'), callback, password);
    const tokens = await this.#token(client, {
      grant_type: 'authorization_code',
      code: new URL(url).searchParams.get('code') ?? '',
      redirect_uri: callback,
      code_verifier: verifier,
    });
    const logOut = async (): Promise<string> => {
      const end = 'https://app.example.com/';
      const query = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: end });
      return (await browser.open(this.#endpoint(`logout?${query.toString()}`), end)).url;
    };
    return { tokens, logOut };
  }

  /** The tokens of a client that calls on its own (client credentials). */
  clientTokens(client: 'importer' | 'newsletter'): Promise<KeycloakTokens> {
    return this.#token(client, { grant_type: 'client_credentials' });
  }

  /** Signs with a new key from now on. The old ones stay published. */
  async rotate(): Promise<void> {
    this.#priority += 1;
    await this.admin('POST', '/components', {
      name: `rsa-${this.#priority}`,
      providerId: 'rsa-generated',
      providerType: 'org.keycloak.keys.KeyProvider',
      config: { priority: [String(this.#priority)], enabled: ['true'], active: ['true'], algorithm: ['RS256'] },
    });
  }

  /** Deletes all signing keys but the one that was made last. */
  async forget(): Promise<void> {
    const all = (await this.admin('GET', '/components?type=org.keycloak.keys.KeyProvider')) as (Component & {
      readonly name: string;
    })[];
    const old = all.filter(
      ({ providerId, name }) => providerId === 'rsa-generated' && name !== `rsa-${this.#priority}`,
    );
    for (const { id } of old) await this.admin('DELETE', `/components/${id}`);
  }

  /** How often the tokens of a session were renewed until now, or should have been: a refusal counts, too. */
  async renewals(): Promise<number> {
    const events = await this.admin('GET', '/events?max=1000&type=REFRESH_TOKEN&type=REFRESH_TOKEN_ERROR');
    return (events as unknown[]).length;
  }

  /** From now on, access tokens of a client are too long for cookies, as those of people with many roles are. */
  async lengthenTokens(client: 'shop-bff'): Promise<void> {
    const [found] = (await this.admin('GET', `/clients?clientId=${client}`)) as { readonly id: string }[];
    const mappers = ['a', 'b', 'c', 'd'].map((name) => ({
      name,
      protocol: 'openid-connect',
      protocolMapper: 'oidc-hardcoded-claim-mapper',
      config: { 'claim.name': name, 'claim.value': 'x'.repeat(3000), 'access.token.claim': 'true' },
    }));
    await this.admin('POST', `/clients/${found?.id ?? ''}/protocol-mappers/add-models`, mappers);
  }

  #endpoint(path: string): string {
    return `${this.issuer}/protocol/openid-connect/${path}`;
  }

  async #token(client: string, form: Readonly<Record<string, string>>): Promise<KeycloakTokens> {
    const response = await fetch(this.#endpoint('token'), {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${client}:${client}-secret`)}` },
      body: new URLSearchParams(form),
    });
    const answer = await response.text();
    if (!response.ok) throw new Error(`Keycloak gives no token: ${response.status} ${answer}`);
    return JSON.parse(answer) as KeycloakTokens;
  }
}
