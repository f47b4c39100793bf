import { describe, expect, it } from '@jest/globals';
import { elapsedClock } from '../../../src/documents/elapsed-clock';

describe('the clock that measures how old keys are', () => {
  const clocks = (): { step: (wallMs: number, monotonicMs: number) => number } => {
    let [wall, monotonic] = [1_800_000_000_000, 5_000];
    const elapsed = elapsedClock(
      () => wall,
      () => monotonic,
    );
    const start = elapsed();
    return {
      step: (wallMs, monotonicMs) => {
        wall += wallMs;
        monotonic += monotonicMs;
        return elapsed() - start;
      },
    };
  };

  it('goes on at its own pace when the wall clock is set back', () => {
    const { step } = clocks();
    expect(step(1_000, 1_000)).toBe(1_000);
    expect(step(-3_600_000, 1_000)).toBe(2_000);
    expect(step(1_000, 1_000)).toBe(3_000);
  });

  it('counts time that only the wall clock saw, as when the machine slept, once', () => {
    const { step } = clocks();
    expect(step(3_600_000, 10)).toBe(3_600_000);
    expect(step(10, 10)).toBe(3_600_010);
  });

  it('never steps back, also when the wall clock is set forward and back again', () => {
    const { step } = clocks();
    expect(step(3_600_000, 1_000)).toBe(3_600_000);
    expect(step(-3_600_000, 1_000)).toBe(3_601_000);
  });

  it('does not run fast because the two clocks tick at different moments', () => {
    const { step } = clocks();
    let elapsed = 0;
    for (let turn = 0; turn < 10_000; turn++) elapsed = step(turn % 2 === 0 ? 2 : 0, 1);
    expect(elapsed).toBe(10_000);
  });
});
