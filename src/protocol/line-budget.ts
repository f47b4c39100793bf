/**
 * How many lines about refusals may go into a log. Clients cause refusals, so without a bound they could fill a disk.
 *
 * This file is compiled twice, to JavaScript and to Lua, and imports nothing.
 */

/** Lines of one kind that may be written at once. */
const BURST = 20;
/** Lines of one kind that may be written each second after that. */
const PER_SECOND = 2;
/** Kinds that are told apart. They come from the configuration; those that exceed it share one budget. */
const MAX_KINDS = 1000;
const OTHER_KINDS = 'other';

interface Budget {
  left: number;
  at: number;
  unwritten: number;
}

/**
 * Returns a function that says whether a line of this kind may be written now: the number of lines of the kind that
 * were not written since the last one, or `undefined` when this one must not be written either. A kind with many lines
 * takes nothing from another kind.
 */
export function createLineBudget(): (kind: string, nowSeconds: number) => number | undefined {
  const budgets: Record<string, Budget> = {};
  let kinds = 0;
  return (kind, nowSeconds) => {
    const name = budgets[kind] === undefined && kinds >= MAX_KINDS ? OTHER_KINDS : kind;
    let budget = budgets[name];
    if (budget === undefined) {
      budget = { left: BURST, at: nowSeconds, unwritten: 0 };
      budgets[name] = budget;
      kinds += 1;
    }
    const left = budget.left + (nowSeconds - budget.at) * PER_SECOND;
    budget.left = left > BURST ? BURST : left;
    budget.at = nowSeconds;
    if (budget.left < 1) {
      budget.unwritten += 1;
      return undefined;
    }
    budget.left -= 1;
    const { unwritten } = budget;
    budget.unwritten = 0;
    return unwritten;
  };
}
