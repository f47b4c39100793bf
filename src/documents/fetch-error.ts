/** A document could not be had. The message is made for the log and quotes nothing of the document. */
export class FetchError extends Error {
  override readonly name = 'FetchError';

  constructor(
    message: string,
    /** HTTP status, when it was a status that made it fail. */
    readonly status?: number,
    /** More than a line of a log can hold, such as what is wrong with each item; quotes nothing of the document either. */
    readonly details: readonly string[] = [],
  ) {
    super(message);
  }
}
