/** The longest text that is compared with a pattern, in UTF-16 units; a longer one matches none. */
const MAX_TEXT_LENGTH = 4096;

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/**
 * Returns a test whether a text matches a pattern from its first character to its last. `*` stands for any text, also
 * none; every other character for itself, case included. Text with control characters matches nothing, since the
 * author of `*@example.com` thought of one line.
 *
 * It is no regular expression: every piece between two stars is looked for once, from where the one before ended, so
 * the time is bounded by the length of the text times that of the pattern, whatever either holds.
 */
export function claimPattern(pattern: string): (text: string) => boolean {
  const pieces = pattern.split('*');
  const end = pieces.pop();
  const beginning = pieces.shift();
  if (end === undefined || beginning === undefined) return (text) => text === pattern;
  return (text) => {
    if (text.length > MAX_TEXT_LENGTH || !text.startsWith(beginning) || CONTROL.test(text)) return false;
    let at = beginning.length;
    for (const piece of pieces) {
      const found = text.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return text.length - end.length >= at && text.endsWith(end);
  };
}
