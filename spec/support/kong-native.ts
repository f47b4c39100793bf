import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { shellCommand } from '../../src/gateway/plugins/pluginsocket/server-settings';
import type { Kong, KongOptions } from './kong';
import { type KongProcess, type KongSettings, startKongItself } from './kong-itself';

const run = promisify(execFile);

/** Longest that `kong start` and `kong stop` may take, in milliseconds. */
const COMMAND_LIMIT_MS = 60_000;

/** The command of this package, as it is built. */
const COMMAND = resolve(__dirname, '../../dist/src/cli/main.js');

/** The folder with the handler inside Kong's worker, as it is built. */
const LUA_FOLDER = resolve(__dirname, '../../dist/lua');

/**
 * Whether Kong loads the handler inside its worker: `KONG_HANDLER=off` leaves it out, as on a Kong without
 * `lua_package_path`.
 */
export const hasHandler = process.env['KONG_HANDLER'] !== 'off';

/** A plugin server that Kong starts, and the plugin that it serves. */
export interface NativePluginServer {
  readonly plugin: string;
  readonly queryCommand: string;
  /** `undefined` for one that something else runs. */
  readonly startCommand: ((socket: string) => string) | undefined;
  /** Where it listens; in Kong's prefix unless given. */
  readonly socket?: string;
}

/** Returns this package's plugin server as it is built, with its own plugin or the one in a folder. */
export function packagedServer(
  serveFlags: readonly string[],
  plugin = 'jwt-identity',
  folder?: string,
): NativePluginServer {
  const command = (name: string, ...flags: readonly string[]): string =>
    shellCommand([process.execPath, COMMAND, name, ...(folder === undefined ? [] : ['--plugin', folder]), ...flags]);
  return {
    plugin,
    queryCommand: command('dump'),
    startCommand: (socket) => command('serve', '--socket', socket, ...serveFlags),
  };
}

/**
 * Starts the `kong` on PATH with the built plugin server.
 *
 * @param handler - whether it loads the handler inside its worker
 */
export function startNativeKong(options: KongOptions, handler = hasHandler): Promise<Kong> {
  return startKongItself(options, (settings) =>
    launchNativeKong(settings, [packagedServer(['--log-level', 'debug', ...settings.serveFlags])], handler),
  );
}

/** A Kong that runs on this machine. */
export interface NativeKong extends KongProcess {
  /** Its first process; workers and plugin servers descend from it. */
  readonly pid: number;
  /** Its folder, where the sockets of its plugin servers are. */
  readonly prefix: string;
}

/**
 * Starts the `kong` on PATH with these plugin servers.
 *
 * @param handler - whether it loads the handler inside its worker, or the folder that holds another one
 * @throws when it does not start, with its reason and its log
 */
export async function launchNativeKong(
  settings: Pick<KongSettings, 'declarativeConfig' | 'environment'>,
  servers: readonly NativePluginServer[],
  handler: boolean | string = hasHandler,
): Promise<NativeKong> {
  if (!existsSync(COMMAND)) throw new Error(`${COMMAND} is missing: npm run build`);
  return launch(settings, [], (prefix) => ({
    ...pluginServerSettings(servers, prefix),
    ...(handler !== false && {
      KONG_LUA_PACKAGE_PATH: `${typeof handler === 'string' ? handler : LUA_FOLDER}/?.lua;;`,
    }),
  }));
}

/** Starts the `kong` on PATH with the lines of a kong.conf. @throws as {@link launchNativeKong} does */
export async function launchKongWith(
  kongConf: string,
  settings: Pick<KongSettings, 'declarativeConfig' | 'environment'>,
): Promise<NativeKong> {
  const folder = mkdtempSync(join(tmpdir(), 'kong-conf-'));
  const file = join(folder, 'kong.conf');
  writeFileSync(file, kongConf);
  const kong = await launch(settings, ['--conf', file], () => ({}));
  return {
    ...kong,
    stop: async () => {
      await kong.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

async function launch(
  { declarativeConfig, environment }: Pick<KongSettings, 'declarativeConfig' | 'environment'>,
  startFlags: readonly string[],
  settingsFor: (prefix: string) => Readonly<Record<string, string>>,
): Promise<NativeKong> {
  const prefix = mkdtempSync(join(tmpdir(), 'kong-'));
  const configFile = join(prefix, 'kong.yml');
  writeFileSync(configFile, declarativeConfig);
  const env = {
    ...withoutKong(process.env),
    ...environment,
    KONG_PREFIX: prefix,
    KONG_DECLARATIVE_CONFIG: configFile,
    ...settingsFor(prefix),
    // Started as root, workers would run as a user who may not write here.
    ...(process.getuid?.() === 0 ? { KONG_NGINX_USER: 'root root' } : {}),
  };
  const log = (): string => readIfThere(join(prefix, 'logs/error.log'));
  try {
    await run('kong', ['start', ...startFlags], { env, timeout: COMMAND_LIMIT_MS });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const said = log();
    rmSync(prefix, { recursive: true, force: true });
    throw new Error(`kong start: ${stderr.trim()}\n${said}`, { cause: error });
  }
  const pid = Number(readFileSync(join(prefix, 'pids/nginx.pid'), 'utf8'));
  return {
    pid,
    prefix,
    log,
    isRunning: () => isAlive(pid),
    stop: async () => {
      if (isAlive(pid)) await run('kong', ['stop', '--prefix', prefix], { env, timeout: COMMAND_LIMIT_MS });
      rmSync(prefix, { recursive: true, force: true });
    },
  };
}

function pluginServerSettings(servers: readonly NativePluginServer[], folder: string): Record<string, string> {
  const settings = servers.flatMap(({ plugin, queryCommand, startCommand, socket: elsewhere }) => {
    const name = plugin.replaceAll('-', '_');
    const socket = elsewhere ?? join(folder, `${name}.socket`);
    return [
      [`KONG_PLUGINSERVER_${name.toUpperCase()}_SOCKET`, socket],
      [`KONG_PLUGINSERVER_${name.toUpperCase()}_QUERY_CMD`, queryCommand],
      ...(startCommand ? [[`KONG_PLUGINSERVER_${name.toUpperCase()}_START_CMD`, startCommand(socket)] as const] : []),
    ] as const;
  });
  return {
    KONG_PLUGINS: ['bundled', ...servers.map(({ plugin }) => plugin)].join(','),
    KONG_PLUGINSERVER_NAMES: servers.map(({ plugin }) => plugin.replaceAll('-', '_')).join(','),
    ...Object.fromEntries(settings),
  };
}

function withoutKong(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('KONG_')));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
