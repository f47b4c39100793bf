import { lookup, Resolver } from 'node:dns/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { lookUpName } from '../../../src/documents/name-lookup';

// Faults: name servers that do not answer, and what libuv does then. Real ones: spec/integration/dead-name-servers.spec.ts.
jest.mock('node:dns/promises');

const FOUND = [{ address: '127.0.0.1', family: 4 }];
type Reply = 'answers' | 'says no' | 'times out' | 'hangs';

describe('the lookup of a name by the system', () => {
  let replies: Readonly<Record<string, Reply>>;
  /** Lookups that occupy a thread. */
  let running: Map<string, (addresses: typeof FOUND) => void>;

  beforeEach(() => {
    running = new Map();
    jest
      .mocked(lookup as (name: string) => Promise<unknown>)
      .mockImplementation((name) => new Promise((resolve) => running.set(name, resolve)));
    jest.mocked(Resolver.prototype.resolve4 as (name: string) => Promise<unknown>).mockImplementation((name) => {
      const reply = replies[name] ?? 'answers';
      if (reply === 'answers') return Promise.resolve([]);
      if (reply === 'hangs') return new Promise(() => undefined);
      const code = reply === 'says no' ? 'ENOTFOUND' : 'ETIMEOUT';
      return Promise.reject(Object.assign(new Error(code), { code }));
    });
  });
  afterEach(async () => {
    while (running.size > 0) {
      for (const name of [...running.keys()]) end(name);
      await new Promise(setImmediate);
    }
  });

  const end = (name: string): void => {
    running.get(name)?.(FOUND);
    running.delete(name);
  };
  const runs = async (...names: readonly string[]): Promise<void> => {
    while (!names.every((name) => running.has(name))) await new Promise(setImmediate);
  };

  it.each<Reply>(['answers', 'says no'])('is made at once when a name server %s', async (reply) => {
    replies = { 'one.test': reply, 'two.test': reply, 'three.test': reply };
    const found = Object.keys(replies).map(lookUpName);
    await runs('one.test', 'two.test', 'three.test');
    Object.keys(replies).forEach(end);
    expect(await Promise.all(found)).toEqual([FOUND, FOUND, FOUND]);
  });

  it.each<Reply>(['times out', 'hangs'])(
    'is made one after the other when the name server %s, and others go on',
    async (reply) => {
      replies = { 'dead-one.test': reply, 'dead-two.test': reply };
      const dead = Object.keys(replies).map(lookUpName);
      while (running.size === 0) await new Promise(setImmediate);
      const [first = ''] = running.keys();
      const alive = lookUpName('alive.test');
      await runs('alive.test');
      expect([...running.keys()]).toEqual([first, 'alive.test']);
      end('alive.test');
      expect(await alive).toEqual(FOUND);
      end(first);
      const second = first === 'dead-one.test' ? 'dead-two.test' : 'dead-one.test';
      await runs(second);
      end(second);
      expect(await Promise.all(dead)).toEqual([FOUND, FOUND]);
    },
  );

  it('is made at once for a name in /etc/hosts, whatever name servers do', async () => {
    replies = { 'dead.test': 'times out', localhost: 'times out' };
    const [, local] = [lookUpName('dead.test'), lookUpName('LOCALHOST')];
    await runs('dead.test', 'LOCALHOST');
    end('LOCALHOST');
    expect(await local).toEqual(FOUND);
  });

  it('is made once for all who need it, and again afterwards', async () => {
    replies = {};
    const first = lookUpName('one.test');
    expect(lookUpName('one.test')).toBe(first);
    await runs('one.test');
    end('one.test');
    await first;
    expect(lookUpName('one.test')).not.toBe(first);
    await runs('one.test');
  });
});
