import { afterEach, expect, it, jest } from '@jest/globals';
import { keepRunning } from '../../../../../src/gateway/plugins/pluginsocket/server-process';

afterEach(() => {
  jest.restoreAllMocks();
});

it('a plugin server has ended when its process is gone, also when another process keeps its output open', async () => {
  const set = globalThis.setTimeout;
  // The time that it has for ending by itself.
  jest
    .spyOn(globalThis, 'setTimeout')
    .mockImplementation(((run: () => void, ms: number) => set(run, ms === 5000 ? 50 : ms)) as never);
  let onLeft: (pid: number) => void;
  const left = new Promise<number>((resolve) => (onLeft = resolve));
  const settings = { name: 'other', socket: '/nowhere/other.sock', startCommand: '', queryCommand: '' };
  const server = keepRunning(settings, `sh -c 'sleep 600 & echo $!; exec sleep 600'`, (_, message) => {
    const [, pid] = /^\[other:\d+\] (\d+)$/.exec(message) ?? [];
    if (pid !== undefined) onLeft(Number(pid));
  });
  const pid = await left;
  try {
    const own = server.pid!;
    await server.stop();
    expect(() => process.kill(own, 0)).toThrow('ESRCH');
  } finally {
    process.kill(pid, 'SIGKILL');
  }
});
