import { styleText } from 'node:util';
import type { Entry } from './journal';
import { isIdentityHeader, type Receipt } from './services/naive-service';

type Style = Parameters<typeof styleText>[0];

/** Writes for people, with colours where the terminal has them. */
export interface Terminal {
  readonly style: (style: Style, text: string) => string;
  readonly print: (line: string) => void;
}

/** Returns a terminal on stdout. `NO_COLOR` turns colours off (https://no-color.org). */
export function createTerminal(stdout: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): Terminal {
  const hasColors = stdout.isTTY && !environment['NO_COLOR'];
  return {
    style: (style, text) => (hasColors ? styleText(style, text) : text),
    print: (line) => stdout.write(`${line}\n`),
  };
}

/** Returns one line about a request: who, what, which route, outcome and why. */
export function requestLine({ decision, receipt }: Entry, { style }: Terminal): string {
  const { user, method, target, route, outcome, status, code, reason } = decision;
  const who = (user ?? 'nobody').padEnd(8);
  const what = `${method} ${printable(target)}`.padEnd(16);
  const verdict = style(outcome === 'let through' ? 'green' : 'red', `${status} ${outcome}`.padEnd(15));
  const why = receipt === undefined ? [code, reason].filter(Boolean).join(': ') : style('dim', toldLine(receipt));
  return `${who} ${what} ${style('dim', (route ?? 'no route').padEnd(9))} ${verdict}   ${why}`.trimEnd();
}

function toldLine({ service, headers }: Receipt): string {
  const told = headers.filter(([name]) => isIdentityHeader(name)).map(([name, value]) => `${name}: ${value}`);
  return `${service} was told ${told.length === 0 ? 'nobody' : told.join(', ')}`;
}

/** A client writes what it likes into a target, but not into the terminal (RFC 3986 allows no more than this). */
function printable(target: string): string {
  const text = target.replace(/[^\x21-\x7e]/g, '?');
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
