/** Each gateway while the decision server fails, changes or is replaced. The gateways run side by side: most of it is waiting. */
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { startEchoService, type EchoService } from '../../support/echo-service';
import {
  type GatewayAddresses,
  startGateway,
  type ShippedGateway,
  whyAbsent,
} from '../../support/gateways/gateway-process';
import { SHIPPED_GATEWAYS } from '../../support/gateways/shipped-gateways';
import { runCommand, type RunningCommand } from '../../support/server-process';
import { publicJwk, signingKey, signToken } from '../../support/tokens';

const key = signingKey('ES256', 'k1');
const issuers = [
  { issuer: 'https://auth.test/', audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) },
];
const PATIENCE_MS = 240_000;
/** Lets others have the processor. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

/** A decision server with two workers, a gateway that asks it, and a service behind. */
interface World {
  readonly service: EchoService;
  readonly authz: RunningCommand;
  /** Replaces the decision server with another on the same Unix socket. */
  readonly replace: () => Promise<RunningCommand>;
  /** Exchanges the policy. */
  readonly write: (config: object) => void;
  /** Returns the status of a request through the gateway. */
  readonly ask: (withToken?: boolean) => Promise<number>;
  /** Of the gateway. */
  readonly name: string;
  /** Sends a signal to all processes of the decision servers. */
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly stop: () => Promise<void>;
}

async function startWorld(shipped: ShippedGateway, isOnSocket: boolean): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'authz-'));
  // Workers of nginx are another user's.
  chmodSync(folder, 0o755);
  const [policies, path] = [join(folder, 'policies.yml'), join(folder, 'authz.sock')];
  const servers: RunningCommand[] = [];
  const serve = async (...more: readonly string[]): Promise<RunningCommand> => {
    const listening = isOnSocket ? [path, '--socket-mode', '0666'] : ['127.0.0.1:0'];
    const flags = ['--gateway', shipped.name, '--gateway-strips', shipped.strips, '--listen', ...listening, ...more];
    const common = ['--policies', policies, '--workers', '2', '--until-stdin-ends', '--log-level', 'info'];
    const server = runCommand(['authz', ...flags, ...common]);
    servers.push(server);
    await server.logged(/worker serving worker=2 /);
    return server;
  };
  const write = (config: object): void => {
    writeFileSync(`${policies}.new`, JSON.stringify({ policies: { orders: { issuers, ...config } } }));
    renameSync(`${policies}.new`, policies);
  };
  const signal: World['signal'] = (name) => {
    for (const { pid } of servers) for (const each of [...childrenOf(pid), pid]) tryKill(each, name);
  };

  write({});
  const authz = await serve();
  const service = await startEchoService();
  const [, port] = await authz.logged(/notice: serving decisions .*address=(?:127\.0\.0\.1:(\d+)|\/)/);
  const decisions: GatewayAddresses['decisions'] = isOnSocket ? { path } : { host: '127.0.0.1', port: Number(port) };
  const gateway = await startGateway(shipped, { decisions, service: { host: '127.0.0.1', port: service.port } });
  const exp = Math.floor(Date.now() / 1000) + 3_600;
  const token = await signToken(key, { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', exp });
  return {
    ...{ name: shipped.name, service, authz, write, signal },
    replace: () => serve('--take-over'),
    ask: (withToken = true) =>
      new Promise((resolve, reject) => {
        const headers = withToken ? { authorization: `Bearer ${token}` } : {};
        get({ host: gateway.host, port: gateway.port, path: '/orders', headers, agent: false }, (response) => {
          response.resume().on('end', () => {
            resolve(response.statusCode ?? 0);
          });
        }).on('error', reject);
      }),
    stop: async () => {
      await gateway.stop();
      await service.stop();
      signal('SIGKILL');
      await Promise.all(servers.map(({ ended }) => ended));
      rmSync(folder, { recursive: true });
    },
  };
}

/** Asks again and again, four requests at a time, while something happens. Returns every status that came. */
async function statusesDuring({ ask }: World, happening: () => Promise<unknown>): Promise<Set<number>> {
  const statuses = new Set<number>();
  let isOver = false;
  const load = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      statuses.add(await ask());
      await pause();
    }
  });
  await happening().finally(() => {
    isOver = true;
  });
  await Promise.all(load);
  return statuses;
}

/** Runs a spec for each gateway that is there, beside the other specs of this file. */
function forEachGateway(
  what: string,
  act: (world: World) => Promise<void>,
  { isOnSocket = false }: { isOnSocket?: boolean } = {},
): void {
  for (const shipped of SHIPPED_GATEWAYS) {
    if (isOnSocket && !shipped.hasUnixSockets) continue;
    const absence = whyAbsent(shipped);
    if (absence !== undefined) {
      it.skip(`${shipped.name} ${what} (${absence})`, () => undefined);
      continue;
    }
    it.concurrent(
      `${shipped.name} ${what}`,
      async () => {
        const world = await startWorld(shipped, isOnSocket);
        await act(world).finally(() => world.stop());
      },
      PATIENCE_MS,
    );
  }
}

describe('while the decision server fails, changes or is replaced', () => {
  forEachGateway(
    'refuses everything while it stands still and after it was killed, and goes on in between',
    async ({ ask, service, signal }) => {
      expect(await ask()).toBe(200);
      signal('SIGSTOP');
      for (const status of await Promise.all([ask(), ask(false)])) expect(status).toBeGreaterThanOrEqual(500);
      expect(service.received).toHaveLength(1);
      signal('SIGCONT');
      expect(await ask()).toBe(200);
      signal('SIGKILL');
      for (const withToken of [true, false, true]) expect(await ask(withToken)).toBeGreaterThanOrEqual(500);
      expect(service.received).toHaveLength(2);
    },
  );

  forEachGateway('answers every request by the old or the new policies while they change under load', async (world) => {
    const { authz, ask, write } = world;
    const statuses = await statusesDuring(world, async () => {
      for (const authorize of [[{ roles: ['root'] }], undefined, [{ roles: ['root'] }]]) {
        const changes = (): number => authz.stderr().split('policies reloaded').length;
        const before = changes();
        write({ authorize });
        authz.process.kill('SIGHUP');
        while (changes() === before) await pause();
      }
      while ((await ask()) !== 403) await pause();
    });
    expect(statuses).toEqual(new Set([200, 403]));
  });

  forEachGateway(
    'answers every request while another server takes the Unix socket over under load',
    async (world) => {
      const statuses = await statusesDuring(world, async () => {
        await world.replace();
        expect(await world.authz.ended).toBe(0);
      });
      // Over HTTP/2, a server cannot say that it ends without refusing what it has not read yet (docs/OTHER-GATEWAYS.md).
      if (world.name === 'envoy-grpc') statuses.delete(500);
      expect(statuses).toEqual(new Set([200]));
      expect(await world.ask(false)).toBe(401);
    },
    { isOnSocket: true },
  );
});

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}
