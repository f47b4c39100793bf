import { describe, expect, it } from '@jest/globals';
import { backOffMs } from '../../../src/documents/back-off';

describe('the pause after a failed fetch', () => {
  const pauses = (random: number): number[] =>
    [1, 2, 3, 4, 50, 5000].map((failures) => backOffMs(failures, 30_000, () => random));

  it('is a cooldown at first, and doubles up to four', () => {
    expect(pauses(0)).toEqual([30_000, 60_000, 120_000, 120_000, 120_000, 120_000]);
  });

  it('is up to half as much longer by chance, never shorter', () => {
    expect(pauses(1)).toEqual([45_000, 90_000, 180_000, 180_000, 180_000, 180_000]);
  });
});
