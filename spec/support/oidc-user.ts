/** A user with a browser, at the provider of spec/fixtures/logout-provider.mjs. */
export class OidcUser {
  readonly #cookies = new Map<string, string>();

  constructor(
    private readonly issuer: string,
    private readonly name: string,
  ) {}

  /** Logs in and returns the access token of the client. */
  async logIn(): Promise<string> {
    const query = new URLSearchParams({
      client_id: 'shop-app',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: 'http://127.0.0.1/callback',
    });
    let location = (await this.#ask(`/auth?${query.toString()}`)).headers.get('location')!;
    while (!location.startsWith('http://127.0.0.1/callback')) {
      const page = await this.#ask(location);
      if (page.status === 200) {
        const prompt = /name="prompt" value="(\w+)"/.exec(await page.text())![1]!;
        location = (await this.#ask(location, { prompt, login: this.name, password: 'x' })).headers.get('location')!;
      } else location = page.headers.get('location')!;
    }
    const code = new URL(location).searchParams.get('code')!;
    const response = await fetch(`${this.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('shop-app:secret').toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: 'http://127.0.0.1/callback' }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  }

  /** Logs out; the provider then tells its clients. */
  async logOut(): Promise<void> {
    const page = await (await this.#ask('/session/end')).text();
    const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(page) ?? [];
    await this.#ask('/session/end/confirm', { xsrf, logout: 'yes' });
  }

  async #ask(location: string, form?: Readonly<Record<string, string>>): Promise<Response> {
    const response = await fetch(new URL(location, this.issuer), {
      redirect: 'manual',
      headers: { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form !== undefined && { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1);
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }
}
