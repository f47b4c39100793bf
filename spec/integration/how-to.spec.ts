import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createSecretKey } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { closeServer } from '../support/echo-service';
import { howToPages, prepared, type HowToStep, type ShownMessage } from '../support/how-to-page';
import { type Kong, startKong } from '../support/kong';
import { describeKong, kongTarget } from '../support/kong-target';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const key = signingKey('ES256', 'k1');
const jwks = JSON.stringify({ keys: [publicJwk(key)] });
const pages = howToPages();
/** What the development gateway does not have. */
const needsKong = (kongYml: string): boolean => /\bgrpcs?\b/.test(kongYml);
const tried = pages.filter(({ kongYml }) => kongYml !== '');
const run = tried.filter(({ kongYml }) => kongTarget === 'native' || !needsKong(kongYml));
if (run.length < tried.length) {
  process.stderr.write(`SKIPPED: ${tried.length - run.length} page(s) of docs/how-to need Kong itself (gRPC)\n`);
}

describe('docs/how-to', () => {
  it('has pages that this spec can read', () => {
    expect(tried.length).toBeGreaterThan(5);
  });
});

describeKong('on each page of docs/how-to, the commands have the answers that it shows', () => {
  let service: Server;
  let serviceUrl: string;
  let received: IncomingMessage[];
  let kong: Kong;
  beforeAll(async () => {
    service = createServer((request, response) => {
      received.push(request);
      response.end('{}');
    });
    service.on('upgrade', (request, socket) => {
      received.push(request);
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    });
    await new Promise<void>((listening) => service.listen(0, '127.0.0.1', listening));
    serviceUrl = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
    kong = await startKong({ declarativeConfig: JSON.stringify({ _format_version: '3.0', services: [] }) });
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
    await closeServer(service);
  });

  it.each(run.map((page) => [page.name, page] as const))(
    '%s',
    async (_, { kongYml, tokens, steps }) => {
      const { text, issuers } = prepared(kongYml, serviceUrl, jwks);
      await kong.reload(text);
      const environment: Record<string, string> = {};
      const now = Math.floor(Date.now() / 1000);
      for (const [name, claims] of tokens) {
        const secret = issuers.get(String(claims['iss']))?.['secret'];
        const signer =
          typeof secret === 'string'
            ? { alg: 'HS256' as const, privateKey: createSecretKey(Buffer.from(secret)), publicKey: key.publicKey }
            : key;
        environment[name] = await signToken(signer, { iat: now, exp: now + 300, ...claims });
      }
      for (const step of steps) {
        received = [];
        expectAnswer(step, await answerTo(step.command, environment));
        expectReceived(step, received);
      }
    },
    120_000,
  );

  async function answerTo(command: string, environment: Readonly<Record<string, string>>): Promise<string> {
    const here = command.replaceAll('http://127.0.0.1:8000', kong.proxyUrl);
    // A WebSocket ends when its service ends it, which curl calls an error.
    return new Promise((resolve) => {
      const env = { PATH: process.env['PATH'], ...environment };
      execFile('/bin/sh', ['-c', here], { env, timeout: 60_000 }, (_, stdout) => {
        resolve(stdout);
      });
    });
  }
});

/** Holds an answer to what the page shows: its status, each header that is shown, and the members of its body. */
function expectAnswer({ command, answer }: HowToStep, text: string): void {
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
function expectReceived({ command, answer, received }: HowToStep, requests: readonly IncomingMessage[]): void {
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
