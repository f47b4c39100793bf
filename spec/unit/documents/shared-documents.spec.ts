import { describe, expect, it } from '@jest/globals';
import { sharedDocuments, type Renewable } from '../../../src/documents/shared-documents';
import { renewalChannel } from '../../../src/telemetry/channels';

describe('documents of a process', () => {
  it('are shared by their identity', () => {
    const shared = sharedDocuments<Renewable>(2);
    let opened = 0;
    const open = (): Renewable => {
      opened += 1;
      return { renew: () => Promise.resolve() };
    };
    const [a, b] = [shared('a', open), shared('b', open)];
    expect([shared('a', open) === a, shared('b', open) === b, a === b, opened]).toEqual([true, true, false, 2]);
  });

  it('are renewed by a message, also one that made room for others', () => {
    const shared = sharedDocuments<Renewable>(2);
    const renewed: string[] = [];
    const named = (name: string) => (): Renewable => ({
      renew: () => {
        renewed.push(name);
        return Promise.resolve();
      },
    });
    const documents = ['a', 'b', 'c'].map((name) => shared(name, named(name)));
    expect(shared('a', named('another a'))).not.toBe(documents[0]);
    renewalChannel.publish({});
    expect(renewed).toEqual(['a', 'b', 'c', 'another a']);
  });
});
