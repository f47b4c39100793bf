import { describe, expect, it, jest } from '@jest/globals';
import { type Decision, type Entry, Journal } from '../../../examples/demo/journal';
import { requestLine, type Terminal } from '../../../examples/demo/terminal';

const plain: Terminal = { style: (_, text) => text, print: () => undefined };

const decision: Decision = {
  requestId: 'one',
  method: 'GET',
  target: '/orders',
  route: 'orders',
  outcome: 'let through',
  status: 200,
  code: undefined,
  reason: undefined,
  user: 'alice',
};
const receipt = {
  service: 'orders',
  requestId: 'one',
  method: 'GET',
  target: '/orders',
  headers: [
    ['Host', 'h'],
    ['X-User-ID', 'alice'],
  ],
} as const;

describe('the journal', () => {
  it('brings together what gateway and service saw of a request', async () => {
    const onEntry = jest.fn<(entry: Entry) => void>();
    const journal = new Journal(onEntry);
    journal.received(receipt);
    journal.decided(decision);
    expect(onEntry).toHaveBeenCalledWith({ decision, receipt });
    await expect(journal.find('one', 0)).resolves.toEqual({ decision, receipt });
  });

  it('waits for a request that is about to end', async () => {
    const journal = new Journal(() => undefined);
    const found = journal.find('one', 60_000);
    journal.decided(decision);
    await expect(found).resolves.toEqual({ decision, receipt: undefined });
  });

  it('does not wait for ever', async () => {
    await expect(new Journal(() => undefined).find('one', 1)).resolves.toBeUndefined();
  });
});

describe('the line about a request', () => {
  it('says who, what, which route, and what the service was told', () => {
    expect(requestLine({ decision, receipt }, plain)).toBe(
      'alice    GET /orders      orders    200 let through   orders was told X-User-ID: alice',
    );
  });

  it('says why a request was refused', () => {
    const refused = {
      ...decision,
      user: undefined,
      outcome: 'refused' as const,
      status: 401,
      code: 'token_missing',
      reason: 'no token',
    };
    expect(requestLine({ decision: refused, receipt: undefined }, plain)).toBe(
      'nobody   GET /orders      orders    401 refused       token_missing: no token',
    );
  });

  it('lets no client write into the terminal', () => {
    const hostile = { ...decision, target: `/\u001b[2J\r\n${'x'.repeat(5000)}` };
    const line = requestLine({ decision: hostile, receipt: undefined }, plain);
    expect(line).toMatch(/^[ -~…]+$/);
    expect(line.length).toBeLessThan(130);
  });
});
