import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { READY_LINE } from '../../examples/demo/story';

const ROOT = resolve(__dirname, '../..');

/** `npm start` without its build, on free ports, as a process of its own. */
export interface DemoProcess {
  readonly pid: number;
  /** Everything that it printed until now. */
  output(): string;
  /** Resolves when it has printed a match. @throws when it ends first */
  printed(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
  /** Presses Ctrl-C. */
  interrupt(): void;
}

/** Runs the demo, whose temporary files go into `folder`. It needs `npm run build` first. */
export function runDemo(folder: string, ...flags: readonly string[]): DemoProcess {
  const child = spawn(process.execPath, [join(ROOT, 'dist/examples/demo/main.js'), ...flags], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      for (const watcher of watchers) watcher();
    });
  }
  const ended = new Promise<number | string | null>((resolveEnd) => {
    child.on('close', (code, signal) => {
      resolveEnd(signal ?? code);
    });
  });
  const printed = (pattern: RegExp): Promise<RegExpMatchArray> =>
    new Promise((resolveMatch, reject) => {
      const look = (): void => {
        const match = pattern.exec(output);
        if (match === null) return;
        watchers.delete(look);
        resolveMatch(match);
      };
      watchers.add(look);
      void ended.then((end) => {
        look();
        reject(new Error(`ended with ${String(end)} and never printed ${String(pattern)}:\n${output}`));
      });
      look();
    });
  return {
    pid: child.pid!,
    output: () => output,
    printed,
    ended,
    interrupt: () => child.kill('SIGINT'),
  };
}

/** Starts the demo on free ports and waits until it can be used. */
export async function startDemoProcess(folder: string, ...flags: readonly string[]): Promise<DemoProcess> {
  const demo = runDemo(folder, '--base-port', '0', ...flags);
  await demo.printed(new RegExp(READY_LINE.slice(0, 6)));
  return demo;
}
