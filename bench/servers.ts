import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LoadConnection } from './kong/load';
import { MsgPackKong } from './kong/msgpack-kong';
import { ProtoBufKong } from './kong/protobuf-kong';
import { familyOf } from './process-meter';

const ROOT = resolve(__dirname, '..');

/** A plugin server that runs, whatever it speaks. */
export interface BenchServer {
  readonly title: string;
  /** It and its workers. */
  pids(): number[];
  connect(): Promise<LoadConnection>;
  startInstance(name: string, config: object): Promise<number>;
  stop(): Promise<void>;
}

/** This package's server, whose log can be waited for. */
export interface OurServer extends BenchServer {
  logged(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts this package's server as `npm run build` made it, with the plugin that has this name in this folder. */
export async function startOurs(
  plugins: string,
  name: string,
  workers: number,
  flags: readonly string[] = nodeFlags(),
): Promise<OurServer> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const socket = join(folder, 's');
  const own = ['--plugin', resolve(ROOT, plugins, name), '--workers', String(workers), '--until-stdin-ends'];
  const args = ['serve', '--socket', socket, ...own];
  const child = spawn(process.execPath, [...flags, join(ROOT, 'dist/src/cli/main.js'), ...args], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const logged = printed(child, child.stderr);
  // The other workers come up while the benchmark warms up.
  await logged(/notice: serving/);
  return {
    title: `kong-jwt-identity, ${workers} worker${workers === 1 ? '' : 's'}`,
    pids: () => familyOf(child.pid!),
    connect: () => ProtoBufKong.connect(socket),
    startInstance: (plugin, config) => startInstance(ProtoBufKong.connect(socket), plugin, config),
    logged,
    stop: () => stop(child, folder),
  };
}

/** Starts the least that a plugin server can do. */
export async function startFloor(): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const socket = join(folder, 's');
  const child = spawn(process.execPath, [...nodeFlags(), join(ROOT, 'bench/floor/plugin-server.js'), 'serve', socket], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await printed(child, child.stderr)(/notice: serving/);
  return {
    title: 'floor',
    pids: () => familyOf(child.pid!),
    connect: () => ProtoBufKong.connect(socket),
    startInstance: (plugin, config) => startInstance(ProtoBufKong.connect(socket), plugin, config),
    stop: () => stop(child, folder),
  };
}

/** Starts `kong-js-pluginserver` as its manual says. */
export async function startStock(plugins: string): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const command = join(ROOT, 'node_modules/kong-pdk/bin/kong-js-pluginserver');
  const args = ['-d', resolve(ROOT, plugins), '--kong-prefix', folder, '--sock-name', 's'];
  const child = spawn(process.execPath, [...nodeFlags(), command, ...args], {
    cwd: folder,
    env: { ...process.env, TS_NODE_PROJECT: join(ROOT, 'tsconfig.json') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await printed(child, child.stdout)(/server started/);
  const socket = join(folder, 's');
  return {
    title: 'kong-js-pluginserver',
    pids: () => familyOf(child.pid!),
    connect: () => MsgPackKong.connect(socket),
    startInstance: (plugin, config) => startInstance(MsgPackKong.connect(socket), plugin, config),
    stop: () => stop(child, folder),
  };
}

async function startInstance(
  connecting: Promise<ProtoBufKong | MsgPackKong>,
  name: string,
  config: object,
): Promise<number> {
  const connection = await connecting;
  const id = await connection.startInstance(name, config);
  connection.close();
  return id;
}

/** Flags for the servers' Node, such as `BENCH_NODE_FLAGS="--cpu-prof --cpu-prof-dir=/tmp/profiles"`. */
function nodeFlags(): string[] {
  return (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter(Boolean);
}

/** Returns how to wait for a text of a stream. It keeps the first that is printed, so it is for few and short lines. */
function printed(child: ChildProcess, stream: NodeJS.ReadableStream): OurServer['logged'] {
  let text = '';
  const watchers = new Set<() => void>();
  stream.on('data', (chunk: Buffer) => {
    if (text.length < 100_000) text += chunk.toString();
    for (const watcher of watchers) watcher();
  });
  return (pattern) =>
    new Promise((resolvePrinted, reject) => {
      const look = (): void => {
        const match = pattern.exec(text);
        if (match === null) return;
        watchers.delete(look);
        resolvePrinted(match);
      };
      watchers.add(look);
      child.once('exit', () => {
        reject(new Error(`the server ended: ${text}`));
      });
      look();
    });
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const limit = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(limit);
  rmSync(folder, { recursive: true, force: true });
}
