/**
 * The part of Kong's plugin development kit that the plugin uses, in kong-pdk's shape. kong-pdk ships typings, but they
 * do not compile and their promises never say what a call returns, so what Kong 3.9.3 really answers is written here.
 */
export interface Pdk {
  readonly request: {
    getHeaders(maxHeaders: number): Promise<Readonly<Record<string, string | readonly string[]>>>;
    getMethod(): Promise<string>;
    getRawQuery(): Promise<string>;
  };
  readonly service: {
    readonly request: {
      /** An empty list as value removes the header. */
      setHeaders(headers: Readonly<Record<string, string | readonly string[]>>): Promise<unknown>;
      setRawQuery(query: string): Promise<unknown>;
    };
  };
  readonly response: {
    /** Adds lines to the answer, whoever gives it. Kong 3.9.3: a service's own lines of that name stand beside them. */
    addHeader(name: string, lines: readonly string[]): Promise<unknown>;
    /** Ends the request. Kong never answers this call. */
    exit(status: number, body: string, headers: Readonly<Record<string, string>>): Promise<unknown>;
  };
  readonly client: {
    getConsumer(): Promise<Consumer | null | undefined>;
    getCredential(): Promise<Credential | null | undefined>;
    loadConsumer(id: string, byUsername: boolean): Promise<Consumer | null | undefined>;
    authenticate(consumer: Consumer, credential: { readonly id: string } | null): Promise<unknown>;
  };
  readonly log: {
    /** Writes to Kong's error log, at the level that it shows by default; nginx adds the request line. */
    notice(text: string): Promise<unknown>;
    /** Adds a member to what log plugins write about the request. */
    setSerializeValue(key: string, value: unknown): Promise<unknown>;
  };
  readonly ctx: { readonly shared: { set(key: string, value: unknown): Promise<unknown> } };
  readonly router: {
    getRoute(): Promise<NamedEntity | null | undefined>;
    getService(): Promise<NamedEntity | null | undefined>;
  };
  readonly nginx: {
    getVar(name: string): Promise<string | null | undefined>;
    setCtx(key: string, value: unknown): Promise<unknown>;
  };
}

/** A route or a service of Kong's, as far as logs name it. */
export interface NamedEntity {
  readonly id?: string;
  readonly name?: string;
}

/** A Kong consumer as the PDK hands it out. An unknown one is `null` or has no `id` (Kong 3.9.3: an empty message). */
export interface Consumer {
  readonly id?: string;
  readonly username?: string;
  readonly custom_id?: string;
}

/** A credential that an authentication plugin accepted. None is `null` or has no `id` (Kong 3.9.3: an empty message). */
export interface Credential {
  readonly id?: string;
}
