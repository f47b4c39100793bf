/** What a kong.yml declares, checked, with defaults and ids, in Kong's own names: records go to plugins as they are. */

interface Entity {
  readonly id: string;
  /** Unix time, in seconds. */
  readonly created_at: number;
  readonly updated_at: number;
  readonly tags: readonly string[] | null;
}

/** Where requests are sent. Timeouts are in milliseconds. */
export interface Service extends Entity {
  readonly name: string | null;
  readonly retries: number;
  readonly protocol: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly path: string | null;
  readonly connect_timeout: number;
  readonly write_timeout: number;
  readonly read_timeout: number;
  readonly tls_verify: boolean | null;
  readonly enabled: boolean;
}

/** Which requests are meant. */
export interface Route extends Entity {
  readonly name: string | null;
  readonly protocols: readonly string[];
  readonly methods: readonly string[] | null;
  readonly hosts: readonly string[] | null;
  readonly paths: readonly string[] | null;
  readonly headers: Readonly<Record<string, readonly string[]>> | null;
  readonly https_redirect_status_code: number;
  readonly regex_priority: number;
  readonly strip_path: boolean;
  readonly preserve_host: boolean;
  readonly service: Service | null;
}

/** A consumer: a caller known to Kong's plugins. */
export interface Consumer extends Entity {
  readonly username: string | null;
  readonly custom_id: string | null;
  /** Groups of Kong's `acl` plugin. */
  readonly groups: readonly string[];
  /** Keys of Kong's `key-auth` plugin. */
  readonly keys: readonly KeyCredential[];
}

/** A key by which a consumer is recognized. */
export interface KeyCredential {
  readonly id: string;
  readonly key: string;
}

/** One configured plugin. `null` means it is not bound to a route, a service or a consumer. */
export interface PluginEntry {
  readonly id: string;
  readonly name: string;
  readonly instanceName: string | null;
  readonly config: Readonly<Record<string, unknown>>;
  readonly routeId: string | null;
  readonly serviceId: string | null;
  readonly consumerId: string | null;
}

/** Everything that a kong.yml declares. Plugins that are not enabled are left out. */
export interface Declaration {
  readonly services: readonly Service[];
  readonly routes: readonly Route[];
  readonly consumers: readonly Consumer[];
  readonly plugins: readonly PluginEntry[];
}
