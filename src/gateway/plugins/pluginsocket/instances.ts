import type { PluginClient } from './plugin-client';

/** What an instance is made from. Its identity matters: after a reload the same plugin is another object. */
export interface InstanceSource {
  readonly config: Readonly<Record<string, unknown>>;
}

/** The instances that one plugin server runs for this gateway, one for each configured plugin. */
export class Instances<Source extends InstanceSource> {
  private readonly ids = new Map<Source, Promise<number>>();

  constructor(
    private readonly pluginName: string,
    private readonly client: PluginClient,
  ) {}

  /** Returns the id of a plugin's instance; the first to ask starts it. @throws when it cannot be started */
  id(source: Source): Promise<number> {
    const known = this.ids.get(source);
    if (known !== undefined) return known;
    const starting = this.client.startInstance(this.pluginName, source.config);
    this.ids.set(source, starting);
    // Kong 3.9.3: a start that failed is tried again by the next request.
    starting.catch(() => {
      if (this.ids.get(source) === starting) this.ids.delete(source);
    });
    return starting;
  }

  /** Forgets all instances. Kong 3.9.3: when one connection was closed, the server may be another process by now. */
  forgetAll(): void {
    this.ids.clear();
  }

  /** Closes the instance of a plugin that is no longer configured, if it was ever started. */
  async close(source: Source): Promise<void> {
    const id = await this.ids.get(source)?.catch(() => undefined);
    this.ids.delete(source);
    if (id !== undefined) await this.client.closeInstance(id).catch(() => undefined);
  }
}
