import { describe, expect, it } from '@jest/globals';
import { type ExternalPlugin, queryPlugin } from '../../../../../src/gateway/plugins/pluginsocket/plugin-query';
import { shellCommand } from '../../../../../src/gateway/plugins/pluginsocket/server-settings';

const FIELDS = [{ config: { type: 'record', required: true, fields: [{ tag: { type: 'string' } }] } }];
const PLUGIN = { Name: 'p', Version: '1', Priority: 5, Phases: ['access'], Schema: { name: 'p', fields: FIELDS } };

const query = (command: string): Promise<ExternalPlugin> =>
  queryPlugin({ name: 'mine', socket: '/tmp/none', queryCommand: command, startCommand: null });
const printing = (value: unknown): string => shellCommand(['printf', '%s', JSON.stringify(value)]);
const dump = (plugin: object): string => printing({ Protocol: 'ProtoBuf:1', Plugins: [plugin] });

describe('what a query command says', () => {
  it('describes the plugin, and only the first of several', async () => {
    const plugins = [PLUGIN, { ...PLUGIN, Name: 'second' }];
    expect(await query(printing({ Protocol: 'ProtoBuf:1', Plugins: plugins }))).toMatchObject({
      name: 'p',
      priority: 5,
    });
  });

  it.each([
    ['fails', 'echo oh no >&2; exit 3', /failed \(oh no\)/],
    ['is not there', '/no/such/command', /failed \(.*(?:not found|No such file)/],
    ['prints something else', 'echo hello', /did not print JSON/],
    ['prints something before it', `echo hello; ${dump(PLUGIN)}`, /did not print JSON/],
    ['speaks MsgPack:1', printing([PLUGIN]), /does not speak ProtoBuf:1/],
    ['has no plugin', printing({ Protocol: 'ProtoBuf:1', Plugins: [] }), /describes no plugin/],
    ['has no priority', dump({ ...PLUGIN, Priority: undefined }), /without a name, a priority or a schema/],
    ['has another phase', dump({ ...PLUGIN, Phases: ['access', 'log'] }), /has a phase 'log'/],
    [
      'has a schema with an unknown word',
      dump({
        ...PLUGIN,
        Schema: { fields: [{ config: { type: 'record', fields: [{ a: { type: 'string', custom: 1 } }] } }] },
      }),
      /schema that cannot be checked \(p\.config\.a: schema attribute 'custom'/,
    ],
  ])('is refused with the name of the server when it %s', async (_, command, reason) => {
    const refused = query(command);
    await expect(refused).rejects.toThrow(reason);
    await expect(refused).rejects.toThrow(/^pluginserver mine: /);
  });
});
