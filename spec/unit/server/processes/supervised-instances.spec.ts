import { describe, expect, it, jest } from '@jest/globals';
import { InstanceRegistry } from '../../../../src/server/pluginserver/instance-registry';
import { answerWorker, SupervisedInstances } from '../../../../src/server/processes/supervised-instances';
import type { FromWorker, ToWorker } from '../../../../src/server/processes/worker-messages';

describe("the supervisor's instances, as a worker sees them", () => {
  const registry = new InstanceRegistry(() => 0);
  const told: ToWorker[] = [];
  const answered = new SupervisedInstances((message) => {
    answerWorker(
      registry,
      message,
      (answer) => {
        // A worker gets its answers through a pipe.
        setImmediate(() => {
          answered.receive(answer);
        });
      },
      (answer) => told.push(answer),
    );
  }, 10_000);

  it('are started, found and closed through the supervisor', async () => {
    const id = await answered.register('{"a":1}');
    await expect(answered.find(id)).resolves.toBe('{"a":1}');
    answered.close(id);
    expect(told).toEqual([{ kind: 'instance-closed', id }]);
    await expect(answered.find(id)).resolves.toBeUndefined();
    expect(answered.waiting).toBe(0);
  });

  it('are answered for each question, whatever the order', async () => {
    const asked: FromWorker[] = [];
    const instances = new SupervisedInstances((message) => asked.push(message), 10_000);
    const found = Promise.all([instances.find(1), instances.find(2)]);
    instances.receive({ kind: 'instance-found', request: 2, config: 'two' });
    instances.receive({ kind: 'instance-found', request: 1, config: 'one' });
    await expect(found).resolves.toEqual(['one', 'two']);
    expect(asked).toHaveLength(2);
  });

  it('are given up at once when the supervisor is gone', async () => {
    const instances = new SupervisedInstances(() => undefined, 10 * 60 * 1_000);
    const before = instances.find(1);
    instances.abandon();
    await expect(before).rejects.toThrow('the supervisor does not answer');
    await expect(instances.register('{}')).rejects.toThrow('the supervisor does not answer');
    expect(instances.waiting).toBe(0);
  });

  it('are given up when the supervisor does not answer, and a late answer changes nothing', async () => {
    jest.useFakeTimers();
    try {
      const instances = new SupervisedInstances(() => undefined, 10_000);
      const outcomes = Promise.allSettled([instances.register('{}'), instances.find(1)]);
      jest.advanceTimersByTime(9_999);
      expect(instances.waiting).toBe(2);
      jest.advanceTimersByTime(1);
      expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(instances.waiting).toBe(0);
      instances.receive({ kind: 'instance-registered', request: 1, id: 5 });
    } finally {
      jest.useRealTimers();
    }
  });
});
