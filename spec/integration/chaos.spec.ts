import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { Agent, createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { crowd, statusOf } from '../support/crowd';
import { FAULTS, IdentityProvider } from '../support/identity-provider';
import { type Kong, startKong } from '../support/kong';
import { describeKong } from '../support/kong-target';
import { signingKey, signToken, type SigningKey } from '../support/tokens';

/** How often everything is broken; `npm run chaos` does it more often. */
const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 1);
const CLIENTS = 6;
const REQUESTS_A_DISTURBANCE = 120;
/** Keys are fresh for a second. What was asked before a removed key was gone for certain proves nothing. */
const KEY_GRACE_MS = 4_000;

/** What a client sent, by the tag that the service sees, too. */
interface Sent {
  readonly path: string;
  /** Who the token says it is; `undefined` where there is no token that anybody may believe. */
  readonly subject: string | undefined;
  readonly roles: string;
  /** The key that signed the token. */
  readonly key: SigningKey | undefined;
  readonly atMs: number;
}

describeKong('while everything around it breaks, the gateway', () => {
  const foreign = signingKey('ES256', 'key-0');
  let keys = [signingKey('ES256', 'key-0')];
  const removedAtMs = new Map<SigningKey, number>();
  const sent = new Map<string, Sent>();
  const received: { tag: string; path: string; headers: IncomingHttpHeaders }[] = [];
  const statuses: Record<number, number> = {};
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  let provider: IdentityProvider;
  let service: Server;
  let kong: Kong;

  beforeAll(async () => {
    provider = await IdentityProvider.start();
    provider.keys = keys;
    service = createServer((incoming, response) => {
      received.push({
        tag: String(incoming.headers['x-tag']),
        path: incoming.url ?? '',
        headers: incoming.headers,
      });
      response.end();
    }).listen(0, '127.0.0.1');
    await once(service, 'listening');
    kong = await startKong({ declarativeConfig: declaration(), serveFlags: ['--workers', '2', '--deadline', '2'] });
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
    agent.destroy();
    service.close();
    await provider.stop();
  });

  const declaration = (remark = ''): string => {
    const config = {
      issuers: [
        {
          issuer: provider.issuer,
          audiences: ['shop'],
          jwks_uri: provider.jwksUri,
          key_fetch: { ttl: 1, min_ttl: 1, max_ttl: 1, cooldown: 1, max_stale: 60, timeout_ms: 500 },
        },
      ],
      ...(remark !== '' && { realm: remark }),
    };
    const route = (name: string, more: object): object => ({
      name,
      paths: [`/${name}`],
      strip_path: false,
      plugins: [{ name: 'jwt-identity', config: { ...config, ...more } }],
    });
    const routes = [
      route('guarded', {}),
      route('open', { allow_missing: true }),
      route('admin', { authorize: [{ roles: ['admin'] }] }),
    ];
    const { port } = service.address() as AddressInfo;
    return JSON.stringify({
      _format_version: '3.0',
      services: [{ name: 's', url: `http://127.0.0.1:${port}`, routes }],
    });
  };

  /** One request of a mixed crowd: honest, nobody, forgers. */
  const send = async (serial: number): Promise<number> => {
    const path = ['/guarded', '/open', '/admin'][serial % 3]!;
    const kind = ['honest', 'admin', 'nobody', 'expired', 'foreign', 'tampered', 'old key'][serial % 7]!;
    const roles = kind === 'admin' ? ['user', 'admin'] : ['user'];
    const key = kind === 'foreign' ? foreign : kind === 'old key' ? keys[0]! : keys.at(-1)!;
    const now = Math.floor(Date.now() / 1_000);
    const exp = kind === 'expired' ? now - 600 : now + 600;
    const token = await signToken(key, { iss: provider.issuer, aud: 'shop', sub: `user-${serial}`, roles, exp });
    const credentials = kind === 'tampered' ? `${token.slice(0, -8)}AAAAAAAA` : token;
    const isGood = ['honest', 'admin', 'old key'].includes(kind);
    const tag = `${serial}-${kind}`;
    sent.set(tag, {
      path,
      subject: isGood ? `user-${serial}` : undefined,
      roles: roles.join(','),
      key: isGood ? key : undefined,
      atMs: Date.now(),
    });
    return ask(path, {
      'X-Tag': tag,
      'X-User-ID': 'root',
      X_User_Roles: 'admin',
      ...(kind !== 'nobody' && { Authorization: `Bearer ${credentials}` }),
    });
  };

  const ask = (path: string, headers: Record<string, string>): Promise<number> =>
    statusOf(`${kong.proxyUrl}${path}`, headers, agent);

  let serial = 0;
  const mixedCrowd = (): Promise<void> =>
    crowd(CLIENTS, REQUESTS_A_DISTURBANCE, async () => {
      const status = await send(serial++);
      statuses[status] = (statuses[status] ?? 0) + 1;
    });

  const recovers = async (): Promise<void> => {
    for (let attempt = 0; attempt < 300; attempt++) {
      const token = await signToken(keys.at(-1)!, {
        iss: provider.issuer,
        aud: 'shop',
        sub: 'probe',
        exp: Math.floor(Date.now() / 1_000) + 600,
      });
      sent.set('probe', { path: '/guarded', subject: 'probe', roles: '', key: keys.at(-1), atMs: Date.now() });
      const status = await ask('/guarded', { 'X-Tag': 'probe', Authorization: `Bearer ${token}` });
      if (status === 200) return;
      await delay(100);
    }
    throw new Error(`it does not serve again:\n${kong.log()}`);
  };

  /** Ids of processes that the plugin server's log names, the last first. */
  const pids = (pattern: RegExp): number[] => [...kong.log().matchAll(pattern)].map(([, pid]) => Number(pid)).reverse();
  const signal = (candidates: readonly number[], name: NodeJS.Signals): number | undefined =>
    candidates.find((pid) => {
      try {
        process.kill(pid, name);
        return true;
      } catch {
        return false;
      }
    });
  const workers = (): number[] => pids(/worker serving worker=\d+ pid=(\d+)/g);
  const supervisors = (): number[] => pids(/notice: serving socket=\S+ workers=\d+ pid=(\d+)/g);

  const disturbances: Readonly<Record<string, (round: number) => Promise<void>>> = {
    'a worker is killed': async () => {
      signal(workers(), 'SIGKILL');
      await mixedCrowd();
    },
    'a worker is frozen': async () => {
      const frozen = signal(workers(), 'SIGSTOP');
      const thaw = delay(1_500).then(() => frozen !== undefined && signal([frozen], 'SIGCONT'));
      await mixedCrowd();
      await thaw;
    },
    'the plugin server is killed': async () => {
      signal(supervisors(), 'SIGKILL');
      await mixedCrowd();
    },
    'the plugin server is told to stop': async () => {
      signal(supervisors(), 'SIGTERM');
      await mixedCrowd();
    },
    'the configuration is reloaded': async (round) => {
      await Promise.all([mixedCrowd(), kong.reload(declaration(`round-${round}`))]);
    },
    'the provider fails': async () => {
      provider.fault = FAULTS.hang;
      await mixedCrowd();
      provider.fault = FAULTS.error;
      await mixedCrowd();
      provider.fault = undefined;
    },
    'the keys are rotated, and the old one is removed': async (round) => {
      keys = [keys.at(-1)!, signingKey('ES256', `key-${round + 1}`)];
      provider.keys = keys;
      await mixedCrowd();
      removedAtMs.set(keys[0]!, Date.now());
      provider.keys = [keys[1]!];
      await mixedCrowd();
      await delay(KEY_GRACE_MS);
      await mixedCrowd();
    },
  };

  it(
    'lets nothing through that no valid token stands for, and serves again each time',
    async () => {
      await recovers();
      for (let round = 0; round < ROUNDS; round++) {
        for (const disturb of Object.values(disturbances)) {
          await disturb(round);
          await recovers();
        }
      }
      const violations = received.flatMap(({ tag, path, headers }) => {
        const violation = violationOf(sent.get(tag), path, headers);
        return violation === undefined ? [] : [`${tag} ${path}: ${violation}`];
      });
      expect(violations).toEqual([]);
      // Otherwise nothing was tried.
      expect(received.length).toBeGreaterThan(100 * ROUNDS);
      expect(statuses[401]).toBeGreaterThan(100 * ROUNDS);
      expect(statuses[200]).toBeGreaterThan(100 * ROUNDS);
      console.log(`${received.length} requests reached the service; answers: ${JSON.stringify(statuses)}`);
    },
    ROUNDS * 240_000,
  );

  function violationOf(origin: Sent | undefined, path: string, headers: IncomingHttpHeaders): string | undefined {
    if (origin === undefined) return 'nobody sent it';
    if (path !== origin.path) return `sent to ${origin.path}`;
    const { 'x-user-id': id, 'x-user-roles': roles, x_user_roles: spoofed, authorization } = headers;
    if (spoofed !== undefined) return 'a forged header came along';
    if (authorization !== undefined) return 'the token came along';
    if (origin.subject === undefined) {
      if (path !== '/open') return 'no valid token';
      return id === undefined && roles === undefined ? undefined : 'an identity without a token';
    }
    const removed = origin.key === undefined ? undefined : removedAtMs.get(origin.key);
    if (removed !== undefined && origin.atMs > removed + KEY_GRACE_MS) return 'signed with a removed key';
    if (id !== origin.subject) return `it says it is ${String(id)}`;
    if (origin.roles !== '' && roles !== origin.roles) return `it says it has ${String(roles)}`;
    return path === '/admin' && !origin.roles.includes('admin') ? 'no administrator' : undefined;
  }
});
