/**
 * What travels in HTTP is bytes. Here it is held as Node's HTTP parser gives it: a string with one character for each
 * byte. What travels to and from plugins and kong.yml is text in UTF-8.
 */

/** Returns the bytes of a text, as a byte string. */
export function toByteString(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** Returns the text that a byte string holds. Bytes that are not UTF-8 become U+FFFD, as for any reader of protobuf. */
export function toText(bytes: string): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}

function isAscii(text: string): boolean {
  return !/[^\x00-\x7f]/.test(text);
}
