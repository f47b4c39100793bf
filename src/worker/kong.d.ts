/** What the handler uses of Kong and OpenResty (Kong 3.0 to 3.9.3). */

/** `config` of one entry of the plugin: the table that Kong passes to every phase. */
interface PluginConfig {
  readonly __plugin_id?: string;
  readonly __seq__?: number;
  [member: string]: unknown;
}

/** @noSelf */
interface Kong {
  readonly ctx: { readonly shared: Record<string, unknown> };
  readonly log: {
    (this: void, ...parts: unknown[]): void;
    notice(...parts: unknown[]): void;
    warn(...parts: unknown[]): void;
    err(...parts: unknown[]): void;
    set_serialize_value(key: string, value: unknown): void;
  };
  readonly client: { authenticate(consumer: unknown, credential: undefined): void };
  /** Ends the request: inside a phase it does not return. */
  readonly response: { exit(status: number, body: string, headers: unknown): void };
}

declare const kong: Kong;

/** @noSelf */
interface CoSocket {
  settimeout(this: CoSocket, milliseconds: number): void;
  connect(this: CoSocket, address: string): LuaMultiReturn<[ok: number | undefined, problem: string | undefined]>;
  send(this: CoSocket, bytes: string): LuaMultiReturn<[sent: number | undefined, problem: string | undefined]>;
  receive(this: CoSocket, bytes: number): LuaMultiReturn<[bytes: string | undefined, problem: string | undefined]>;
  close(this: CoSocket): void;
}

/** @noSelf */
interface Nginx {
  readonly ctx: Record<string, unknown>;
  readonly var: Readonly<Record<string, string | undefined>>;
  readonly req: {
    get_method(): string;
    set_header(name: string, value: string | readonly string[]): void;
  };
  readonly socket: { tcp(): CoSocket };
  readonly timer: {
    at(delay: number, callback: (this: void) => void): void;
    every(delay: number, callback: (this: void, premature: boolean) => void): void;
  };
  readonly worker: { exiting(): boolean };
}

declare const ngx: Nginx;

/** An external plugin as Kong's own code runs it. */
interface ExternalPlugin {
  access(this: ExternalPlugin, conf: PluginConfig): void;
  readonly server_def?: { readonly protocol?: string; readonly socket?: string };
}
