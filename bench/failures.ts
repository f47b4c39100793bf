/**
 * What clients of Kong itself see when something happens to the plugin server: starts Kong (on PATH) with a guarded
 * route for each case, lets clients without a token ask all the time, and counts the answers. 401 is the plugin at work,
 * 500 is Kong without it; a request that the service sees would be the end of the promise.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import { promisify } from 'node:util';
import { familyOf } from './process-meter';

const run = promisify(execFile);
const COMMAND = `"${process.execPath}" "${resolve(__dirname, '../dist/src/cli/main.js')}"`;
const CLIENTS = 4;
const CALM_MS = 2_000;
/** Longer than workers outlive a killed supervisor. */
const AFTERMATH_MS = 13_000;

/** A Kong that serves, and what may happen to it. */
interface Stage {
  readonly socket: string;
  /** The plugin server, and its workers. */
  readonly supervisor: number;
  readonly workers: readonly number[];
  readonly kong: (...args: string[]) => Promise<unknown>;
}

interface Case {
  readonly title: string;
  readonly flags: string;
  readonly act: (stage: Stage) => unknown;
}

const takeOver = '--take-over';
const signal = (pid: number, name: NodeJS.Signals): unknown => process.kill(pid, name);
const CASES: readonly Case[] = [
  { title: 'kong reload', flags: '', act: ({ kong }) => kong('reload') },
  { title: 'kong reload, --take-over', flags: takeOver, act: ({ kong }) => kong('reload') },
  { title: 'kill -9 of one worker', flags: takeOver, act: ({ workers }) => signal(workers[0]!, 'SIGKILL') },
  {
    title: 'kill -9 of all workers',
    flags: takeOver,
    act: ({ workers }) => workers.map((pid) => signal(pid, 'SIGKILL')),
  },
  { title: 'kill -9 of the server', flags: takeOver, act: ({ supervisor }) => signal(supervisor, 'SIGKILL') },
  { title: 'SIGTERM to the server', flags: takeOver, act: ({ supervisor }) => signal(supervisor, 'SIGTERM') },
  {
    title: 'the socket is deleted',
    flags: takeOver,
    act: ({ socket }) => {
      unlinkSync(socket);
    },
  },
];

async function main(): Promise<void> {
  const { stdout } = await run('kong', ['version']);
  console.log(`Kong ${stdout.trim()}, 2 nginx workers, 2 plugin server workers, ${CLIENTS} clients without a token`);
  const table: Record<string, object> = {};
  for (const one of CASES) table[one.title] = await play(one);
  console.table(table);
}

async function play({ flags, act }: Case): Promise<object> {
  let letThrough = 0;
  const service = await listening((server) => {
    server.on('request', (_, response) => {
      letThrough += 1;
      response.end();
    });
  });
  const prefix = mkdtempSync(join(tmpdir(), 'kong-'));
  const socket = join(prefix, 's');
  const port = await freePort();
  const env = { ...process.env, ...settings(prefix, socket, port, flags) };
  const kong = (...args: string[]): Promise<unknown> => run('kong', args, { env });
  writeFileSync(join(prefix, 'kong.yml'), declarativeConfig((service.address() as AddressInfo).port));
  await kong('start');
  try {
    const ask = client(port);
    while ((await ask()) !== 401) await passed(50);
    const answers: { readonly answer: number | string; readonly atMs: number }[] = [];
    let isOn = true;
    const load = Array.from({ length: CLIENTS }, async () => {
      while (isOn) {
        answers.push({ answer: await ask(), atMs: performance.now() });
        await passed(1);
      }
    });
    await passed(CALM_MS);
    const [, pid] = /notice: serving socket=\S+ workers=2 pid=(\d+)/.exec(
      readFileSync(join(prefix, 'logs/error.log'), 'utf8'),
    )!;
    const [supervisor, ...workers] = familyOf(Number(pid));
    const actedAtMs = performance.now();
    await act({ socket, supervisor: supervisor!, workers, kong });
    await passed(AFTERMATH_MS);
    isOn = false;
    await Promise.all(load);
    const broken = answers.filter(({ answer }) => answer === 500);
    const between = (broken.at(-1)?.atMs ?? 0) - (broken[0]?.atMs ?? 0);
    return {
      '401': answers.filter(({ answer }) => answer === 401).length,
      '500': broken.length,
      'connection lost': answers.filter(({ answer }) => typeof answer === 'string').length,
      'let through': letThrough,
      'first 500 after ms': broken[0] ? Math.round(broken[0].atMs - actedAtMs) : undefined,
      'last 500 later by ms': broken[0] ? Math.round(between) : undefined,
    };
  } finally {
    await kong('stop');
    service.closeAllConnections();
    service.close();
    rmSync(prefix, { recursive: true, force: true });
  }
}

function settings(prefix: string, socket: string, port: number, flags: string): Record<string, string> {
  return {
    KONG_PREFIX: prefix,
    KONG_DATABASE: 'off',
    KONG_DECLARATIVE_CONFIG: join(prefix, 'kong.yml'),
    KONG_PROXY_LISTEN: `127.0.0.1:${port}`,
    KONG_ADMIN_LISTEN: 'off',
    KONG_ADMIN_GUI_LISTEN: 'off',
    KONG_STATUS_LISTEN: 'off',
    KONG_NGINX_WORKER_PROCESSES: '2',
    KONG_LOG_LEVEL: 'info',
    KONG_ANONYMOUS_REPORTS: 'off',
    KONG_PLUGINS: 'bundled,jwt-identity',
    KONG_PLUGINSERVER_NAMES: 'jwt_identity',
    KONG_PLUGINSERVER_JWT_IDENTITY_SOCKET: socket,
    KONG_PLUGINSERVER_JWT_IDENTITY_QUERY_CMD: `${COMMAND} dump`,
    KONG_PLUGINSERVER_JWT_IDENTITY_START_CMD: `${COMMAND} serve --socket ${socket} --workers 2 ${flags}`,
    // Started as root, workers would run as a user who may not write to the prefix.
    ...(process.getuid?.() === 0 ? { KONG_NGINX_USER: 'root root' } : {}),
  };
}

function declarativeConfig(servicePort: number): string {
  const config = { issuers: [{ issuer: 'i', audiences: ['a'], secret: 'a secret that never signed any token' }] };
  const routes = [{ name: 'guarded', paths: ['/'], plugins: [{ name: 'jwt-identity', config }] }];
  const services = [{ name: 'service', url: `http://127.0.0.1:${servicePort}`, routes }];
  return JSON.stringify({ _format_version: '3.0', services });
}

/** Returns a client; what it resolves with is the status, or what became of the connection. */
function client(port: number): () => Promise<number | string> {
  const agent = new Agent({ keepAlive: true });
  return () =>
    new Promise((resolveAnswer) => {
      const request = get({ host: '127.0.0.1', port, agent }, (response) => {
        response.resume().on('end', () => {
          resolveAnswer(response.statusCode ?? 0);
        });
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        resolveAnswer(error.code ?? 'unknown');
      });
    });
}

async function freePort(): Promise<number> {
  const server = await listening(() => undefined);
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

function listening(prepare: (server: Server) => void): Promise<Server> {
  const server = createServer();
  prepare(server);
  return new Promise((resolveServer) => {
    server.listen(0, '127.0.0.1', () => {
      resolveServer(server);
    });
  });
}

void main();
