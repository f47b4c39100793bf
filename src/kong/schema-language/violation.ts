/** One thing that is wrong: the path of the field, with list positions from 1 as in Kong's messages, and what it is. */
export interface Violation {
  readonly field: string;
  readonly message: string;
}
