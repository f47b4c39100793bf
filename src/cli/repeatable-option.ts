import { Option } from 'commander';

/**
 * A flag that may be given several times. Its value is a list, which is empty without the flag; `--help` says both.
 *
 * @param append - reads one more text, and returns the list with it. It throws `InvalidArgumentError`.
 */
export function repeatableOption<Value>(
  flags: string,
  description: string,
  append: (text: string, before: readonly Value[]) => readonly Value[],
): Option {
  return new Option(flags, `${description}; may be repeated`).argParser(append).default([], 'none');
}
