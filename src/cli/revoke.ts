import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { isLoopback } from '../../schema/rules/key-url';
import { decodeCompactJws } from '../core/verification/compact-jws';
import { Refusal } from '../core/refusal/refusal';
import { FetchError } from '../documents/fetch-error';
import { UntrustedPathError } from '../files/trusted-path';
import { fileStore, REDIS_PASSWORD_VARIABLE, redisAt, redisStore, type ListStore } from '../revocation/list-store';
import { readEntry, writeEntry, type RevocationEntry } from '../revocation/revocation-entry';
import { CommandFailure } from './command-failure';

interface RevokeFlags {
  readonly file?: string;
  readonly redis?: string;
  readonly redisKey: string;
  readonly redisCa?: string;
  readonly allowPlaintext: boolean;
  readonly issuer?: string;
  readonly jti?: string;
  readonly sid?: string;
  readonly sub?: string;
  readonly clientId?: string;
  readonly token?: string;
  readonly issuedBefore?: number;
  readonly until?: number;
  readonly for: number;
  readonly init?: boolean;
  readonly list?: boolean;
  readonly undo?: boolean;
}

/** Thirty days: longer than access tokens live. An entry that ends too early gives a token back. */
const DEFAULT_SECONDS = 30 * 24 * 60 * 60;

const EXAMPLES = `
Examples:
  A stolen token, by the token itself:
    kong-jwt-identity revoke --file /etc/kong/jwt-identity/revoked.json --token stolen.jwt
  A dismissed user, in Redis:
    kong-jwt-identity revoke --redis rediss://writer@redis.example.com --issuer https://auth.example.com/ --sub alice
  All tokens of a client that were issued until now:
    kong-jwt-identity revoke --file revoked.json --issuer https://auth.example.com/ --client-id shop --issued-before now
  The entries, and undoing one:
    kong-jwt-identity revoke --file revoked.json --list
    kong-jwt-identity revoke --file revoked.json --issuer https://auth.example.com/ --sub alice --undo

The password for Redis is read from ${REDIS_PASSWORD_VARIABLE}.`;

/** `revoke`: changes or shows a list of revoked tokens. */
export function revokeCommand(): Command {
  return new Command('revoke')
    .description('revoke a token, a session, a user or a client: writes the list that gateways read')
    .addOption(new Option('--file <path>', 'the list in a file; made if it is missing').conflicts('redis'))
    .option('--redis <url>', 'the list in Redis or Valkey: redis[s]://[user@]host[:port][/database]')
    .option('--redis-key <name>', 'name of the stream', 'jwt-identity:revocations')
    .option('--redis-ca <file>', 'PEM file with the certificates that the server is verified against')
    .option('--allow-plaintext', 'UNSAFE: talk to a server on another machine without TLS', false)
    .option('--issuer <iss>', 'iss of the tokens')
    .option('--jti <id>', 'one token')
    .option('--sid <id>', 'all tokens of a session')
    .option('--sub <id>', 'all tokens of a caller')
    .option('--client-id <id>', 'all tokens of a client')
    .option('--token <file>', 'the token itself, for its iss, jti and exp; it is not verified')
    .option('--issued-before <time>', 'only older tokens: "now", ISO 8601, or seconds since 1970', time)
    .addOption(new Option('--until <time>', 'when the entry ends: ISO 8601, or seconds since 1970').argParser(time))
    .option(
      '--for <seconds>',
      'how long the entry lasts; longer than the tokens live (30 days)',
      wholeSeconds,
      DEFAULT_SECONDS,
    )
    .option('--undo', 'remove the entry: its tokens are accepted again')
    .addOption(new Option('--list', 'print the entries, one a line as JSON').conflicts(['undo', 'init']))
    .addOption(new Option('--init', 'make an empty list').conflicts('undo'))
    .addHelpText('after', EXAMPLES)
    .action(async (flags: RevokeFlags) => {
      try {
        await run(flags, storeOf(flags), Date.now() / 1000);
      } catch (error) {
        throw failure(error, flags.file ?? 'Redis');
      }
    });
}

