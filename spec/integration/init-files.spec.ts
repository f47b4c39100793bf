import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PROVIDERS } from '../../schema/presets/providers';
import { service } from '../../src/cli/init/answers';
import { completeDraft } from '../../src/cli/init/draft-completion';
import { draftText } from '../../src/cli/init/draft-text';
import { type Kong, startKong } from '../support/kong';
import { describeKong } from '../support/kong-target';
import { rawGet, sendRaw } from '../support/raw-http';

const missing = (flag: string): never => {
  throw new Error(`missing ${flag}`);
};

describeKong('a kong.yml that init writes', () => {
  let kong: Kong;
  beforeAll(async () => {
    kong = await startKong({ declarativeConfig: JSON.stringify({ _format_version: '3.0', services: [] }) });
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
  });

  it.each(PROVIDERS)(
    'for %s is loaded, and refuses requests without a token',
    async (provider) => {
      const given = { format: 'kong', provider, conditions: [] } as const;
      const services = [
        service('yes=http://127.0.0.1:9 /yes'),
        service('1e3=http://127.0.0.1:9 /1e3 admin,"o\'clock"'),
      ];
      const { draft } = await completeDraft({ ...given, services }, undefined, missing);
      await kong.reload(draftText(draft));
      for (const path of ['/yes', '/1e3']) {
        expect(await sendRaw(kong, rawGet(path, []))).toMatchObject({
          status: 401,
          body: expect.stringContaining('"code":"token_missing"'),
        });
      }
      expect(await sendRaw(kong, rawGet('/other', []))).toMatchObject({ status: 404 });
    },
    60_000,
  );
});
