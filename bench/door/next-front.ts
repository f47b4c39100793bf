import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const EXAMPLE = join(__dirname, '../../examples/nextjs-bff');
const NEXT = join(EXAMPLE, 'node_modules/next/dist/bin/next');
/** Inside the example, because Next.js looks for itself and for React in the folders above. */
const FOLDER = join(EXAMPLE, '.bench-door');

/** A `next start` with the ways of handlers.js. */
export interface NextFront {
  readonly child: ChildProcess;
  readonly url: string;
  stop(): Promise<void>;
}

/** Builds the application in `next/` and starts it. @throws when Next.js is not installed in the example, or fails */
export async function startNextFront(env: Readonly<Record<string, string>>): Promise<NextFront> {
  if (!existsSync(NEXT)) throw new Error('Next.js is not installed: npm ci in examples/nextjs-bff');
  rmSync(FOLDER, { recursive: true, force: true });
  cpSync(join(__dirname, 'next'), FOLDER, { recursive: true });
  const environment = { ...process.env, ...env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' as const };
  const built = spawnSync(process.execPath, [NEXT, 'build'], { cwd: FOLDER, env: environment, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`next build failed:\n${built.stdout}${built.stderr}`);
  const child = spawn(process.execPath, [NEXT, 'start', '-H', '127.0.0.1', '-p', '0'], {
    cwd: FOLDER,
    env: { ...environment, HANDLERS: join(__dirname, 'handlers.js') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = (): void => void child.kill();
  process.on('exit', kill);
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
      if (address !== undefined && output.includes('Ready')) resolve(address);
    });
    child.once('exit', () => {
      reject(new Error(`next start ended:\n${output}`));
    });
  });
  return {
    child,
    url,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill();
        await ended;
      }
      rmSync(FOLDER, { recursive: true, force: true });
    },
  };
}