async function run(flags: RevokeFlags, store: ListStore, now: number): Promise<void> {
  if (flags.list === true) {
    for (const entry of await store.entries(now)) print(JSON.stringify(writeEntry(entry)));
  } else if (flags.init === true) {
    print((await store.init(now)) ? `${store.name}: made an empty list` : `${store.name}: there is a list already`);
  } else if (flags.undo === true) {
    const entry = entryOf(flags, now);
    if (!(await store.undo(entry, now)))
      throw new CommandFailure(`${store.name} holds no entry about ${subject(entry)}`);
    print(`${store.name}: ${subject(entry)} is no longer revoked`);
    print(whenKnown(store));
  } else {
    const entry = entryOf(flags, now);
    await store.add(entry, now);
    // There is none for a token that has ended.
    print(`${store.name}: ${revoked(entry, (await store.find(entry, now)) ?? entry)}`);
    print(whenKnown(store));
  }
}

function storeOf({ file, redis, redisKey, redisCa, allowPlaintext }: RevokeFlags): ListStore {
  if (file !== undefined) return fileStore(file);
  if (redis === undefined) throw new CommandFailure('one of --file and --redis says where the list is');
  const config = redisAt(redis, redisKey, redisCa ?? null, process.env[REDIS_PASSWORD_VARIABLE]);
  if (!config.ssl && !allowPlaintext && !isLoopback(config.host)) {
    throw new CommandFailure(
      '--redis: must be rediss:// for a server on another machine (or --allow-plaintext, unsafe)',
    );
  }
  return redisStore(config);
}

function entryOf(flags: RevokeFlags, now: number): RevocationEntry {
  const { token, issuer, jti, sid, sub, clientId, issuedBefore, until } = flags;
  const exp = until ?? Math.ceil(now + flags.for);
  if (until !== undefined && until <= now) throw new CommandFailure('--until is in the past');
  if (token !== undefined) return entryOfToken(token);
  try {
    return readEntry({ iss: issuer, jti, sid, sub, client_id: clientId, issued_before: issuedBefore, exp });
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    if (issuer === undefined) throw new CommandFailure('--issuer says whose tokens (the iss claim)');
    throw new CommandFailure(`the entry ${error.message}`);
  }
}

function entryOfToken(path: string): RevocationEntry {
  const jws = decodeCompactJws(readFileSync(path === '-' ? 0 : path, 'utf8').trim());
  if (jws instanceof Refusal) throw new CommandFailure(`--token ${path}: is not a JWT (${jws.reason})`);
  const { iss, jti, exp } = jws.claims;
  if (jti === undefined || exp === undefined) {
    throw new CommandFailure(`--token ${path}: has no ${jti === undefined ? 'jti: name its sid or sub' : 'exp'}`);
  }
  return readEntry({ iss, jti, exp });
}

/** Says what is in force after an entry was added. */
function revoked(added: RevocationEntry, { issuedBefore, exp }: RevocationEntry): string {
  const older = issuedBefore === undefined ? '' : `, if issued before ${iso(issuedBefore)}`;
  const isMore = issuedBefore !== added.issuedBefore || exp !== added.exp;
  const earlier = isMore ? '; includes an earlier entry, which covers more' : '';
  return `revoked ${subject(added)}${older}; the entry ends ${iso(exp)}${earlier}`;
}

function subject({ issuer, kind, name }: RevocationEntry): string {
  return kind === 'iss' ? `all tokens of ${printable(issuer)}` : `${kind} ${printable(name)} of ${printable(issuer)}`;
}

function whenKnown({ delay }: ListStore): string {
  return `each gateway that reads this list knows within ${delay}; with the handler in Kong's worker add worker_cache_ttl (5 s unless configured)`;
}

function failure(error: unknown, place: string): unknown {
  if (error instanceof CommandFailure) return error;
  if (error instanceof FetchError || error instanceof UntrustedPathError) {
    return new CommandFailure(`${place}: ${error.message}`);
  }
  const { code, path } = error as NodeJS.ErrnoException;
  return code === undefined ? error : new CommandFailure(`${path ?? place}: ${code}`);
}

function time(text: string): number {
  if (text === 'now') return Math.ceil(Date.now() / 1000);
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1000;
  if (Number.isFinite(seconds)) return seconds;
  throw new InvalidArgumentError('It must be ISO 8601, such as 2027-01-15T08:00:00Z, or seconds since 1970.');
}

function wholeSeconds(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number of seconds.');
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** A name must not move the reader's cursor. */
function printable(text: string): string {
  return /^[\x21-\x7e]+$/.test(text) ? text : JSON.stringify(text);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
