import type { Declaration } from '../kong/declarative/entities';
import { PluginChain } from './plugins/plugin-chain';
import type { PluginHost, PluginKind } from './plugins/plugin-kind';
import { createRouter, type Router } from '../kong/routing/router';

/** One configuration at work. A reload puts another in its place; requests keep the one that they began with. */
export class Generation {
  readonly router: Router;
  readonly chain: PluginChain;
  #holders = 0;
  #onDrained: (() => void)[] = [];

  constructor({ routes, plugins }: Declaration, kinds: readonly PluginKind[], host: PluginHost) {
    this.router = createRouter(routes);
    this.chain = new PluginChain(plugins, kinds, host);
  }

  /** Counts a request in. Returns what counts it out, once. */
  hold(): () => void {
    this.#holders += 1;
    return () => {
      this.#holders -= 1;
      if (this.#holders === 0) for (const resolve of this.#onDrained.splice(0)) resolve();
    };
  }

  /** Resolves when no request uses it. */
  drained(): Promise<void> {
    return this.#holders === 0 ? Promise.resolve() : new Promise((resolve) => this.#onDrained.push(resolve));
  }

  /**
   * Closes the plugins as soon as no request uses them any more, each after the one that takes its place is ready.
   *
   * Kong 3.9.3: a new instance is started, then the old one is closed. Unlike Kong, which forgets it, the instance of a
   * plugin that is no longer configured is closed too.
   */
  async retire(successor: Generation): Promise<void> {
    await this.drained();
    for (const [id, plugin] of this.chain.byId) {
      if (plugin.close === undefined) continue;
      await successor.chain.byId.get(id)?.start?.();
      await plugin.close();
    }
  }
}
