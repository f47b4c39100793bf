import type { LogFields } from './log';

/** Innermost stack frames that are logged. */
const FRAMES = 3;

/**
 * Returns what may be logged of something that was thrown: its name, its code and where it came from. Never its
 * message, which may quote what was being read, such as a token or a secret.
 */
export function describeError(error: unknown): LogFields {
  if (error === undefined) return {};
  if (!(error instanceof Error)) return { error: typeof error };
  // The stack begins with the message, which may have lines that look like frames.
  const frames = (error.stack ?? '')
    .replace(error.message, '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line));
  const code = (error as NodeJS.ErrnoException).code;
  return {
    error: error.name,
    ...(typeof code === 'string' && { code }),
    ...(frames.length > 0 && {
      at: frames
        .slice(0, FRAMES)
        .map((frame) => frame.trim().replace(/^at /, ''))
        .join(' < '),
    }),
  };
}
