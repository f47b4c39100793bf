import { createInterface } from 'node:readline/promises';
import { InvalidArgumentError } from 'commander';
import { CommandFailure } from '../command-failure';

/** Asks somebody at a terminal. */
export interface Questions {
  /**
   * Asks until `parse` takes the answer; an empty answer means `preset`, where there is one.
   *
   * @param parse - throws InvalidArgumentError for an answer that cannot be used
   * @throws CommandFailure when the terminal is closed
   */
  ask<T>(question: string, parse: (answer: string) => T, preset?: string): Promise<T>;
  close(): void;
}

/** Whether somebody can be asked: stdin and stderr are a terminal. Answers may go to stdout. */
export function hasTerminal(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Opens the terminal. Questions go to stderr. */
export function openQuestions(): Questions {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new AbortController();
  const end = (): void => {
    closed.abort();
  };
  terminal.on('close', end);
  terminal.on('SIGINT', end);
  return {
    ask: async (question, parse, preset) => {
      const suffix = preset === undefined ? '' : ` [${preset}]`;
      for (;;) {
        const line = await terminal.question(`${question}${suffix}: `, { signal: closed.signal }).catch(() => {
          throw new CommandFailure('nothing was written');
        });
        const answer = line.trim() === '' ? (preset ?? '') : line.trim();
        try {
          return parse(answer);
        } catch (error) {
          if (!(error instanceof InvalidArgumentError)) throw error;
          process.stderr.write(`${error.message}\n`);
        }
      }
    },
    close: () => {
      terminal.close();
    },
  };
}
