import { isatty } from 'node:tty';

/** Whether SIGHUP would mean that the terminal is gone. */
export function isInTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}

/**
 * Keeps SIGHUP from ending this process, which is what it does as long as nobody listens to it. To be called before
 * anything else is loaded: Node resets what a parent has set, so until then nothing can prevent it.
 */
export function surviveHangup(): void {
  if (!isInTerminal()) process.on('SIGHUP', () => undefined);
}
