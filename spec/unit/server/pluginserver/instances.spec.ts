import { beforeEach, describe, expect, it } from '@jest/globals';
import { InstanceRegistry } from '../../../../src/server/pluginserver/instance-registry';
import { Instances, type InstanceSource } from '../../../../src/server/pluginserver/instances';
import { loadPlugin } from '../../../../src/server/pluginserver/plugin-module';
import { SCRIPTED_PLUGIN } from '../../../support/server-process';

const plugin = loadPlugin(SCRIPTED_PLUGIN);
const CONFIG = JSON.stringify({ behaviour: 'exit' });
const HOUR_MS = 3_600_000;

describe('instances', () => {
  let nowMs: number;
  let registry: InstanceRegistry;
  let instances: Instances;
  const now = (): number => nowMs;
  beforeEach(() => {
    nowMs = 0;
    registry = new InstanceRegistry(now);
    instances = new Instances(plugin, registry, now);
  });

  it('have ids that fit an int32, are never 0 and begin at random', () => {
    const ids = Array.from({ length: 50 }, () => new InstanceRegistry(now).register(CONFIG));
    for (const id of ids) expect(id).toBeGreaterThan(0);
    for (const id of ids) expect(id).toBeLessThan(2 ** 31);
    expect(new Set(ids).size).toBeGreaterThan(45);
  });

  it('have no id that another one still has, when the ids begin anew', () => {
    const small = new InstanceRegistry(now, 3);
    const ids = [1, 2, 3].map(() => small.register(CONFIG));
    expect([...ids].sort()).toEqual([1, 2, 3]);
    small.close(ids[1]!);
    expect(small.register(CONFIG)).toBe(ids[1]);
  });

  it('are made again when they are asked for after an idle time', async () => {
    const { id } = await instances.start(CONFIG);
    nowMs += HOUR_MS;
    expect(instances.dropUnused(HOUR_MS)).toEqual([]);
    expect(instances.size).toBe(0);
    await expect(Promise.resolve(instances.find(id))).resolves.toMatchObject({ id });
  });

  it('stay while they are used', async () => {
    const { id } = await instances.start(CONFIG);
    nowMs += HOUR_MS - 1;
    void instances.find(id);
    nowMs += HOUR_MS - 1;
    expect(instances.dropUnused(HOUR_MS)).toEqual([id]);
  });

  it('are unknown once nobody has used them anywhere for long enough', async () => {
    const { id } = await instances.start(CONFIG);
    nowMs += HOUR_MS;
    registry.dropUnused(HOUR_MS);
    instances.dropUnused(HOUR_MS);
    expect(registry.size).toBe(0);
    await expect(Promise.resolve(instances.find(id))).resolves.toBeUndefined();
  });

  it('are asked for once, however many events wait for one', async () => {
    let questions = 0;
    const source: InstanceSource = {
      register: () => 1,
      find: () => {
        questions += 1;
        return Promise.resolve(CONFIG);
      },
      close: () => undefined,
    };
    const shared = new Instances(plugin, source, now);
    const found = await Promise.all([shared.find(1), shared.find(1), shared.find(1)]);
    expect(questions).toBe(1);
    expect(new Set(found).size).toBe(1);
  });

  it('do not come back when they are closed while they are being asked for', async () => {
    let answer: (config: string) => void = () => undefined;
    const source: InstanceSource = {
      register: () => 1,
      find: () => new Promise((resolve) => (answer = resolve)),
      close: () => undefined,
    };
    const shared = new Instances(plugin, source, now);
    const finding = shared.find(1);
    shared.close(1);
    answer(CONFIG);
    await expect(Promise.resolve(finding)).resolves.toBeUndefined();
    expect(shared.size).toBe(0);
  });

  it('are not kept when the plugin refuses their configuration', async () => {
    await expect(instances.start(JSON.stringify({ behaviour: 'refuse-config' }))).rejects.toThrow();
    await expect(instances.start('no JSON')).rejects.toThrow(SyntaxError);
    expect([registry.size, instances.size]).toEqual([0, 0]);
  });

  it('are known for as long as a process asks for them, or says that it uses them', async () => {
    const { id } = await instances.start(CONFIG);
    const other = registry.register(CONFIG);
    nowMs += HOUR_MS - 1;
    expect(registry.find(id)).toBe(CONFIG);
    registry.markUsed([other, 0]);
    nowMs += HOUR_MS - 1;
    registry.dropUnused(HOUR_MS);
    expect([registry.find(id), registry.find(other)]).toEqual([CONFIG, CONFIG]);
    registry.close(other);
    expect(registry.find(other)).toBeUndefined();
  });

  it('can be asked for again when the first answer was that nobody knows them, or none', async () => {
    const answers = [() => Promise.reject(new Error('no answer')), () => undefined, () => CONFIG];
    const source: InstanceSource = { register: () => 1, find: () => answers.shift()!(), close: () => undefined };
    const shared = new Instances(plugin, source, now);
    await expect(Promise.resolve(shared.find(1))).rejects.toThrow('no answer');
    await expect(Promise.resolve(shared.find(1))).resolves.toBeUndefined();
    await expect(Promise.resolve(shared.find(1))).resolves.toMatchObject({ id: 1 });
  });
});
