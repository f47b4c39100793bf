import { expect, it, jest } from '@jest/globals';
import { createGatekeeper } from '../../../src/bff/gatekeeper';
import { publicJwk, signingKey } from '../../support/tokens';

const jwks = JSON.stringify({ keys: [publicJwk(signingKey('ES256', 'k'))] });
const config = { issuers: [{ issuer: 'https://auth.example.com/', audiences: ['shop'], jwks }] };

it('a refusal by a gatekeeper has an id in its answer that finds the line in the log, without any setting', async () => {
  const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const decision = await createGatekeeper(config).decide(new Request('https://shop.example.com/api/orders'));
    if (decision.outcome === 'proceed') throw new Error('the request was not refused');
    const { request_id: id } = (await decision.response.json()) as { request_id: string };
    expect(id).toMatch(/^[\w-]{36}$/);
    const lines = written.mock.calls.map(([line]) => String(line));
    expect(lines).toEqual([`notice: request refused request_id=${id} code=token_missing reason="no bearer token"\n`]);
  } finally {
    written.mockRestore();
  }
});
