import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { liveAsWorker } from '../../../../src/server/processes/worker-life';

const ended: unknown[] = [];
/** Timers that were set, by their time in milliseconds. */
let timers: { readonly ms: number; readonly run: () => void }[];
beforeEach(() => {
  ended.length = 0;
  timers = [];
  jest.spyOn(process, 'on').mockReturnThis();
  jest.spyOn(process.stderr, 'on').mockReturnThis();
  jest.spyOn(process, 'exit').mockImplementation(((code: unknown) => ended.push(code)) as never);
  jest.spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void, ms: number) => {
    timers.push({ ms, run });
  }) as never);
});
afterEach(() => {
  jest.restoreAllMocks();
});
const lifeWith = (drain: () => Promise<void>): ReturnType<typeof liveAsWorker> =>
  liveAsWorker(
    { drain, failAll: () => undefined },
    () => undefined,
    () => undefined,
  );

it('a worker ends when what goes on has ended', async () => {
  await lifeWith(() => Promise.resolve()).stop(5000, 0);
  expect(ended).toEqual([0]);
});

it('a worker ends with its exit code when it cannot let what goes on end', async () => {
  await lifeWith(() => Promise.reject(new Error('broken')))
    .stop(0, 1)
    .catch(() => undefined);
  expect(ended).toEqual([1]);
});

it('a worker ends soon after its time is over when what goes on does not end', () => {
  void lifeWith(() => new Promise(() => undefined)).stop(5000, 0);
  expect(ended).toEqual([]);
  expect(timers.map(({ ms }) => ms)).toEqual([6500]);
  timers[0]!.run();
  expect(ended).toEqual([0]);
});
