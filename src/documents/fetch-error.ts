/** A document could not be had. The message is made for the log and quotes nothing of the document. */
export class FetchError extends Error {
  override readonly name = 'FetchError';

  constructor(
    message: string,
    /** HTTP status, when it was a status that made it fail. */
    readonly status?: number,
  ) {
    super(message);
  }
}
