import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startEchoService, type EchoService } from '../support/echo-service';
import { FAULTS, IdentityProvider } from '../support/identity-provider';
import { startKong, type Kong } from '../support/kong';
import { describeHandler, startHandlerKong, type HandlerKong } from '../support/handler-kong';
import { describeKong } from '../support/kong-target';
import { missingLines, readRunbook } from '../support/runbook';
import { COMMAND } from '../support/server-process';
import { signingKey, signToken } from '../support/tokens';

const runbook = readRunbook();
const [known, unknown] = [signingKey('ES256', 'known'), signingKey('ES256', 'unknown')];

/** An outage: how it is made, and the words that name its cause in the end. */
interface Outage {
  /** Where the runbook must lead. */
  readonly section: string;
  readonly status: number;
  /** Changes of the entry, from what accepts the provider's tokens. */
  readonly entry?: (place: Place) => object;
  /** What happens before the gateway starts to use the entry. */
  readonly before?: (place: Place) => Promise<void> | void;
  /** What happens after a first request has passed; `undefined` when none passes. */
  readonly after?: (place: Place) => Promise<void> | void;
  readonly iss?: (provider: IdentityProvider) => string;
  readonly key?: typeof known;
  /** In what the last command of the section prints. */
  readonly cause: RegExp;
}

interface Place {
  readonly provider: IdentityProvider;
  /** Path of the list of revoked tokens. */
  readonly list: string;
  /** Sends the request with the token of the outage, and returns the status. */
  readonly send: () => Promise<number>;
}

const now = (): number => Math.floor(Date.now() / 1000);
const listOf = (changes: object = {}): string => JSON.stringify({ iat: now() - 60, ...changes, revocations: [] });

const OUTAGES: readonly (readonly [name: string, outage: Outage])[] = [
  [
    'the issuer differs from the one of the tokens by its last slash',
    {
      section: 'Another issuer',
      status: 401,
      before: ({ provider }) => {
        provider.metadata = { issuer: provider.issuer.slice(0, -1) };
      },
      iss: ({ issuer }) => issuer.slice(0, -1),
      cause: /^\{"issuer":"http:\/\/127\.0\.0\.1:\d+"/m,
    },
  ],
  [
    'the key endpoint is down when the first token comes',
    {
      section: 'No keys',
      status: 503,
      before: ({ provider }) => provider.stop(),
      cause: /key set +http:\S+\/jwks: not reachable from here \(ECONNREFUSED\)/,
    },
  ],
  [
    'the provider rotates to a key set that cannot be used',
    {
      section: 'An unknown key',
      status: 401,
      entry: () => ({ key_fetch: { cooldown: 1 } }),
      after: async ({ provider, send }) => {
        provider.fault = FAULTS.emptySet;
        const fetches = provider.fetches;
        // A key that is not in the set makes the gateway ask, at most once a cooldown.
        while (provider.fetches === fetches) {
          await send();
          await wait(50);
        }
      },
      key: unknown,
      cause: /^\{"keys":\[\]\}/m,
    },
  ],
  [
    'the list of revoked tokens is too old',
    {
      section: 'A list that cannot be used',
      status: 503,
      before: ({ list }) => {
        writeFileSync(list, listOf({ exp: now() - 30 }), { mode: 0o600 });
      },
      cause: /"exp":\d+/,
    },
  ],
  [
    'an entry cannot be used',
    {
      section: 'An entry that cannot be used',
      status: 500,
      entry: () => ({ jwks_uri: undefined, jwks: '{"keys":[]}' }),
      cause: /config\.issuers\[1\]\.jwks/,
    },
  ],
];

describeKong('the runbook of docs/RUNBOOK.md leads from the id in an answer to the cause', () => {
  let service: EchoService;
  let kong: Kong;
  let folder: string;
  beforeAll(async () => {
    service = await startEchoService();
    // Each worker has its own keys: with one, it is known which keys decide.
    const serveFlags = ['--workers', '1'];
    kong = await startKong({ declarativeConfig: JSON.stringify({ _format_version: '3.0', services: [] }), serveFlags });
    folder = commandFolder();
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
    await service.stop();
    rmSync(folder, { recursive: true });
  });

  it.each(OUTAGES)(
    'when %s',
    async (_, { section, status, entry, before, after, iss, key = known, cause }) => {
      const provider = await IdentityProvider.start();
      provider.keys = [known];
      const { issuer, jwksUri } = provider;
      // Lists are shared by path.
      const list = join(folder, `revoked-${provider.port}.json`);
      writeFileSync(list, listOf(), { mode: 0o600 });
      const tokenOf = (signer: typeof known): Promise<string> =>
        signToken(signer, { iss: iss?.(provider) ?? issuer, aud: 'shop', sub: 'ada', exp: now() + 600 });
      const token = await tokenOf(key);
      const send = async (bearer = token): Promise<Response> =>
        fetch(`${kong.proxyUrl}/orders`, { headers: { authorization: `Bearer ${bearer}` } });
      const place: Place = { provider, list, send: async () => (await send()).status };

      await before?.(place);
      const config = {
        issuers: [{ issuer, audiences: ['shop'], jwks_uri: jwksUri, ...entry?.(place) }],
        revocation_lists: [{ file: list }],
      };
      const kongYml = JSON.stringify({
        _format_version: '3.0',
        services: [
          {
            name: 'shop',
            url: service.url,
            routes: [{ name: 'orders', paths: ['/orders'], plugins: [{ name: 'jwt-identity', config }] }],
          },
        ],
      });
      await kong.reload(kongYml);
      if (after !== undefined) {
        expect((await send(await tokenOf(known))).status).toBe(200);
        await after(place);
      }

      const answer = await send();
      expect(answer.status).toBe(status);
      const { request_id: requestId } = (await answer.json()) as { request_id: string };
      writeFileSync(join(folder, 'kong.yml'), kongYml);
      const here = (text: string): string =>
        text
          .replaceAll('/usr/local/kong/logs/error.log', join(folder, 'error.log'))
          .replaceAll('/etc/kong/jwt-identity/revoked.json', list)
          .replaceAll('https://auth.example.com', issuer.slice(0, -1));
      const { heading, last } = await follow(kong, requestId, folder, here);
      expect(heading).toBe(section);
      expect(last).toMatch(cause);
      await provider.stop();
    },
    120_000,
  );

  it('for each section that the table names there is an outage here', () => {
    const made = [...OUTAGES.map(([, { section }]) => section), WITHOUT_SERVER];
    expect(made.sort()).toEqual([...runbook.sections].sort());
  });
});

const WITHOUT_SERVER = 'The plugin server does not answer';

describeHandler('the runbook of docs/RUNBOOK.md leads from the id in an answer to the cause', () => {
  let kong: HandlerKong;
  let folder: string;
  beforeAll(async () => {
    const entry = { issuers: [{ issuer: 'https://auth.test/', audiences: ['shop'], secret: 'x'.repeat(32) }] };
    const routes = [{ name: 'orders', paths: ['/orders'], plugins: [{ name: 'jwt-identity', config: entry }] }];
    const services = [{ name: 'shop', url: 'http://127.0.0.1:1', routes }];
    kong = await startHandlerKong({ declarativeConfig: JSON.stringify({ _format_version: '3.0', services }) });
    folder = commandFolder();
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
    rmSync(folder, { recursive: true });
  });

  it('when the plugin server is gone', async () => {
    kong.killServer();
    const answer = await fetch(`${kong.proxyUrl}/orders`, { headers: { authorization: 'Bearer a.b.c' } });
    expect(answer.status).toBe(500);
    const { request_id: requestId } = (await answer.json()) as { request_id: string };
    const [, socket = ''] = /serving socket=(\S+)/.exec(kong.log()) ?? [];
    const here = (text: string): string =>
      text
        .replaceAll('/usr/local/kong/logs/error.log', join(folder, 'error.log'))
        .replaceAll('/usr/local/kong/jwt_identity.socket', socket);
    const { heading, last } = await follow(kong, requestId, folder, here);
    expect(heading).toBe(WITHOUT_SERVER);
    expect(last).toMatch(/^error: socket .*: (connect )?ECONNREFUSED|^error: socket .*refuse/m);
  }, 120_000);
});

/** A folder with the command `kong-jwt-identity`, in which the commands of the runbook run. */
function commandFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'outage-'));
  const command = join(folder, 'kong-jwt-identity');
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${COMMAND}" "$@"\n`);
  chmodSync(command, 0o755);
  return folder;
}

