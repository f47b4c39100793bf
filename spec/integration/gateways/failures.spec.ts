import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { startEchoService, type EchoService } from '../../support/echo-service';
import { describeGateway } from '../../support/gateways/describe-gateway';
import { startGateway, type RunningGateway } from '../../support/gateways/gateway-process';
import { SHIPPED_GATEWAYS } from '../../support/gateways/shipped-gateways';
import { runCommand, type RunningCommand } from '../../support/server-process';
import { publicJwk, signingKey, signToken } from '../../support/tokens';

const key = signingKey('ES256', 'k1');
const issuers = [
  { issuer: 'https://auth.test/', audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) },
];

for (const shipped of SHIPPED_GATEWAYS) {
  describeGateway(shipped, 'while the decision server fails', () => {
    let folder: string;
    let service: EchoService;
    let authz: RunningCommand;
    let gateway: RunningGateway;
    let headers: Record<string, string>;
    const write = (config: object): void => {
      const file = join(folder, 'policies.yml');
      writeFileSync(`${file}.new`, JSON.stringify({ policies: { orders: { issuers, ...config } } }));
      renameSync(`${file}.new`, file);
    };
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'authz-'));
      write({});
      const flags = ['--gateway', shipped.name, '--gateway-strips', shipped.strips, '--listen', '127.0.0.1:0'];
      const file = ['--policies', join(folder, 'policies.yml'), '--until-stdin-ends', '--log-level', 'info'];
      authz = runCommand(['authz', ...flags, ...file, '--workers', '2']);
      const [, port] = await authz.logged(/notice: deciding .*address=127\.0\.0\.1:(\d+)/);
      await authz.logged(/worker serving worker=2 /);
      service = await startEchoService();
      const addresses = { decisions: { host: '127.0.0.1', port: Number(port) }, service };
      gateway = await startGateway(shipped, { ...addresses, service: { host: '127.0.0.1', port: service.port } });
      const exp = Math.floor(Date.now() / 1000) + 3_600;
      headers = {
        authorization: `Bearer ${await signToken(key, { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', exp })}`,
      };
    }, 60_000);
    afterEach(async () => {
      await gateway.stop();
      await service.stop();
      for (const pid of [...childPids(), authz.pid]) tryKill(pid, 'SIGKILL');
      await authz.ended;
      rmSync(folder, { recursive: true });
    }, 60_000);

    const childPids = (): number[] => {
      try {
        return readFileSync(`/proc/${authz.pid}/task/${authz.pid}/children`, 'utf8').trim().split(' ').map(Number);
      } catch {
        return [];
      }
    };
    const ask = (with_: Record<string, string> = headers): Promise<number> =>
      new Promise((resolve, reject) => {
        get(
          { ...{ host: gateway.host, port: gateway.port }, path: '/orders', headers: with_, agent: false },
          (response) => {
            response.resume();
            response.on('end', () => {
              resolve(response.statusCode ?? 0);
            });
          },
        ).on('error', reject);
      });

    it('refuses everything after it was killed, while nobody is there', async () => {
      expect(await ask()).toBe(200);
      const before = service.received.length;
      const pids = [authz.pid, ...childPids()];
      for (const pid of pids) tryKill(pid, 'SIGKILL');
      await authz.ended;
      for (const each of [headers, {}, headers]) expect(await ask(each)).toBeGreaterThanOrEqual(500);
      expect(service.received.length).toBe(before);
    }, 60_000);

    it('refuses everything while it stands still, and goes on afterwards', async () => {
      expect(await ask()).toBe(200);
      const before = service.received.length;
      const pids = [authz.pid, ...childPids()];
      for (const pid of pids) tryKill(pid, 'SIGSTOP');
      expect(await ask()).toBeGreaterThanOrEqual(500);
      expect(await ask({})).toBeGreaterThanOrEqual(400);
      expect(service.received.length).toBe(before);
      for (const pid of pids) tryKill(pid, 'SIGCONT');
      expect(await ask()).toBe(200);
    }, 120_000);

    it('answers every request by the old or the new policies while they change under load', async () => {
      let isOver = false;
      const statuses: number[] = [];
      const load = Array.from({ length: 4 }, async () => {
        while (!isOver) statuses.push(await ask());
      });
      for (const roles of [['root'], undefined, ['root']]) {
        const seen = authz.stderr().split('other policies count').length;
        write(roles === undefined ? {} : { authorize: [{ roles }] });
        authz.process.kill('SIGHUP');
        while (authz.stderr().split('other policies count').length === seen)
          await new Promise((r) => setTimeout(r, 20));
      }
      while ((await ask()) !== 403) await new Promise((resolve) => setTimeout(resolve, 20));
      isOver = true;
      await Promise.all(load);
      expect(new Set(statuses)).toEqual(new Set([200, 403]));
    }, 60_000);
  });
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}
