import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const EXAMPLES = join(__dirname, '../../examples/services');
const GATEWAY = '127.0.0.1';

/** How each example is started, before its port and its gateways, and how to see whether its runtime is there. */
const LANGUAGES = [
  { name: 'Python', command: ['python3', join(EXAMPLES, 'python/service.py')], version: ['python3', '--version'] },
  { name: 'Java', command: ['java', join(EXAMPLES, 'java/Service.java')], version: ['javac', '-version'] },
  { name: 'Go', command: ['go', 'run', join(EXAMPLES, 'go/service.go')], version: ['go', 'version'] },
] as const;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** Sends a request from an address, with these header lines. */
function ask(port: number, lines: readonly string[], { from = GATEWAY, path = '/' } = {}): Promise<Answer> {
  const headers = ['Host', 'service.test', ...lines.flatMap((line) => line.split(/: (.*)/s, 2))];
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, localAddress: from, agent: false, headers };
    request(options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) as unknown });
      });
    })
      .on('error', reject)
      .end();
  });
}

/** Starts an example in a process group of its own and returns its port. */
async function start([program, ...args]: readonly [string, ...string[]]): Promise<[ChildProcess, number]> {
  const child = spawn(program, [...args, '0', `${GATEWAY}/32`], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    output += chunk.toString();
    const [, port] = /listening on (\d+)\n/.exec(output) ?? [];
    if (port !== undefined) return [child, Number(port)];
  }
  throw new Error(`it ended: ${output}`);
}

for (const { name, command, version } of LANGUAGES) {
  const isThere = spawnSync(version[0], version.slice(1)).status === 0;
  // Straight to stderr: Jest hides what a skipped spec has to say.
  if (!isThere) process.stderr.write(`The service in ${name} is SKIPPED: there is no ${version[0]} command.\n`);
  const title = isThere ? `the service in ${name}` : `the service in ${name} (no ${version[0]} command)`;

  (isThere ? describe : describe.skip)(title, () => {
    let child: ChildProcess;
    let port: number;
    beforeAll(async () => {
      [child, port] = await start(command);
    }, 120_000);
    afterAll(async () => {
      const ended = once(child, 'exit');
      process.kill(-child.pid!, 'SIGKILL');
      await ended;
    });

    it.each<[string, readonly string[], unknown]>([
      ['nobody', [], null],
      ['a caller', ['X-User-ID: ada', 'X-User-Roles: admin,support'], { id: 'ada', roles: ['admin', 'support'] }],
      ['a caller without roles', ['X-User-ID: ada'], { id: 'ada', roles: [] }],
      [
        'what is encoded',
        ['X-User-ID: Zo%C3%AB+1%25', 'X-User-Roles: a%2Cb,c d'],
        { id: 'Zoë+1%', roles: ['a,b', 'c d'] },
      ],
    ])('reads %s', async (_, lines, body) => {
      expect(await ask(port, lines)).toMatchObject({ status: 200, body });
    });

    it.each<[string, readonly string[]]>([
      ['the id twice', ['X-User-ID: ada', 'X-User-ID: bob']],
      ['the roles twice', ['X-User-ID: ada', 'X-User-Roles: a', 'X-User-Roles: b']],
      ['roles without an id', ['X-User-Roles: admin']],
      ['an id that is a list', ['X-User-ID: ada,bob']],
      ['an empty role', ['X-User-ID: ada', 'X-User-Roles: a,,b']],
      ['an empty id', ['X-User-ID: ']],
      ['a broken escape', ['X-User-ID: 100%']],
      ['an escape that is not UTF-8', ['X-User-ID: %FF']],
      ['text that is not encoded', ['X-User-ID: Zo\u00eb']],
    ])('refuses %s', async (_, lines) => {
      expect(await ask(port, lines)).toMatchObject({
        status: 400,
        headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
        body: { status: 400, title: 'Bad Request', code: 'identity_malformed' },
      });
    });

    it('takes no forged direct call, whatever X-Forwarded-For says', async () => {
      const lines = ['X-User-ID: ada', 'X-User-Roles: admin', `X-Forwarded-For: ${GATEWAY}`];
      expect(await ask(port, lines, { from: '127.0.0.2' })).toMatchObject({
        status: 403,
        body: { title: 'Forbidden', code: 'not_from_gateway' },
      });
    });

    it('asks for a role', async () => {
      const path = '/admin';
      expect(await ask(port, ['X-User-ID: ada', 'X-User-Roles: admin'], { path })).toMatchObject({ status: 200 });
      expect(await ask(port, ['X-User-ID: bob', 'X-User-Roles: administrator'], { path })).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      });
      expect(await ask(port, [], { path })).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': 'Bearer realm="service"' },
        body: { code: 'token_missing' },
      });
    });
  });
}
