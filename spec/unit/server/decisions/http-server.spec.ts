import { Agent, request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalDecisions, startLocalDecisions } from '../../../support/gateways/local-decisions';

describe('the decision server over HTTP', () => {
  let decisions: LocalDecisions;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  beforeAll(async () => {
    decisions = await startLocalDecisions('nginx', 'answered');
  });
  afterAll(async () => {
    agent.destroy();
    await decisions.stop();
  });

  const ask = (isWhole: boolean): Promise<string | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { 'X-Original-Method': 'GET', 'X-Original-URI': '/', ...(!isWhole && { 'Content-Length': '9' }) };
      const request = httpRequest({ ...decisions.address, path: '/orders', method: 'POST', headers, agent });
      request.on('error', reject);
      request.on('response', (response) => {
        response.resume();
        response.on('end', () => {
          resolve(response.headers.connection);
          if (!isWhole) request.destroy();
        });
      });
      if (isWhole) request.end();
      else request.flushHeaders();
    });

  it('keeps the connection of a gateway for its next question', async () => {
    expect(await ask(true)).toBe('keep-alive');
    expect(await ask(true)).toBe('keep-alive');
  });

  it('closes it after a question whose body has not come, which could be taken for the next question', async () => {
    expect(await ask(false)).toBe('close');
  });
});
