import { InvalidArgumentError } from 'commander';
import type { DecisionAddress } from '../server/decisions/decision-server';

/** An address and a port to listen on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Returns what `ADDRESS:PORT`, `[ADDRESS]:PORT` or a port of 127.0.0.1 says. @throws InvalidArgumentError */
export function listenAddress(text: string): ListenAddress {
  const [, host = '127.0.0.1', digits = ''] = /^(?:(.+):)?([0-9]{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535)
    throw new InvalidArgumentError('It must be ADDRESS:PORT, such as 127.0.0.1:9100.');
  return { host: host.replace(/^\[(.+)\]$/, '$1'), port };
}

/** The same, or the path of a Unix socket. @throws InvalidArgumentError */
export function decisionAddress(text: string): DecisionAddress {
  return text.includes('/') ? { path: text } : listenAddress(text);
}
