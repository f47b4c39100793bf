import type * as RedisClient from '@redis/client';
import type { RedisConfig } from '../../schema/config';
import { readCaFile } from '../documents/ca-file';
import { FetchError } from '../documents/fetch-error';

/** What Redis answers in RESP2. */
export type RedisReply = string | number | null | readonly RedisReply[];

/** One connection. Whatever goes wrong on it ends it: nobody waits on a connection that is in doubt. */
export interface RedisConnection {
  /**
   * Sends one command. Rejects with a {@link FetchError} that quotes no value, also when there is no answer in time.
   *
   * @param blockMs - how long the server may hold the answer back, beyond the time that any answer may take
   */
  send(command: readonly string[], blockMs?: number): Promise<RedisReply>;
  close(): void;
}

/** Where a list in Redis is, for the log; without user and password. */
export function redisName({ host, port, database, key }: RedisConfig): string {
  return `redis://${host}:${port}/${database} ${key}`;
}

/**
 * Connects, within `timeout`. TLS certificates are verified where `ssl` is set. It does not connect anew by itself.
 *
 * @throws FetchError
 */
export async function connectToRedis(config: RedisConfig): Promise<RedisConnection> {
  const { createClient } = loadClient();
  const { host, port, username, password, database, timeout } = config;
  const client = createClient({
    RESP: 2,
    socket: { host, port, connectTimeout: timeout, reconnectStrategy: false, ...tlsOf(config) },
    ...(username !== null && { username }),
    ...(password !== null && { password }),
    database,
    disableOfflineQueue: true,
    disableClientInfo: true,
    // Each command has its own time below.
    commandOptions: { timeout: 0 },
  });
  let failure: unknown;
  client.on('error', (error: unknown) => {
    failure ??= error;
  });
  const close = (): void => {
    if (client.isOpen) client.destroy();
  };
  const within = async <T>(answer: Promise<T>, milliseconds: number): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(reject, milliseconds, new FetchError(`no answer within ${milliseconds} ms`));
    });
    try {
      return await Promise.race([answer, late]);
    } catch (error) {
      answer.catch(() => undefined);
      close();
      throw error instanceof FetchError ? error : new FetchError(describe(error, failure));
    } finally {
      clearTimeout(timer);
    }
  };
  await within(client.connect(), timeout);
  // Following a list must not keep a process going that does nothing else. Whoever waits for an answer has a timer.
  client.unref();
  return {
    send: (command, blockMs = 0) => within(client.sendCommand<RedisReply>([...command]), timeout + blockMs),
    close,
  };
}

function tlsOf({ ssl, host, serverName, caFile }: RedisConfig): object {
  if (!ssl) return {};
  const ca = caFile === null ? {} : { ca: readCaFile(caFile) };
  return { tls: true, rejectUnauthorized: true, servername: serverName ?? host, ...ca };
}

/** Error words of Redis (`WRONGPASS`), codes of Node and OpenSSL. Messages may quote what was sent. */
function describe(error: unknown, failure: unknown): string {
  for (const each of [error, failure]) {
    const { code, message = '' } = each as { code?: string; message?: string };
    const [word = ''] = message.split(' ', 1);
    if (message === 'ERR no such key') return 'Redis answered: no such key';
    if (/^[A-Z]{3,}$/.test(word)) return `Redis answered ${word}`;
    if (code !== undefined) return `the connection failed (${code})`;
  }
  return 'the connection was closed';
}

function loadClient(): typeof RedisClient {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only where a list is in Redis
  return require('@redis/client') as typeof RedisClient;
}
