import { join } from 'node:path';
import { READY_LINE } from '../../examples/demo/story';
import { ROOT, type RunningProcess, runScript } from './running-process';

/** `npm start` without its build, on free ports, as a process of its own. */
export interface DemoProcess extends RunningProcess {
  /** Presses Ctrl-C. */
  interrupt(): void;
}

/** Runs the demo, whose temporary files go into `folder`. It needs `npm run build` first. */
export function runDemo(folder: string, ...flags: readonly string[]): DemoProcess {
  const demo = runScript(join(ROOT, 'dist/examples/demo/main.js'), flags, { TMPDIR: folder });
  return { ...demo, interrupt: () => demo.process.kill('SIGINT') };
}

/** Starts the demo on free ports and waits until it can be used. */
export async function startDemoProcess(folder: string, ...flags: readonly string[]): Promise<DemoProcess> {
  const demo = runDemo(folder, '--base-port', '0', ...flags);
  await demo.printed(new RegExp(READY_LINE.slice(0, 6)));
  return demo;
}
