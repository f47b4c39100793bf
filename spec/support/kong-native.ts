import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Kong, KongOptions } from './kong';
import { type KongProcess, type KongSettings, startKongItself } from './kong-itself';

const run = promisify(execFile);

/** The command of this package, as it is built. */
const COMMAND = resolve(__dirname, '../../dist/src/cli/main.js');

/** Starts the `kong` on PATH with the built plugin server. */
export function startNativeKong(options: KongOptions): Promise<Kong> {
  return startKongItself(options, launch);
}

async function launch({ declarativeConfig, environment, serveFlags }: KongSettings): Promise<KongProcess> {
  if (!existsSync(COMMAND)) throw new Error(`${COMMAND} is missing: npm run build`);
  const prefix = mkdtempSync(join(tmpdir(), 'kong-'));
  const configFile = join(prefix, 'kong.yml');
  const socket = join(prefix, 'jwt_identity.socket');
  writeFileSync(configFile, declarativeConfig);
  const env = {
    ...withoutKong(process.env),
    ...environment,
    KONG_PREFIX: prefix,
    KONG_DECLARATIVE_CONFIG: configFile,
    KONG_PLUGINS: 'bundled,jwt-identity',
    KONG_PLUGINSERVER_NAMES: 'jwt_identity',
    KONG_PLUGINSERVER_JWT_IDENTITY_SOCKET: socket,
    KONG_PLUGINSERVER_JWT_IDENTITY_QUERY_CMD: `"${process.execPath}" "${COMMAND}" dump`,
    KONG_PLUGINSERVER_JWT_IDENTITY_START_CMD: `"${process.execPath}" "${COMMAND}" serve --socket ${socket} --log-level debug ${serveFlags.join(' ')}`,
    // Started as root, workers would run as a user who may not write here.
    ...(process.getuid?.() === 0 ? { KONG_NGINX_USER: 'root root' } : {}),
  };
  const log = (): string => readIfThere(join(prefix, 'logs/error.log'));
  try {
    await run('kong', ['start'], { env });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const said = log();
    rmSync(prefix, { recursive: true, force: true });
    throw new Error(`kong start: ${stderr.trim()}\n${said}`, { cause: error });
  }
  const pid = Number(readFileSync(join(prefix, 'pids/nginx.pid'), 'utf8'));
  return {
    log,
    isRunning: () => isAlive(pid),
    stop: async () => {
      if (isAlive(pid)) await run('kong', ['stop', '--prefix', prefix], { env });
      rmSync(prefix, { recursive: true, force: true });
    },
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
