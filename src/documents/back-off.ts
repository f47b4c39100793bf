/** The longest pause is this many cooldowns. */
const MAX_BACK_OFF_COOLDOWNS = 4;

/**
 * Returns how long to leave a failing provider alone: one cooldown after the first failure, then twice as long each
 * time up to four, and up to half as much again by chance, so that many gateways do not come back at once.
 *
 * @param failures - failures in a row, from 1
 * @param random - a number from 0 to 1
 */
export function backOffMs(failures: number, cooldownMs: number, random: () => number): number {
  const cooldowns = Math.min(2 ** (failures - 1), MAX_BACK_OFF_COOLDOWNS);
  return cooldownMs * cooldowns * (1 + random() / 2);
}
