import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Kong, KongOptions } from './kong';
import { type KongProcess, type KongSettings, startKongItself } from './kong-itself';
import { containerEngine, kongImage } from './kong-target';

const run = promisify(execFile);

/** By this label `./pongo run` finds containers that an interrupted run left behind. */
const LABEL = 'kong-plugin-jwt-identity.specs';

/** Starts the image that {@link kongImage} names, on the network of this machine, where the services of specs are. */
export function startKongContainer(options: KongOptions): Promise<Kong> {
  return startKongItself(options, launch);
}

async function launch({ declarativeConfig, environment, serveFlags }: KongSettings): Promise<KongProcess> {
  if (serveFlags.length > 0) throw new Error('the image starts its own plugin server, without flags of a spec');
  const folder = mkdtempSync(join(tmpdir(), 'kong-'));
  const configFile = join(folder, 'kong.yml');
  // The container's user is another one.
  writeFileSync(configFile, declarativeConfig, { mode: 0o644 });
  const inside = '/etc/kong/kong.yml';
  const variables = { ...environment, KONG_DECLARATIVE_CONFIG: inside };
  const args = ['--detach', '--network', 'host', '--label', LABEL, '--mount'];
  args.push(`type=bind,source=${configFile},target=${inside},readonly`);
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
