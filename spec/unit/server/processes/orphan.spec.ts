import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { waitForTakeover } from '../../../../src/server/processes/orphan';

describe('a worker without a supervisor', () => {
  let loss: 'removed' | 'taken' | undefined;
  let connectionCount: number;
  let isOver: boolean;
  beforeEach(() => {
    jest.useFakeTimers();
    [loss, connectionCount, isOver] = [undefined, 1, false];
    const view = {
      get loss() {
        return loss;
      },
      get connectionCount() {
        return connectionCount;
      },
    };
    void waitForTakeover(view, view).then(() => (isOver = true));
  });
  afterEach(() => {
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('goes on for ten seconds while somebody is connected', async () => {
    await jest.advanceTimersByTimeAsync(9_900);
    expect(isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(100);
    expect(isOver).toBe(true);
  });

  it.each(['taken', 'removed'] as const)('ends soon after the socket was %s', async (how) => {
    await jest.advanceTimersByTimeAsync(5_000);
    expect(isOver).toBe(false);
    loss = how;
    await jest.advanceTimersByTimeAsync(20);
    expect(isOver).toBe(true);
  });

  it('ends when nobody was connected for a second', async () => {
    connectionCount = 0;
    await jest.advanceTimersByTimeAsync(980);
    connectionCount = 1;
    await jest.advanceTimersByTimeAsync(1_000);
    connectionCount = 0;
    await jest.advanceTimersByTimeAsync(980);
    expect(isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(20);
    expect(isOver).toBe(true);
  });
});
