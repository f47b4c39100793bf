import type { Command } from 'commander';
import { suggestion } from '../diagnostics/suggestion';

/**
 * Ends the command when it was given a flag that it does not have. commander tells of a missing flag first, which is of
 * no help to somebody who has misspelt it.
 *
 * @param args - what was given after the command's name
 * @throws CommanderError
 */
export function refuseUnknownFlag(command: Command, args: readonly string[]): void {
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? '';
    if (arg === '--') return;
    if (!arg.startsWith('-') || arg === '-') continue;
    const name = arg.startsWith('--') ? (arg.split('=', 1)[0] ?? arg) : arg.slice(0, 2);
    if (name === '-h' || name === '--help') return;
    const option = command.options.find(({ long, short }) => long === name || short === name);
    if (option === undefined) {
      const known = command.options.flatMap(({ long }) => long ?? []);
      const meant = suggestion(name, known);
      command.error(`error: unknown option '${name}'${meant === undefined ? '' : `; did you mean ${meant}?`}`, {
        code: 'commander.unknownOption',
      });
    }
    if (option.required && arg === name) index += 1;
  }
}
