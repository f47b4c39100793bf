import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { COMMAND, runCommand } from '../support/server-process';
import { publicJwk, signingKey } from '../support/tokens';

const KEYS = { keys: [publicJwk(signingKey('ES256', 'k1'))] };
const TOKEN = `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from('{"sub":"SECRETSUB"}').toString('base64url')}.SIGNATURE`;

interface Finding {
  readonly health: string;
  readonly check: string;
  readonly target: string;
  readonly seen: string;
  readonly cure?: string;
}

/** What a sound place answers; each planted hole replaces one of these. */
interface Place {
  readonly gateway: RequestListener;
  readonly keySet: RequestListener;
  /** `undefined`: nobody listens. */
  readonly service?: RequestListener;
  readonly admin?: RequestListener;
  readonly metrics?: RequestListener;
  readonly kongConf: string;
  readonly fileMode: number;
  readonly secret: boolean;
}

const json = (status: number, body: object): RequestListener => {
  return (_, response) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
};
const refused = json(401, { code: 'token_missing', request_id: 'abc' });
const open = json(200, { ok: true });

/** A gateway that refuses what it must, and lets the one good token pass. */
const soundGateway: RequestListener = (request, response) => {
  const isGood = request.headers.authorization === `Bearer ${TOKEN}`;
  if (/x-user-id/i.test(String(request.headers.connection))) json(400, {})(request, response);
  else (isGood ? open : refused)(request, response);
};
const SOUND: Place = {
  gateway: soundGateway,
  keySet: json(200, KEYS),
  kongConf:
    'log_level = notice\nadmin_listen = 127.0.0.1:8001\nlua_package_path = /opt/kong-jwt-identity/dist/lua/?.lua;;\n',
  fileMode: 0o600,
  secret: false,
};

const servers: Server[] = [];
async function listen(listener: RequestListener | undefined): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  if (listener === undefined) await new Promise((resolve) => server.close(resolve));
  else servers.push(server);
  return `http://127.0.0.1:${port}`;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'doctor-'));
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

const kongYml = (service: string, keySet: string, more: object = {}): string =>
  JSON.stringify({
    _format_version: '3.0',
    plugins: [
      {
        name: 'jwt-identity',
        config: { issuers: [{ issuer: keySet, audiences: ['shop'], jwks_uri: `${keySet}/jwks`, ...more }] },
      },
    ],
    services: [{ name: 'shop', url: service, routes: [{ name: 'orders', paths: ['/orders'] }] }],
  });

async function examine(
  changes: Partial<Place>,
  ...flags: string[]
): Promise<{ code: unknown; findings: Finding[]; text: string }> {
  const place = { ...SOUND, ...changes };
  const [gateway, keySet, service, admin, metrics] = [
    await listen(place.gateway),
    await listen(place.keySet),
    await listen(place.service),
    await listen(place.admin),
    await listen(place.metrics),
  ] as const;
  const [file, conf, token] = [join(folder, 'kong.yml'), join(folder, 'kong.conf'), join(folder, 'token')];
  writeFileSync(file, kongYml(service, keySet, place.secret ? { jwks_uri: null, secret: 'x'.repeat(40) } : {}));
  chmodSync(file, place.fileMode);
  writeFileSync(conf, place.kongConf);
  writeFileSync(token, TOKEN);
  const places = ['--gateway', gateway, '--admin', admin, '--metrics', metrics, '--kong-conf', conf, '--token', token];
  const command = runCommand(['doctor', file, ...places, '--json', ...flags]);
  const code = await command.ended;
  const text = command.stdout();
  return { code, text, findings: text.startsWith('{') ? (JSON.parse(text) as { findings: Finding[] }).findings : [] };
}

