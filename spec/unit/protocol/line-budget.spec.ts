import { describe, expect, it } from '@jest/globals';
import { createLineBudget } from '../../../src/protocol/line-budget';

/** How many of `count` lines of a kind may be written at one moment. */
function written(mayWrite: ReturnType<typeof createLineBudget>, kind: string, now: number, count: number): number {
  return Array.from({ length: count }, () => mayWrite(kind, now)).filter((unwritten) => unwritten !== undefined).length;
}

describe('the budget of lines about refusals', () => {
  it('allows 20 lines of a kind at once, then two a second', () => {
    const mayWrite = createLineBudget();
    expect(written(mayWrite, 'forbidden', 100, 1000)).toBe(20);
    expect(written(mayWrite, 'forbidden', 101, 1000)).toBe(2);
    expect(written(mayWrite, 'forbidden', 101.5, 1000)).toBe(1);
  });

  it('allows no more than 20 lines at once after a long silence', () => {
    const mayWrite = createLineBudget();
    written(mayWrite, 'forbidden', 0, 1);
    expect(written(mayWrite, 'forbidden', 100_000, 1000)).toBe(20);
  });

  it('says with the next line how many were not written', () => {
    const mayWrite = createLineBudget();
    written(mayWrite, 'forbidden', 0, 50);
    expect([mayWrite('forbidden', 1), mayWrite('forbidden', 1)]).toEqual([30, 0]);
  });

  it('takes nothing from one kind when another one floods', () => {
    const mayWrite = createLineBudget();
    written(mayWrite, 'token_missing', 0, 100_000);
    expect(mayWrite('forbidden', 0)).toBe(0);
  });

  it('shares one budget among the kinds that exceed a thousand, so that its memory is bounded', () => {
    const mayWrite = createLineBudget();
    for (let kind = 0; kind < 1000; kind += 1) mayWrite(`kind ${kind}`, 0);
    const lines = Array.from({ length: 500 }, (_, more) => mayWrite(`more ${more}`, 0));
    expect(lines.filter((unwritten) => unwritten !== undefined).length).toBe(20);
  });
});
