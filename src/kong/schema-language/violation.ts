/** One thing that is wrong: the path of the field, with list positions from 1 as in Kong's messages, and what it is. */
export interface Violation {
  readonly field: string;
  readonly message: string;
  /** Where it stands in the file, both from 1, for what has no field. */
  readonly position?: { readonly line: number; readonly column: number };
}
