import { describe, expect, it } from '@jest/globals';
import { FetchError } from '../../../src/documents/fetch-error';
import type { RedisConnection, RedisReply } from '../../../src/revocation/redis-connection';
import { awaitPage, readPage, readPages } from '../../../src/revocation/redis-stream';

const record = (id: string): RedisReply => [id, ['add', `{"iss":"https://auth.example.com/","jti":"${id}","exp":1}`]];

/** Answers each command with the next reply, and notes which records were asked for. */
class Replies implements RedisConnection {
  readonly asked: string[] = [];
  constructor(private readonly replies: (RedisReply | FetchError)[]) {}

  async send([, , after = '']: readonly string[]): Promise<RedisReply> {
    this.asked.push(after);
    await new Promise(setImmediate);
    const [reply = []] = this.replies.splice(0, 1);
    if (reply instanceof FetchError) throw reply;
    return reply;
  }

  close(): void {
    // Nothing is open.
  }
}

describe('the pages of a stream', () => {
  it('are asked for while the one before is read, each behind the last record of that one', async () => {
    const connection = new Replies([[record('1-1'), record('1-2')], [record('2-1')]]);
    const seen: (readonly [string | undefined, number, number])[] = [];
    for await (const page of readPages(connection, 'key', '0-0')) {
      seen.push([page.lastId, page.changes().length, connection.asked.length]);
    }
    expect(seen).toEqual([
      ['1-2', 2, 2],
      ['2-1', 1, 3],
    ]);
    expect(connection.asked).toEqual(['(0-0', '(1-2', '(2-1']);
  });

  it.each<[string, RedisReply]>([
    ['no list', null],
    ['a number', 3],
    ['a text', 'OK'],
    ['a record that is not a list', [3]],
    ['a record without an id', [[null, ['add', '{}']]]],
    ['a record with another id', [['5', ['add', '{}']]]],
    ['a record without fields', [['5-0', null]]],
    ['the same records again', [record('1-1')]],
    ['records from before', [record('0-9')]],
  ])('are not at their end, and make nothing whole, when Redis answers with %s', async (_, reply) => {
    const read: (string | undefined)[] = [];
    const reading = async (): Promise<void> => {
      for await (const page of readPages(new Replies([[record('1-1')], reply]), 'key', '0-0')) {
        page.changes();
        read.push(page.lastId);
      }
    };
    await expect(reading()).rejects.toThrow(new FetchError('Redis answered something else than records of a stream'));
    expect(read).toEqual(['1-1']);
  });

  it('are refused as a whole when one record in the middle is not one', async () => {
    const page = await readPage(new Replies([[record('1-1'), ['1-2'], record('1-3')]]), 'key', '0-0');
    expect(() => page.changes()).toThrow(new FetchError('Redis answered something else than records of a stream'));
  });

  it('fail for who reads on, and for nobody else', async () => {
    const replies = (): (RedisReply | FetchError)[] => [[record('1-1')], new FetchError('the connection was closed')];
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      for await (const page of readPages(new Replies(replies()), 'key', '0-0')) {
        expect(page.length).toBe(1);
        break;
      }
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
      const reading = async (): Promise<void> => {
        for await (const page of readPages(new Replies(replies()), 'key', '0-0')) expect(page.length).toBe(1);
      };
      await expect(reading()).rejects.toThrow('the connection was closed');
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});

describe('the records that are waited for', () => {
  it('are none when none came in time, which Redis says with null', async () => {
    expect((await awaitPage(new Replies([null]), 'key', '0-0', 10)).length).toBe(0);
  });

  it('are not asked for again before the time is over, when the answer came at once', async () => {
    const begunAt = performance.now();
    await awaitPage(new Replies([null]), 'key', '0-0', 200);
    expect(performance.now() - begunAt).toBeGreaterThan(150);
  });

  it.each<[string, RedisReply]>([
    ['a text', 'OK'],
    ['an empty list', []],
    ['a stream without records', [['key', null]]],
  ])('are an error when Redis answers with %s', async (_, reply) => {
    await expect(awaitPage(new Replies([reply]), 'key', '0-0', 10)).rejects.toThrow(FetchError);
  });
});