describe('kong-jwt-identity doctor', () => {
  it('finds no hole in a sound place, and ends with 0', async () => {
    const { code, findings, text } = await examine({});
    expect(findings.filter(({ health }) => health === 'hole')).toEqual([]);
    expect(code).toBe(0);
    expect(findings.length).toBeGreaterThan(12);
    expect(text).not.toMatch(/eyJ|SECRET|SIGNATURE/);
  });

  it.each<[hole: string, changes: Partial<Place>, checks: readonly string[]]>([
    ['a service that answers without the gateway', { service: open }, ['direct access']],
    [
      'a route without the plugin',
      { gateway: open },
      [
        'no token',
        'unsigned token',
        'token without its signature',
        'token with another signature',
        'Connection header',
      ],
    ],
    [
      'a gateway that takes any token',
      {
        gateway: (q, r) => {
          (q.headers.authorization === undefined ? soundGateway : open)(q, r);
        },
      },
      ['unsigned token', 'token without its signature', 'token with another signature'],
    ],
    [
      'a forged header in another spelling that reaches the service',
      {
        gateway: (q, r) => {
          json(401, { seen: q.headers['x_user_id'] })(q, r);
        },
      },
      ['forged headers', 'good token'],
    ],
    [
      'a Connection header that removes what the plugin wrote',
      {
        gateway: (q, r) => {
          (q.headers.connection?.includes('X-User') ? open : soundGateway)(q, r);
        },
      },
      ['Connection header'],
    ],
    ['an Admin API that is reachable', { admin: open }, ['Admin API']],
    ['metrics that are reachable', { metrics: open }, ['metrics']],
    ['a key set without keys', { keySet: json(200, { keys: [] }) }, ['key set']],
    ['a key set with a private key', { keySet: json(200, { keys: [{ kty: 'EC', d: 'AA' }] }) }, ['key set']],
    [
      'a clock that is wrong',
      {
        keySet: (_, r) =>
          r.writeHead(200, { Date: new Date(Date.now() - 600_000).toUTCString() }).end(JSON.stringify(KEYS)),
      },
      ['clock'],
    ],
    ['a good token that is refused', { gateway: refused }, ['good token']],
    [
      'a Kong without the handler, with an open Admin API and a quiet log',
      { kongConf: 'log_level = error\nadmin_listen = 0.0.0.0:8001\n' },
      ['admin_listen', 'log_level', 'lua_package_path'],
    ],
    ['a file with a secret that all may read', { fileMode: 0o644, secret: true }, ['file with a secret']],
  ])('finds %s, says what to do about it, and ends with 3', async (_, changes, checks) => {
    const { code, findings, text } = await examine(changes);
    const holes = findings.filter(({ health }) => health === 'hole');
    expect(holes.map(({ check }) => check)).toEqual(checks);
    expect(holes.every(({ cure }) => cure !== undefined && cure.length > 10)).toBe(true);
    expect(code).toBe(3);
    expect(text).not.toMatch(/eyJ|SECRET|SIGNATURE/);
  });

  it('asks nothing with --dry-run, and says what it would ask', async () => {
    let asked = 0;
    const count: RequestListener = (request, response) => {
      asked += 1;
      refused(request, response);
    };
    const { code, text } = await examine({ gateway: count, service: count, keySet: count }, '--dry-run');
    expect([code, asked]).toEqual([0, 0]);
    expect(text).toMatch(/^GET http:\/\/127\.0\.0\.1:\d+ without the gateway, with forged identity headers$/m);
  });

  it('sends GET requests only, marked, to the addresses that were named', async () => {
    const seen = new Set<string>();
    const note: RequestListener = (request, response) => {
      seen.add(`${request.method ?? ''} ${request.headers['user-agent'] ?? ''}`);
      refused(request, response);
    };
    await examine({ gateway: note, service: note, keySet: note });
    expect([...seen]).toEqual(['GET kong-jwt-identity doctor']);
  });
});

const absence =
  spawnSync('ip', ['netns', 'list']).status !== 0 || spawnSync('unshare', ['--net', 'true']).status !== 0
    ? 'network namespaces need `ip`, `unshare` and the right to make them'
    : undefined;
if (absence !== undefined) process.stderr.write(`doctor in network namespaces is SKIPPED: ${absence}\n`);

