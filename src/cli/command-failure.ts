/** A command that cannot do its work for a reason that its user can mend. `main` prints the message and exits with 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
