import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { announceSigningKey, promoteSigningKey, publicKeySet, readSigningKeys } from '../keys/signing-keys';
import type { SigningAlgorithm } from '../core/identity/signing-key';
import { CommandFailure } from './command-failure';

/** `jwks`: prints the public half of the gateway's signing keys, for services that verify with a file. */
export function jwksCommand(): Command {
  return new Command('jwks')
    .description('print the public keys of the gateway, for services that verify X-Identity-Token')
    .requiredOption('--signing-keys <file>', 'JWK set with the private keys')
    .action(({ signingKeys }: { readonly signingKeys: string }) => {
      const keys = readOrFail(signingKeys, readSigningKeys);
      process.stdout.write(`${JSON.stringify(publicKeySet(keys), null, 2)}\n`);
    });
}

interface SigningKeysFlags {
  readonly alg: SigningAlgorithm;
  readonly after?: string;
  readonly promote?: string;
}

/** `signing-keys`: prints a set of private keys, the first one or the next one of a rotation. */
export function signingKeysCommand(): Command {
  return new Command('signing-keys')
    .description(
      'print private keys for X-Identity-Token: a new one, the next one (--after), the next in use (--promote)',
    )
    .addOption(new Option('--alg <algorithm>', 'kind of the new key').choices(['EdDSA', 'ES256']).default('EdDSA'))
    .addOption(
      new Option('--after <file>', 'announce a new key: it is published behind the one that signs').conflicts(
        'promote',
      ),
    )
    .option('--promote <file>', 'sign with the key that was announced')
    .action(({ alg, after, promote }: SigningKeysFlags) => {
      const text =
        promote !== undefined
          ? readOrFail(promote, promoteSigningKey)
          : after !== undefined
            ? readOrFail(after, (current) => announceSigningKey(alg, current))
            : announceSigningKey(alg);
      process.stdout.write(text);
    });
}

function readOrFail<T>(path: string, read: (text: string) => T): T {
  try {
    return read(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new CommandFailure(`${path}: ${(error as Error).message}`);
  }
}
