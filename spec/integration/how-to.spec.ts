import { execFile } from 'node:child_process';
import { createSecretKey } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { closeServer } from '../support/echo-service';
import {
  ETC,
  howToPages,
  prepared,
  type HowToStep,
  type PreparedFile,
  type ShownMessage,
} from '../support/how-to-page';
import { type Kong, startKong } from '../support/kong';
import { describeKong, kongTarget } from '../support/kong-target';
import { COMMAND } from '../support/server-process';
import { publicJwk, signingKey, signToken, type SigningKey } from '../support/tokens';

type Step<Kind extends HowToStep['kind']> = Extract<HowToStep, { readonly kind: Kind }>;

/** The key of tokens whose page names none. */
const KID = 'k1';
/** How long a change may take until each process knows of it, in milliseconds. */
const PATIENCE_MS = 30_000;

const pages = howToPages();
/** What the development gateway does not have. */
const needsKong = (kongYml: string): boolean => /\bgrpcs?:\/\//.test(kongYml);
const tried = pages.filter(({ kongYml }) => kongYml !== '');
const run = tried.filter(({ kongYml }) => kongTarget === 'native' || !needsKong(kongYml));
if (run.length < tried.length) {
  process.stderr.write(`SKIPPED: ${tried.length - run.length} page(s) of docs/how-to need Kong itself (gRPC)\n`);
}

describe('docs/how-to', () => {
  it('has pages that this spec can read', () => {
    expect(tried.length).toBeGreaterThan(10);
  });
});

