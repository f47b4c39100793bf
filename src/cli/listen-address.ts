import { InvalidArgumentError } from 'commander';

/** An address and a port to listen on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Returns a parser for `ADDRESS:PORT`, `[ADDRESS]:PORT` or a port of 127.0.0.1. */
export function listenAddress(example: string): (text: string) => ListenAddress {
  return (text) => {
    const [, host = '127.0.0.1', digits = ''] = /^(?:(.+):)?([0-9]{1,5})$/.exec(text) ?? [];
    const port = Number(digits);
    if (digits === '' || port > 65_535) throw new InvalidArgumentError(`It must be ADDRESS:PORT, such as ${example}.`);
    return { host: host.replace(/^\[(.+)\]$/, '$1'), port };
  };
}
