/**
 * Returns the expression of a route's `~` path, anchored at the start as in Kong, or `null` when it does not compile.
 * Kong 3.9.3 hands it to Rust's regex crate; JavaScript's dialect differs in rare constructs.
 */
export function pathRegExp(path: string): RegExp | null {
  try {
    // Without brackets around it: in Kong too, only the first of several alternatives is anchored.
    return new RegExp(`^${path.slice(1).replaceAll('(?P<', '(?<')}`);
  } catch {
    return null;
  }
}
