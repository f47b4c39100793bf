import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startGateway, type Gateway } from '../../src/gateway/gateway';
import { decode } from '../../src/protocol/message';
import { findPdkMethod } from '../../src/protocol/pdk-methods';
import { rpcCall } from '../../src/protocol/rpc-messages';
import { type EchoService, startEchoService } from '../support/echo-service';
import { type RawResponse, sendRaw } from '../support/raw-http';
import { configOf, RECORDED, RecordedPluginServer } from '../support/recorded-plugin-server';

/** The plugin of the recording, as its query command described it. */
const SPIKE = {
  Protocol: 'ProtoBuf:1',
  Plugins: [
    {
      Name: 'spike',
      Version: '1.0.0',
      Priority: 985,
      Phases: ['access'],
      Schema: {
        name: 'spike',
        fields: [
          {
            config: {
              type: 'record',
              required: true,
              fields: [
                { script: { type: 'string' } },
                { realm: { type: 'string' } },
                {
                  opt: {
                    type: 'array',
                    elements: { type: 'record', fields: [{ a: { type: 'string' } }, { b: { type: 'integer' } }] },
                  },
                },
              ],
            },
          },
        ],
      },
    },
  ],
};

/** Where each instance of the recording was configured. */
const ROUTES = ['verified', 'rejected', 'reads', 'writes', 'bad-header', 'bad-status', 'unknown-method'];
const COMMON = ['User-Agent: curl/7.88.1', 'Accept: */*'];
const TOKEN = 'Authorization: Bearer abc';

/** Replies whose bytes depend on a Lua table's order, on the time, or on names that this run has for itself. */
const NOT_BY_BYTES = [
  'rpc-call',
  'kong.request.get_headers',
  'kong.request.get_query',
  'kong.router.get_route',
  'kong.router.get_service',
  'kong.client.load_consumer',
  'kong.nginx.get_var',
  'kong.node.get_id',
];

describe("the gateway's side of the socket, against a recording of Kong 3.9.3", () => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-contract-'));
  const plugin = new RecordedPluginServer();
  const statuses: (number | undefined)[] = [];
  let service: EchoService;
  let gateway: Gateway;

  beforeAll(async () => {
    service = await startEchoService();
    const socket = join(folder, 'spike.socket');
    await plugin.listen(socket);
    writeFileSync(join(folder, 'dump.json'), JSON.stringify(SPIKE));
    gateway = await startGateway({
      kongYml: kongYml(service.port),
      listen: { host: '127.0.0.1', port: 0 },
      pluginServers: [{ name: 'spike', socket, queryCommand: `cat ${join(folder, 'dump.json')}`, startCommand: null }],
      log: () => undefined,
    });
    const fill = Array.from({ length: 150 }, (_, i) => `X-Fill-${i + 1}: v`);
    const send = async (start: string, lines: string[], body = ''): Promise<void> => {
      statuses.push((await request(gateway, start, lines, body))?.status);
    };
    await send('GET /verified', [TOKEN, 'X_User_ID: evil', 'x-user-id: evil2', 'x-dup: 1', 'x-dup: 2']);
    await send('GET /verified', []);
    await send('GET /verified', fill);
    await send('GET /rejected', []);
    await send('GET /rejected', []);
    await send('POST /reads/x?q=1&q=2&flag&e=', [TOKEN, 'Content-Length: 10'], 'hello=body');
    await send('GET /writes', []);
    await send('GET /bad-header', []);
    await send('GET /bad-status', []);
    await send('GET /unknown-method', []);
  });
  afterAll(async () => {
    await gateway.stop();
    await plugin.stop();
    await service.stop();
    rmSync(folder, { recursive: true });
  });

  it('answers the clients as Kong did', () => {
    expect(statuses).toEqual([200, 200, 200, 401, 401, 200, 200, 200, 500, 500]);
  });

  it('says every frame that Kong said', () => {
    const said = RECORDED.flatMap(({ frames }) => frames.filter(([from]) => from === 'kong'));
    expect(plugin.comparisons).toHaveLength(said.length);
  });

  it('says byte for byte what does not depend on the run', () => {
    const comparable = plugin.comparisons.filter(({ about }) => !NOT_BY_BYTES.includes(about));
    expect(comparable.length).toBeGreaterThan(25);
    for (const { about, received, recorded } of comparable) {
      expect([about, received.toString('base64')]).toEqual([about, recorded.toString('base64')]);
    }
  });

  it('says the same headers, arguments and entities, in whatever order', () => {
    for (const { about, received, recorded } of plugin.comparisons) {
      if (about === 'rpc-call') continue;
      const { result } = findPdkMethod(about)!;
      expect([about, settled(decode(result, received))]).toEqual([about, settled(decode(result, recorded))]);
    }
  });

  it('starts instances with the configuration and the members that Kong adds', () => {
    const starts = plugin.comparisons.filter(({ about }) => about === 'rpc-call');
    for (const { received, recorded } of starts) {
      const [ours, kongs] = [decode(rpcCall, received), decode(rpcCall, recorded)];
      expect(ours.handleEvent).toEqual(kongs.handleEvent);
      if (kongs.startInstance === undefined) continue;
      expect(ours.startInstance?.name).toBe(kongs.startInstance.name);
      expect({ ...configOf(ours), __seq__: 0 }).toEqual({ ...configOf(kongs), __seq__: 0 });
    }
  });

  it('ends the connection after an exit and after an error, and keeps it otherwise', async () => {
    // Two refusals, a status that Kong refuses, a method that does not exist.
    while (plugin.ended < 4) await new Promise(setImmediate);
    expect(plugin.ended).toBe(4);
  });
});

function request({ url }: Gateway, start: string, lines: string[], body: string): Promise<RawResponse | undefined> {
  const { hostname, port } = new URL(url);
  const head = [`${start} HTTP/1.1`, 'Host: 127.0.0.1:19000', ...COMMON, ...lines];
  return sendRaw({ host: hostname, port: Number(port) }, `${head.join('\r\n')}\r\n\r\n${body}`);
}

/** Leaves out what every run has for itself: times, addresses, random ids. */
function settled(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/^[0-9a-f]{32}$|^[0-9a-f-]{36}$/, '(id)');
  if (typeof value !== 'object' || value === null) return value;
  const own = ['created_at', 'updated_at', 'port', 'host'];
  return Object.fromEntries(Object.entries(value).filter(([name]) => !own.includes(name)));
}

function kongYml(port: number): string {
  const configs = RECORDED.flatMap(({ call }) => (call.startInstance === undefined ? [] : [configOf(call)]));
  const routes = configs.map(({ script, realm, opt }, i) => {
    const plugins: object[] = [{ name: 'spike', config: { script, realm, opt } }];
    if (ROUTES[i] === 'writes') {
      plugins.push({ name: 'acl', config: { allow: ['admin'] } });
      plugins.push({ name: 'rate-limiting', config: { minute: 100, limit_by: 'credential', policy: 'local' } });
    }
    return { name: ROUTES[i], paths: [`/${ROUTES[i]!}`], plugins };
  });
  return JSON.stringify({
    _format_version: '3.0',
    services: [{ name: 'echo', url: `http://127.0.0.1:${port}`, routes }],
    consumers: [{ username: 'alice', custom_id: 'al' }],
  });
}
