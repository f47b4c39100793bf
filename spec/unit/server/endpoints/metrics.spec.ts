import { beforeAll, describe, expect, it } from '@jest/globals';
import { register } from 'prom-client';
import { observeServer } from '../../../../src/server/endpoints/metrics';
import { decisionChannel } from '../../../../src/telemetry/channels';

const ISSUER = 'https://auth.test/';

describe('the metric of key uses', () => {
  const usesByKid = async (): Promise<Map<unknown, number>> => {
    const metric = await register.getSingleMetric('jwt_identity_key_uses_total')?.get();
    return new Map(metric?.values.map(({ labels, value }) => [labels['kid'], value]));
  };
  const use = (...kids: readonly string[]): void => {
    for (const kid of kids)
      decisionChannel.publish({ outcome: 'proceed', code: 'proceed', status: 0, issuer: ISSUER, kid });
  };
  beforeAll(() => {
    const server: unknown = { eventCount: 0, instances: { size: 0 } };
    observeServer(server as Parameters<typeof observeServer>[0], '1');
  });

  it('counts the first 100 kids apart and all further ones as "other", whatever providers publish (J4)', async () => {
    use(...Array.from({ length: 100 }, (_, at) => `kid-${at}`));
    expect((await usesByKid()).size).toBe(100);
    use(...Array.from({ length: 10_000 }, (_, at) => `new-${at}`), 'kid-7', 'new-1');
    const uses = await usesByKid();
    expect(uses.size).toBe(101);
    expect(uses.get('other')).toBe(10_001);
    expect(uses.get('kid-7')).toBe(2);
  });
});
