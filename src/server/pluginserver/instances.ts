import { HANDLER_MEMBER } from '../../protocol/verdict';
import type { PluginInstance, PluginModule } from './plugin-module';

/** What Kong says when it starts an instance. */
export interface InstanceConfig {
  /** The configuration as Kong sent it: JSON that may hold secrets. */
  readonly config: string;
}

/**
 * Who knows all instances of the server. Kong's connections land at any worker, so an instance that was started
 * through one must be found by the others.
 */
export interface InstanceSource {
  /** Returns the id of a new instance. Ids are never used twice. */
  register(config: string): number | Promise<number>;
  /** Returns the configuration of an instance that was started and not closed. */
  find(id: number): string | undefined | Promise<string | undefined>;
  /** Forgets an instance. */
  close(id: number): void;
}

/** One instance in this process. */
export interface Instance {
  readonly id: number;
  readonly plugin: PluginInstance;
  /** Ids of the plugin entry and of what it is attached to, and the handler in front of it; for logs. */
  readonly origin: Readonly<Record<string, string>>;
  lastUsedAtMs: number;
}

/** The instances of one process: made from the configuration when they are first asked for. */
export class Instances {
  readonly #made = new Map<number, Instance>();
  readonly #wanted = new Map<number, Promise<Instance | undefined>>();

  constructor(
    private readonly plugin: PluginModule,
    private readonly source: InstanceSource,
    private readonly now: () => number,
  ) {}

  /** Instances that this process holds. */
  get size(): number {
    return this.#made.size;
  }

  /** The version of the handler inside Kong's worker that each instance has in front of it; `''` for none. */
  get handlers(): readonly string[] {
    return Array.from(this.#made.values(), ({ origin }) => origin['handler'] ?? '');
  }

  /**
   * Why instances refuse every request, one sentence for each that does: what its plugin says of itself in a member
   * `problem`.
   */
  get problems(): readonly string[] {
    return Array.from(this.#made.values(), ({ plugin }) => plugin['problem']).filter(
      (problem): problem is string => typeof problem === 'string',
    );
  }

  /** Starts an instance. @throws whatever the plugin's constructor throws, or a SyntaxError for a text that is no JSON. */
  async start(config: string): Promise<Instance> {
    // First made, then registered: a configuration that the plugin does not accept never gets an id.
    const { plugin, origin } = this.make(config);
    const id = await this.source.register(config);
    return this.keep({ id, plugin, origin, lastUsedAtMs: this.now() });
  }

  /** Returns the instance with this id, at once when this process holds it; `undefined` when no instance has it. */
  find(id: number): Instance | Promise<Instance | undefined> {
    const instance = this.#made.get(id);
    if (instance === undefined) return this.fetch(id);
    instance.lastUsedAtMs = this.now();
    return instance;
  }

  /** Closes an instance here and everywhere. */
  close(id: number): void {
    this.source.close(id);
    this.drop(id);
  }

  /** Forgets an instance here. */
  drop(id: number): void {
    this.#made.delete(id);
    this.#wanted.delete(id);
  }

  /** Removes the instances of this process that were not used for this time, and returns the ids of the others. */
  dropUnused(unusedMs: number): number[] {
    const latestUse = this.now() - unusedMs;
    for (const { id, lastUsedAtMs } of this.#made.values()) if (lastUsedAtMs <= latestUse) this.drop(id);
    return [...this.#made.keys()];
  }

  private fetch(id: number): Promise<Instance | undefined> {
    const wanted = this.#wanted.get(id) ?? this.load(id);
    this.#wanted.set(id, wanted);
    return wanted;
  }

  private async load(id: number): Promise<Instance | undefined> {
    try {
      const config = await this.source.find(id);
      // Closed while the answer was under way: it must not come back.
      if (config === undefined || !this.#wanted.has(id)) return undefined;
      return this.keep({ id, ...this.make(config), lastUsedAtMs: this.now() });
    } finally {
      this.#wanted.delete(id);
    }
  }

  private make(config: string): Pick<Instance, 'plugin' | 'origin'> {
    const parsed: unknown = JSON.parse(config);
    return { plugin: this.plugin.instantiate(parsed), origin: originOf(parsed) };
  }

  private keep(instance: Instance): Instance {
    this.#made.set(instance.id, instance);
    return instance;
  }
}

/** Kong 3.9.3: a configuration carries the ids of its plugin entry, route and service; the handler adds its version. */
function originOf(config: unknown): Record<string, string> {
  const members = (typeof config === 'object' && config !== null ? config : {}) as Record<string, unknown>;
  const origin: Record<string, string> = {};
  for (const name of ['route_id', 'service_id', 'consumer_id', '__plugin_id', HANDLER_MEMBER]) {
    const id = members[name];
    if (typeof id === 'string') origin[name.replaceAll('__', '')] = id;
  }
  return origin;
}
