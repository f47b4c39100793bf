import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stripping } from '../../../src/server/decisions/gateway';
import type { GatewayName } from '../../../src/server/decisions/gateways';
import { ROOT } from '../running-process';

/** A gateway that the specs can start, with the files that this repository ships for it. */
export interface ShippedGateway {
  readonly name: GatewayName;
  /** The folder in examples/gateways. */
  readonly folder: string;
  /** The program on PATH. */
  readonly program: string;
  /** What prints its version. */
  readonly version: readonly string[];
  readonly args: readonly string[];
  /** What the shipped files promise. */
  readonly strips: Stripping;
  /** Adds a header that may hold a token to the shipped files, as their comments say. */
  readonly withHeader: (text: string, header: string) => string;
  /** Makes the shipped files take HTTP/2 without TLS, at {@link http2Port}; left out where they do. */
  readonly withHttp2?: (text: string) => string;
  /** Another port for it. */
  readonly http2Port?: number;
  /** Makes the shipped files ask for decisions at another target than /orders; Envoy over HTTP, at that of the client. */
  readonly asksAt: (text: string, target: string) => string;
  /** Whether it can ask over a Unix socket. */
  readonly hasUnixSockets: boolean;
}

/** Where the parts of a run are. */
export interface GatewayAddresses {
  /** The decision server, at a port or on a Unix socket. */
  readonly decisions: { readonly host: string; readonly port: number } | { readonly path: string };
  /** Where resource metadata are served, if they are. */
  readonly metadata?: { readonly host: string; readonly port: number };
  readonly service: { readonly host: string; readonly port: number };
}

/** A gateway that takes requests. */
export interface RunningGateway {
  readonly host: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Everything that it wrote. */
  output(): string;
  stop(): Promise<void>;
}

const PORT = 8080;
/** Between two looks whether a gateway is ready, in milliseconds, and how many there may be. */
const WAIT_MS = 50;
const MAX_WAITS = 800;
let lastAddress = 0;

/** An address of this machine that no other run uses: gateways cannot be told to take a free port. */
function ownAddress(): string {
  lastAddress += 1;
  // Process ids have up to 22 bits.
  const bits = (process.pid & 0x3f_ff) * 64 + (lastAddress & 63);
  return `127.${100 + ((bits >> 16) & 15)}.${(bits >> 8) & 255}.${bits & 255 || 1}`;
}

/**
 * Starts a gateway with a copy of its shipped files, in which only addresses differ, and waits until it
 * answers a request without a token with this status.
 *
 * @param edit - changes one of the files
 */
export async function startGateway(
  { folder, program, args }: ShippedGateway,
  addresses: GatewayAddresses,
  edit: (text: string, file: string) => string = (text) => text,
  readyStatus: number | 'any' = 401,
): Promise<RunningGateway> {
  const host = ownAddress();
  const copy = mkdtempSync(join(tmpdir(), `${program}-`));
  cpSync(join(ROOT, 'examples/gateways', folder), copy, { recursive: true });
  for (const file of readdirSync(copy, { recursive: true, encoding: 'utf8' })) {
    const path = join(copy, file);
    if (statSync(path).isDirectory()) continue;
    const text = withAddresses(readFileSync(path, 'utf8'), host, addresses);
    writeFileSync(path, edit(text, file));
  }
  const child = spawn(
    program,
    args.map((arg) => arg.replace('FOLDER', copy)),
    { cwd: copy },
  );
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      resolve();
    });
  });
  let waits = 0;
  while (!(await answers(host, readyStatus))) {
    if (child.exitCode !== null || waits++ > MAX_WAITS)
      throw new Error(`${program} does not ask for decisions: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  return {
    host,
    port: PORT,
    process: child,
    output: () => text,
    stop: async () => {
      const children = childrenOf(child.pid);
      child.kill('SIGKILL');
      for (const pid of children) tryKill(pid);
      await ended;
      rmSync(copy, { recursive: true, force: true });
    },
  };
}

/** The text of a shipped file with other addresses. */
function withAddresses(shipped: string, host: string, { decisions, metadata, service }: GatewayAddresses): string {
  const own = { host, port: PORT };
  let text = 'path' in decisions ? onUnixSocket(shipped, decisions.path) : withAddress(shipped, 9180, decisions);
  if (metadata !== undefined) text = withAddress(text, 9181, metadata);
  return withAddress(withAddress(text, 8081, service), PORT, own).replaceAll('{$LISTEN:127.0.0.1}', host);
}

function withAddress(text: string, shippedPort: number, to: { readonly host: string; readonly port: number }): string {
  return (
    text
      .replaceAll(`127.0.0.1:${shippedPort}`, `${to.host}:${to.port}`)
      // Envoy has addresses and ports apart.
      .replaceAll(`address: 127.0.0.1, port_value: ${shippedPort}`, `address: ${to.host}, port_value: ${to.port}`)
  );
}

/** The shipped files with a Unix socket of the decision server, as each gateway writes that. */
function onUnixSocket(text: string, path: string): string {
  return text
    .replaceAll('{$JWT_IDENTITY_AUTHZ:127.0.0.1:9180}', `unix/${path}`)
    .replaceAll('ipv4@127.0.0.1:9180', `unix@${path}`)
    .replaceAll('server 127.0.0.1:9180', `server unix:${path}`)
    .replaceAll('socket_address: { address: 127.0.0.1, port_value: 9180 }', `pipe: { path: ${path} }`);
}

const absences = new Map<string, string | undefined>();

/** Why a gateway cannot be started; `undefined` when it can. */
export function whyAbsent({ program, version }: ShippedGateway): string | undefined {
  if (!absences.has(program)) {
    const { error, status } = spawnSync(program, version, { encoding: 'utf8' });
    const reason =
      process.platform !== 'linux'
        ? 'needs the loopback addresses of Linux'
        : error !== undefined
          ? `there is no \`${program}\` on PATH`
          : status === 0
            ? undefined
            : `\`${program} ${version.join(' ')}\` fails`;
    absences.set(program, reason);
    // Straight to stderr: Jest hides what a skipped spec has to say.
    if (reason !== undefined) process.stderr.write(`The specs with ${program} are SKIPPED: ${reason}\n`);
  }
  return absences.get(program);
}

/** Whether a gateway has all of its configuration: until then it answers 404 or nothing. */
function answers(host: string, status: number | 'any'): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host, port: PORT, path: '/ready', agent: false }, (response) => {
      response.resume();
      resolve(status === 'any' || response.statusCode === status);
    }).on('error', () => {
      resolve(false);
    });
  });
}

/** nginx and HAProxy may have workers, which outlive a killed master. */
function childrenOf(pid: number | undefined): number[] {
  try {
    return execFileSync('ps', ['--ppid', String(pid), '-o', 'pid='], { encoding: 'utf8' })
      .trim()
      .split(/\s+/)
      .map(Number);
  } catch {
    return [];
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
