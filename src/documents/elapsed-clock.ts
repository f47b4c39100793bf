/** The time in milliseconds, from wherever a clock starts to count. */
export type Clock = () => number;

/** A wall clock that gets ahead by more than this was set, or the machine slept. Slower corrections do not matter here. */
const STEP_MS = 1_000;

/**
 * Returns a clock for measuring how long something has been going on. It never steps back: with the wall clock alone,
 * one that is set back by an hour would make keys last an hour longer, or keep a provider from being asked for an hour.
 * Time during which the machine slept counts, although the monotonic clock stands still then; for whoever uses it a wall
 * clock that is set forward looks the same, and makes keys older rather than younger.
 *
 * @param wall - milliseconds since the epoch
 * @param monotonic - never steps back
 */
export function elapsedClock(wall: Clock, monotonic: Clock): Clock {
  let [lastWall, lastMonotonic, sleptMs] = [wall(), monotonic(), 0];
  return () => {
    const [nowWall, nowMonotonic] = [wall(), monotonic()];
    const aheadMs = nowWall - lastWall - (nowMonotonic - lastMonotonic);
    if (aheadMs > STEP_MS) sleptMs += aheadMs;
    [lastWall, lastMonotonic] = [nowWall, nowMonotonic];
    return nowMonotonic + sleptMs;
  };
}
