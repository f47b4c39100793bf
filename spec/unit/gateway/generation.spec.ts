import { describe, expect, it } from '@jest/globals';
import { configSchema } from '../../../src/gateway/plugins/bundled/config-schema';
import { Generation } from '../../../src/gateway/generation';
import type { PluginKind } from '../../../src/gateway/plugins/plugin-kind';
import { pluginHost } from '../../support/exchange';

/** A configuration with one plugin for each id, which writes down when it is started and closed. */
function generation(label: string, ids: readonly string[], notes: string[]): Generation {
  const kind: PluginKind = {
    name: 'p',
    priority: 1,
    schema: configSchema([]),
    configure: ({ id }) => ({
      start: () => Promise.resolve(void notes.push(`${label} ${id} starts`)),
      close: () => Promise.resolve(void notes.push(`${label} ${id} closes`)),
    }),
  };
  const unbound = { name: 'p', instanceName: null, config: {}, routeId: null, serviceId: null, consumerId: null };
  const plugins = ids.map((id) => ({ id, ...unbound }));
  return new Generation({ services: [], routes: [], consumers: [], plugins }, [kind], pluginHost());
}

describe('a configuration that is replaced', () => {
  it('closes its plugins once no request uses it, each after its successor is ready', async () => {
    const notes: string[] = [];
    const old = generation('old', ['same', 'gone'], notes);
    const [first, second] = [old.hold(), old.hold()];
    const retired = old.retire(generation('new', ['same', 'added'], notes));
    first();
    await new Promise(setImmediate);
    expect(notes).toEqual([]);
    second();
    await retired;
    expect(notes).toEqual(['new same starts', 'old same closes', 'old gone closes']);
  });

  it('closes them at once when no request uses it', async () => {
    const notes: string[] = [];
    await generation('old', ['gone'], notes).retire(generation('new', [], notes));
    expect(notes).toEqual(['old gone closes']);
  });
});
