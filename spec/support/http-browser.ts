/** A browser without pages: it keeps cookies of one server and follows redirects. */
export class HttpBrowser {
  readonly #cookies = new Map<string, string>();

  async send(url: string, form?: Readonly<Record<string, string>>): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }

  /** Follows redirects until there is a page, or until one leads to `end`. */
  async open(
    url: string,
    end: string,
    form?: Readonly<Record<string, string>>,
  ): Promise<{ url: string; page: string }> {
    let response = await this.send(url, form);
    let at = url;
    while (response.status >= 300 && response.status < 400) {
      at = new URL(response.headers.get('location') ?? '', at).href;
      if (at.startsWith(end)) return { url: at, page: '' };
      response = await this.send(at);
    }
    return { url: at, page: await response.text() };
  }
}
