/** A revoked token behind the handler inside Kong's worker, which repeats answers for `worker_cache_ttl`. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { startEchoService, type EchoService } from '../support/echo-service';
import { describeHandler, startHandlerKong, type HandlerKong } from '../support/handler-kong';
import { rawGet, sendRaw } from '../support/raw-http';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const ISSUER = 'https://auth.test/';
const key = signingKey('ES256', 'k1');
/** The file is looked at every second, and the worker repeats for two. */
const BOUND_MS = 3_000;
/** How much later than it should a busy machine may do something, in milliseconds. */
const SLACK_MS = 10_000;

let folder: string;
let service: EchoService;
let kong: HandlerKong;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'revocation-'));
  service = await startEchoService();
});
afterEach(() => kong.stop());
afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true });
});

describeHandler("the handler inside Kong's worker", () => {
  it('repeats the answer to a revoked token no longer than worker_cache_ttl', async () => {
    const file = join(folder, 'revoked.json');
    const list = (...revocations: readonly object[]): void => {
      writeFileSync(`${file}.new`, JSON.stringify({ iat: Math.floor(Date.now() / 1000), revocations }));
      renameSync(`${file}.new`, file);
    };
    const config = {
      issuers: [{ issuer: ISSUER, audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
      revocation_lists: [{ file }],
      worker_cache_ttl: 2,
    };
    list();
    kong = await startHandlerKong({
      declarativeConfig: JSON.stringify({
        _format_version: '3.0',
        plugins: [{ name: 'jwt-identity', config }],
        services: [{ name: 's', url: service.url, routes: [{ name: 'a', paths: ['/a'] }] }],
      }),
    });
    const exp = Math.floor(Date.now() / 1000) + 600;
    const [revoked, valid] = await Promise.all(
      ['ada', 'bob'].map((sub) => signToken(key, { iss: ISSUER, aud: 'shop', sub, exp })),
    );
    const statusOf = async (token: string | undefined): Promise<number | undefined> =>
      (await sendRaw(kong, rawGet('/a', [`Authorization: Bearer ${token!}`])))?.status;
    expect([await statusOf(revoked), await statusOf(revoked), await statusOf(valid)]).toEqual([200, 200, 200]);
    list({ iss: ISSUER, sub: 'ada', exp });
    const since = performance.now();
    while ((await statusOf(revoked)) !== 401) expect(performance.now() - since).toBeLessThan(BOUND_MS + SLACK_MS);
    for (let again = 0; again < 20; again += 1) expect(await statusOf(revoked)).toBe(401);
    expect(await statusOf(valid)).toBe(200);
  }, 90_000);
});
