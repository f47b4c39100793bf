import { execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Kong, KongOptions } from './kong';
import { type KongProcess, type KongSettings, startKongItself } from './kong-itself';
import { containerEngine, kongImage } from './kong-target';

const run = promisify(execFile);

/** By this label `./pongo run` finds containers that an interrupted run left behind. */
const LABEL = 'kong-plugin-jwt-identity.specs';

/** What the image starts by itself. */
const IMAGE_START_COMMAND = [
  '/usr/local/bin/kong-jwt-identity',
  'serve',
  '--socket',
  '/dev/shm/kong-jwt-identity/kong.sock',
  '--take-over',
];

/** Starts the image that {@link kongImage} names, on the network of this machine, where the services of specs are. */
export function startKongContainer(options: KongOptions): Promise<Kong> {
  return startKongItself(options, launch);
}

async function launch({ declarativeConfig, environment, serveFlags }: KongSettings): Promise<KongProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'kong-'));
  // The container's user is another one.
  chmodSync(folder, 0o755);
  const configFile = join(folder, 'kong.yml');
  writeFileSync(configFile, declarativeConfig, { mode: 0o644 });
  const startCommand = [...IMAGE_START_COMMAND, ...serveFlags].join(' ');
  // As the user who runs the specs, who alone may read the keys that they write. No user but `kong` has the usual prefix.
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const variables = {
    ...environment,
    KONG_PREFIX: '/run/kong',
    ...(uid === 0 ? { KONG_NGINX_USER: 'root root' } : {}),
    KONG_DECLARATIVE_CONFIG: configFile,
    ...(serveFlags.length > 0 ? { KONG_PLUGINSERVER_JWT_IDENTITY_START_CMD: startCommand } : {}),
  };
  // Where specs put files has the same name inside: a kong.yml may name one, for Kong to write to.
  const args = ['--detach', '--network', 'host', '--label', LABEL, '--volume', `${tmpdir()}:${tmpdir()}`];
  args.push('--user', `${uid}:${gid}`, '--pid', 'host', '--tmpfs', '/run/kong');
  for (const [name, value] of Object.entries(variables)) args.push('--env', `${name}=${value}`);
  const { stdout } = await run(containerEngine, ['run', ...args, kongImage]);
  const id = stdout.trim();

  let lines = '';
  let isRunning = true;
  const follower = spawn(containerEngine, ['logs', '--follow', id], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [follower.stdout, follower.stderr])
    stream.on('data', (chunk: Buffer) => (lines += chunk.toString()));
  const ended = new Promise<void>((resolve) => {
    follower.on('close', () => {
      isRunning = false;
      resolve();
    });
  });
  return {
    log: () => lines,
    isRunning: () => isRunning,
    stop: async () => {
      await run(containerEngine, ['rm', '--force', '--volumes', id]);
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