describeKong('on each page of docs/how-to, the commands have the answers that it shows', () => {
  let folder: string;
  let service: Server;
  let received: IncomingMessage[];
  let provider: Server;
  let published: readonly string[];
  let kong: Kong;
  const keys = new Map<string, SigningKey>();
  const keyNamed = (kid: string): SigningKey => {
    const key = keys.get(kid) ?? signingKey('ES256', kid);
    keys.set(kid, key);
    return key;
  };
  const keySet = (): string => JSON.stringify({ keys: published.map((kid) => publicJwk(keyNamed(kid))) });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'how-to-'));
    writeCommands(folder);
    service = await listening((request, response) => {
      received.push(request);
      response.end('{}');
    });
    service.on('upgrade', (request, socket) => {
      received.push(request);
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    });
    provider = await listening((_, response) => response.end(keySet()));
    kong = await startKong({ declarativeConfig: JSON.stringify({ _format_version: '3.0', services: [] }) });
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
    await Promise.all([closeServer(service), closeServer(provider)]);
    rmSync(folder, { recursive: true });
  });

  it.each(run.map((page) => [page.name, page] as const))(
    '%s',
    async (_, { kongYml, steps }) => {
      published = [KID];
      const isFetched = steps.some(({ kind }) => kind === 'keys');
      const file = prepared(kongYml, {
        serviceUrl: urlOf(service),
        keys: isFetched ? { jwks_uri: urlOf(provider) } : { jwks: keySet() },
        folder,
      });
      await kong.reload(file.text);
      const environment: Record<string, string> = {};
      // Keys, revocations: each process learns of a change in its own time.
      let patience = 0;
      for (const step of steps) {
        if (step.kind === 'keys') published = step.kids;
        else if (step.kind === 'token') environment[step.name] = await tokenOf(step, file);
        else if (step.kind === 'request') await makeRequest(step, environment, patience);
        else {
          expectOutput(step, await outputOf(step.command, environment));
          patience = PATIENCE_MS;
        }
      }
    },
    120_000,
  );

  async function tokenOf({ claims, kid = KID, isNew }: Step<'token'>, { issuers }: PreparedFile): Promise<string> {
    const secret = issuers.get(String(claims['iss']))?.['secret'];
    const key = keyNamed(kid);
    const signer =
      typeof secret === 'string'
        ? { alg: 'HS256' as const, privateKey: createSecretKey(Buffer.from(secret)), publicKey: key.publicKey }
        : key;
    const now = Math.floor(Date.now() / 1000);
    // `revoke --issued-before now` also means tokens of the same second.
    return signToken(signer, { iat: isNew ? now + 1 : now - 60, exp: now + 300, ...claims });
  }

  async function makeRequest(
    step: Step<'request'>,
    environment: Readonly<Record<string, string>>,
    patience: number,
  ): Promise<void> {
    const latest = performance.now() + patience;
    for (;;) {
      received = [];
      const text = await outputOf(step.command, environment);
      try {
        expectAnswer(step, text);
        expectReceived(step, received);
        return;
      } catch (error) {
        if (performance.now() > latest) throw error;
        await delay(100);
      }
    }
  }

  async function outputOf(command: string, environment: Readonly<Record<string, string>>): Promise<string> {
    const here = command.replaceAll('http://127.0.0.1:8000', kong.proxyUrl).replaceAll(ETC, folder);
    const pid = /serving socket=.* pid=(\d+)/.exec(kong.log())?.[1] ?? '';
    const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}`, PLUGIN_SERVER: pid, ...environment };
    return new Promise((resolve) => {
      // A WebSocket ends when its service ends it, which curl calls an error.
      execFile('/bin/sh', ['-c', here], { env, cwd: folder, timeout: 60_000 }, (_, stdout, stderr) => {
        resolve(stdout === '' ? stderr : stdout.replaceAll(folder, ETC));
      });
    });
  }
});

/** Puts the commands that pages use into a folder: the package's own, and those that need a service manager. */
function writeCommands(folder: string): void {
  const commands = {
    'kong-jwt-identity': `exec '${process.execPath}' '${COMMAND}' "$@"`,
    sudo: 'exec "$@"',
    systemctl: '[ "$*" = "reload kong-jwt-identity" ] && kill -HUP "$PLUGIN_SERVER"',
  };
  for (const [name, text] of Object.entries(commands)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  }
}

async function listening(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function expectOutput({ command, output = '' }: Step<'command'>, text: string): void {
  if (output === '') expect([command, text]).toEqual([command, expect.not.stringMatching(/error|: no |not found/i)]);
  else expect([command, text.trim()]).toEqual([command, expect.stringMatching(patternOf(output.trim()))]);
}

/** Holds an answer to what the page shows: its status, each header that is shown, and the members of its body. */
function expectAnswer({ command, answer }: Step<'request'>, text: string): void {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const [status = '', ...lines] = head.split('\r\n');
  expect([command, status.trim()]).toEqual([command, answer.firstLine]);
  for (const [name, value] of answer.headers) {
    const values = lines
      .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
      .map((line) => line.slice(name.length + 1).trim());
    expect([command, name, values]).toEqual([command, name, [expect.stringMatching(patternOf(value))]]);
  }
  if (answer.body !== undefined) expect(JSON.parse(body)).toEqual(shownJson(answer.body));
}

/** Holds what came to the service to what the page shows: nothing more about the caller than is shown. */
function expectReceived({ command, answer, received }: Step<'request'>, requests: readonly IncomingMessage[]): void {
  if (received === undefined) {
    // Of several commands in one block, the last one has the answer.
    const others = command.split('curl ').length - 2;
    if (/ [45]\d\d\b/.test(answer.firstLine)) expect([command, requests.length]).toEqual([command, others]);
    return;
  }
  const [request] = requests;
  expect(`${request?.method ?? 'nothing'} ${request?.url ?? ''}`).toBe(received.firstLine);
  const headers = request!.headers;
  for (const [name, value] of received.headers) {
    expect([name, headers[name.toLowerCase()]]).toEqual([name, expect.stringMatching(patternOf(value))]);
  }
  const shown = received.headers.map(([name]) => name.toLowerCase());
  const others = Object.keys(headers).filter((name) => isAboutTheCaller(name) && !shown.includes(name));
  expect([command, others]).toEqual([command, []]);
}

const isAboutTheCaller = (name: string): boolean =>
  /^x-(user|client|consumer|credential|anonymous|authenticated)-/.test(name.replaceAll('_', '-')) ||
  name === 'authorization';

function patternOf(value: ShownMessage['firstLine']): RegExp {
  return new RegExp(`^${value.split('…').map(escaped).join('.*')}$`);
}

function shownJson(value: unknown): unknown {
  if (value === '…') return expect.anything();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shownJson(member)]));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