/** A gateway and its service in one network namespace; whoever asks is in another, as a stranger in the network is. */
(absence === undefined ? describe : describe.skip)('kong-jwt-identity doctor from another network namespace', () => {
  const [inside, outside] = [`dg${process.pid}`, `dc${process.pid}`];
  const children: ChildProcess[] = [];
  const ip = (...args: string[]): void => {
    execFileSync('ip', args);
  };
  const inNamespace = (name: string, ...args: string[]): ChildProcess => {
    const child = spawn('ip', ['netns', 'exec', name, process.execPath, ...args]);
    children.push(child);
    return child;
  };
  const written = (child: ChildProcess, pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      let text = '';
      const look = (chunk: Buffer): void => {
        text += chunk.toString();
        if (pattern.test(text)) resolve();
      };
      child.stdout?.on('data', look);
      child.stderr?.on('data', look);
      child.once('exit', () => {
        reject(new Error(text));
      });
    });

  beforeAll(async () => {
    ip('netns', 'add', inside);
    ip('netns', 'add', outside);
    ip('link', 'add', `v${process.pid}`, 'netns', inside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside);
    for (const [name, link, address] of [
      [inside, `v${process.pid}`, '10.77.0.1/30'],
      [outside, 'eth0', '10.77.0.2/30'],
    ] as const) {
      ip('-n', name, 'addr', 'add', address, 'dev', link);
      ip('-n', name, 'link', 'set', link, 'up');
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    // The same service behind an address of its own machine, and open to the network.
    const service = `for (const host of ['127.0.0.1', '10.77.0.1']) require('http').createServer((q, r) => r.end(JSON.stringify(q.rawHeaders))).listen(9001, host, () => console.log('up', host))`;
    await written(inNamespace(inside, '-e', service), /up .*\n.*up /);
    const issuer = { issuer: 'https://auth.test/', audiences: ['shop'], jwks: JSON.stringify(KEYS) };
    const file = join(folder, 'inside.yml');
    const entry = { name: 'jwt-identity', config: { issuers: [issuer] } };
    const routes = [
      { name: 'orders', paths: ['/orders'] },
      { name: 'open', paths: ['/open'], plugins: [{ ...entry, config: { ...entry.config, allow_missing: true } }] },
    ];
    const services = [{ name: 'shop', url: 'http://127.0.0.1:9001', routes }];
    writeFileSync(file, JSON.stringify({ _format_version: '3.0', plugins: [entry], services }));
    await written(
      inNamespace(inside, COMMAND, 'dev', file, '--listen', '10.77.0.1:8000', '--no-watch'),
      /serving url=/,
    );
  }, 120_000);
  afterAll(async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    for (const name of [inside, outside]) ip('netns', 'del', name);
  });

  async function fromOutside(...flags: string[]): Promise<Finding[]> {
    const args = ['doctor', join(folder, 'inside.yml'), '--gateway', 'http://10.77.0.1:8000', '--json', ...flags];
    const child = inNamespace(outside, COMMAND, ...args);
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    return (JSON.parse(text) as { findings: Finding[] }).findings;
  }

  it('finds no hole where only the gateway is reachable', async () => {
    const findings = await fromOutside();
    expect(findings.filter(({ health }) => health === 'hole')).toEqual([]);
    const checks = findings.filter(({ health }) => health === 'ok').map(({ check, target }) => `${check} ${target}`);
    expect(checks).toEqual(
      expect.arrayContaining([
        'direct access http://127.0.0.1:9001',
        'no token route orders',
        'forged headers route open',
      ]),
    );
  }, 60_000);

  it('finds the service that is open to the network', async () => {
    const findings = await fromOutside('--service', 'http://10.77.0.1:9001');
    const holes = findings.filter(({ health }) => health === 'hole');
    expect(holes.map(({ check, target }) => [check, target])).toEqual([['direct access', 'http://10.77.0.1:9001']]);
  }, 60_000);
});
