import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Kong, startKong } from '../support/kong';
import { describeKong } from '../support/kong-target';
import { ROOT, runScript, type RunningProcess } from '../support/running-process';

const EXAMPLE = join(ROOT, 'examples/mcp');

describeKong('a Model Context Protocol server behind the gateway', () => {
  /** In front of the gateway, so that its address is known before its configuration is written; sees every request. */
  let front: Server;
  let kong: Kong;
  let resource: string;
  let metadataUrl: string;
  const processes: RunningProcess[] = [];
  const sockets = new Set<Socket>();
  let sent = '';

  const start = async (script: string, ...args: readonly string[]): Promise<string> => {
    const running = runScript(join(EXAMPLE, script), args);
    processes.push(running);
    return (await running.printed(/server: (http:\S+)/))[1]!;
  };

  beforeAll(async () => {
    front = createServer((client) => {
      const upstream = connect(kong.port, kong.host);
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      }
      client.on('data', (chunk: Buffer) => (sent += chunk.toString('latin1')));
      client.pipe(upstream).pipe(client);
    }).listen(0, '127.0.0.1');
    await once(front, 'listening');
    const origin = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
    resource = `${origin}/mcp`;
    metadataUrl = `${origin}/.well-known/oauth-protected-resource/mcp`;
    const [provider, service] = await Promise.all([
      start('identity-provider.mjs', '0', resource),
      start('mcp-server.mjs', '0'),
    ]);
    const example = readFileSync(join(EXAMPLE, 'kong.yml'), 'utf8')
      .replaceAll('http://127.0.0.1:8000/mcp', resource)
      .replaceAll('http://127.0.0.1:9001', service)
      .replaceAll('http://127.0.0.1:9002', provider);
    const elsewhere = `
      - name: elsewhere
        paths: [/elsewhere]
        plugins:
          - name: jwt-identity
            config: { issuers: [{ issuer: '${provider}', discovery: true, audiences: ['${origin}/elsewhere'] }] }
`;
    kong = await startKong({ declarativeConfig: example + elsewhere });
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
    for (const { process } of processes) process.kill();
    await Promise.all(processes.map(({ ended }) => ended));
    for (const socket of sockets) socket.destroy();
    front.close();
  });

  it('says in the challenge where its metadata is, and serves it to pages of all origins', async () => {
    const refused = await fetch(resource, { method: 'POST' });
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      `Bearer realm="service", resource_metadata="${metadataUrl}"`,
    ]);
    const preflight = await fetch(metadataUrl, {
      method: 'OPTIONS',
      headers: { origin: 'https://page.test', 'access-control-request-method': 'GET' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([204, '*']);
    const response = await fetch(metadataUrl, { headers: { origin: 'https://page.test' } });
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    expect(await response.json()).toEqual({
      resource,
      resource_name: 'Orders for agents',
      authorization_servers: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/)],
      scopes_supported: ['tools'],
      bearer_methods_supported: ['header'],
    });
  });

  it('is called by the real client, which finds the provider by itself and gets a token', async () => {
    const client = runScript(join(EXAMPLE, 'client.mjs'), [resource, 'ada']);
    expect(await client.ended).toBe(0);
    expect(client.stdout().split('\n').slice(1)).toEqual(['scope: tools', 'You are ada. Token: none.', '']);
  }, 60_000);

  it('serves its metadata and no answer of another request when the same caller asks again', async () => {
    const [, token = ''] = /^authorization: (Bearer \S+)/im.exec(sent) ?? [];
    const statuses: number[] = [];
    for (const url of [resource, metadataUrl, resource, metadataUrl]) {
      const response = await fetch(url, { headers: { authorization: token } });
      statuses.push(response.status);
      if (url === metadataUrl) expect(await response.json()).toMatchObject({ resource });
    }
    // The MCP server takes no GET from a client that does not accept events.
    expect(statuses).toEqual([406, 200, 406, 200]);
    const nobody = await Promise.all([resource, metadataUrl, resource, metadataUrl].map(async (url) => fetch(url)));
    expect(nobody.map(({ status }) => status)).toEqual([401, 200, 401, 200]);
  });

  it('does not take its tokens elsewhere: another resource of the gateway rejects them', async () => {
    const [, token = ''] = /^authorization: (Bearer \S+)/im.exec(sent) ?? [];
    const refused = await fetch(`${kong.proxyUrl}/elsewhere`, { headers: { authorization: token } });
    expect(await refused.json()).toMatchObject({ status: 401, code: 'audience_not_accepted' });
  });
});
