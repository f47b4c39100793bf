import { createHash } from 'node:crypto';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { HttpBrowser } from './http-browser';

const CLIENT = { id: 'shop-web', secret: 'shop-web-secret' };

/** What a client gets for a code. */
export interface Tokens {
  readonly access_token: string;
  readonly id_token: string;
}

/** A user who logged in. */
export interface Login {
  readonly tokens: Tokens;
  /** Ends the session at the provider, and returns where the browser is sent then. */
  readonly logOut: () => Promise<string>;
  /** Asks for a code without any page; returns the error, `null` when the provider gave one. */
  readonly askAgain: () => Promise<string | null>;
}

/** A real provider, `oidc-provider` from npm, in a process of its own. */
export class OidcProvider {
  private constructor(
    readonly issuer: string,
    private readonly process: ChildProcess,
  ) {}

  static async start(): Promise<OidcProvider> {
    const child = fork(join(__dirname, '../fixtures/oidc-provider.mjs'), { silent: true, execArgv: [] });
    const [{ issuer }] = (await once(child, 'message')) as [{ issuer: string }];
    return new OidcProvider(issuer, child);
  }

  async stop(): Promise<void> {
    this.process.kill();
    await once(this.process, 'exit');
  }

  /** Signs with a new key from now on and publishes both, or stops publishing the old one. */
  async tell(what: 'rotate' | 'forget'): Promise<void> {
    const answered = once(this.process, 'message');
    this.process.send(what);
    await answered;
  }

  /** Logs a user in with a password and consent, as a browser does, and returns the client's tokens. */
  async logIn(user: string): Promise<Login> {
    const browser = new HttpBrowser();
    const verifier = 'a-code-verifier-of-a-test-that-is-long-enough';
    const callback = `${this.issuer}/callback`;
    const asked = {
      client_id: CLIENT.id,
      response_type: 'code',
      redirect_uri: callback,
      scope: 'openid orders:read',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    };
    const authorize = (changes: Readonly<Record<string, string>> = {}): string =>
      `${this.issuer}/auth?${new URLSearchParams({ ...asked, ...changes }).toString()}`;
    let { url, page } = await browser.open(authorize(), callback);
    for (const prompt of ['login', 'consent']) {
      const [, action = ''] = /<form[^>]* action="([^"]+)"/.exec(page) ?? [];
      ({ url, page } = await browser.open(new URL(action, url).href, callback, { prompt, login: user, password: 'x' }));
    }
    const code = new URL(url).searchParams.get('code') ?? '';
    const tokens = await this.#token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: callback,
      code_verifier: verifier,
    });
    const logOut = async (): Promise<string> => {
      const bye = `${this.issuer}/bye`;
      const ending = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: bye });
      const { url: at, page: form } = await browser.open(`${this.issuer}/session/end?${ending.toString()}`, bye);
      const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(form) ?? [];
      const [, action = ''] = /<form[^>]* action="([^"]+)"/.exec(form) ?? [];
      return (await browser.open(new URL(action, at).href, bye, { xsrf, logout: 'yes' })).url;
    };
    const askAgain = async (): Promise<string | null> => {
      const { url: at } = await browser.open(authorize({ prompt: 'none' }), callback);
      return new URL(at).searchParams.get('error');
    };
    return { tokens, logOut, askAgain };
  }

  /** The token of a client that calls on its own. */
  clientToken(): Promise<Tokens> {
    return this.#token({ grant_type: 'client_credentials', scope: 'orders:read' });
  }

  async #token(form: Readonly<Record<string, string>>): Promise<Tokens> {
    const authorization = `Basic ${btoa(`${CLIENT.id}:${CLIENT.secret}`)}`;
    const body = new URLSearchParams(form);
    const response = await fetch(`${this.issuer}/token`, { method: 'POST', headers: { authorization }, body });
    const answer = (await response.json()) as Tokens & { readonly error?: string };
    if (!response.ok) throw new Error(`the provider refused: ${answer.error ?? ''}`);
    return answer;
  }
}