/**
 * Follows the runbook from the id of an answer to its end, and holds what the commands print to what it shows.
 *
 * @param here - makes the runbook's paths and addresses those of this machine
 * @returns the section that it led to, and what the last command printed
 */
async function follow(
  kong: Kong,
  requestId: string,
  folder: string,
  here: (text: string) => string,
): Promise<{ readonly heading: string; readonly last: string }> {
  // The line is written after the answer.
  const until = Date.now() + 20_000;
  while (!kong.log().includes(`request_id=${requestId} `) && Date.now() < until) await wait(20);
  writeFileSync(join(folder, 'error.log'), kong.log());
  const run = (command: string): Promise<string> => output(here(command), folder, requestId);
  const found = await run(runbook.first.command);
  const fieldOf = (name: string): string => new RegExp(`^${name} +(.*)$`, 'm').exec(found)?.[1] ?? found;
  const heading = runbook.sectionFor(fieldOf('code'), fieldOf('reason'));
  const { line, steps } = runbook.section(heading);
  expect([found, missingLines(found, line.map(here))]).toEqual([found, []]);
  expect(steps.length).toBeGreaterThan(0);
  let last = found;
  for (const { command, shown } of steps) {
    last = await run(command);
    expect([command, last, missingLines(last, shown.map(here))]).toEqual([command, last, []]);
  }
  return { heading, last };
}

/** What a command of the runbook prints, where `kong-jwt-identity` and kong.yml are. */
function output(command: string, folder: string, requestId: string): Promise<string> {
  const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}`, REQUEST_ID: requestId };
  return new Promise((resolve) => {
    execFile('/bin/sh', ['-c', command], { cwd: folder, env, timeout: 60_000 }, (_, stdout, stderr) => {
      resolve(stdout + stderr);
    });
  });
}
