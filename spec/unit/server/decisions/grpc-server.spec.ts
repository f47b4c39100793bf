/** gRPC as a decision server speaks it: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
import { once } from 'node:events';
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { decode, encode } from '../../../../src/protocol/message';
import type { DecisionServer } from '../../../../src/server/decisions/decision-server';
import {
  CHECK_PATH,
  checkRequest,
  checkResponse,
  type EnvoyCheckResponse,
} from '../../../../src/server/decisions/envoy-check';
import { grpcDecisionServer } from '../../../../src/server/decisions/grpc-server';
import { PendingDecisions } from '../../../../src/server/decisions/pending-decisions';
import type { Outcome } from '../../../../src/server/decisions/policies';
import { createReject } from '../../../../src/server/decisions/rejection';
import type { RequestView } from '../../../../src/core/request/request-view';
import type { Log } from '../../../../src/telemetry/log';

const log = jest.fn<Log>();
const logger = { log, isEnabled: () => false };
/** Status codes of gRPC. */
const [DEADLINE_EXCEEDED, UNIMPLEMENTED, RESOURCE_EXHAUSTED, INTERNAL] = ['4', '12', '8', '13'] as const;
const PERMITTED: Outcome = {
  outcome: 'proceed',
  permission: { headers: new Map([['X-User-ID', 'ada']]), forged: ['x_user_id'], setCookies: ['a=b'] },
};
const CHECK = {
  attributes: {
    request: {
      http: { method: 'GET', path: '/a?b', headerMap: { headers: [{ key: 'x-a', rawValue: Buffer.from('é') }] } },
    },
    contextExtensions: [{ key: 'policy', value: 'orders' }],
  },
};

function framed(message: Uint8Array, flag = 0, length = message.length): Buffer {
  const prefix = Buffer.from([flag, 0, 0, 0, 0]);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}
const WHOLE = framed(encode(checkRequest, CHECK));

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly response: Partial<EnvoyCheckResponse> | undefined;
}

describe('the decision server over gRPC', () => {
  const decided: [string, RequestView][] = [];
  let outcome: Outcome = PERMITTED;
  let server: DecisionServer;
  let pending: PendingDecisions;
  let session: ClientHttp2Session;
  beforeAll(async () => {
    const decide = (policy: string, request: RequestView): Promise<Outcome> => {
      decided.push([policy, request]);
      return Promise.resolve(outcome);
    };
    pending = new PendingDecisions({
      policies: { size: 1, decide },
      reject: createReject(logger),
      logger,
      deadlineMs: 10_000,
    });
    server = grpcDecisionServer(pending, () => true, logger);
    await server.listen({ host: '127.0.0.1', port: 0 });
    session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterAll(async () => {
    session.close();
    await server.drain(0);
    pending.close();
  });

  const ask = (parts: readonly Uint8Array[], more: OutgoingHttpHeaders = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = {
        ':method': 'POST',
        ':path': CHECK_PATH,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...more,
      };
      const stream = session.request(headers);
      const chunks: Buffer[] = [];
      let [head, trailers]: IncomingHttpHeaders[] = [{}, {}];
      stream.on('response', (received) => (head = received));
      stream.on('trailers', (received: IncomingHttpHeaders) => (trailers = received));
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('close', () => {
        const bytes = Buffer.concat(chunks);
        const isFramed = bytes.length >= 5 && bytes[0] === 0 && bytes.readUInt32BE(1) === bytes.length - 5;
        const response = isFramed ? decode(checkResponse, bytes.subarray(5)) : undefined;
        resolve({ headers: head!, trailers: trailers!, response });
      });
      const send = (index: number): void => {
        const part = parts[index];
        if (part === undefined) stream.end();
        else stream.write(part, () => setImmediate(send, index + 1));
      };
      send(0);
    });

  it('answers a check with one message and the status of gRPC in a trailer', async () => {
    const { headers, trailers, response } = await ask([WHOLE], { 'grpc-timeout': '5S' });
    expect(headers).toMatchObject({ ':status': 200, 'content-type': 'application/grpc+proto' });
    expect(trailers).toMatchObject({ 'grpc-status': '0' });
    expect(response).toEqual({
      status: {},
      okResponse: {
        headers: [{ header: { key: 'x-user-id', value: 'ada' }, appendAction: 2 }],
        headersToRemove: ['x_user_id'],
        responseHeadersToAdd: [{ header: { key: 'set-cookie', value: 'a=b' } }],
      },
    });
    const [policy, request] = decided.at(-1)!;
    expect([policy, request.method, request.rawQuery, { ...request.headers }]).toEqual([
      ...['orders', 'GET', 'b'],
      { 'x-a': Buffer.from('é').toString('latin1') },
    ]);
  });

  it('reads a check that comes byte by byte', async () => {
    const { response } = await ask([...WHOLE].map((byte) => Uint8Array.of(byte)));
    expect(response?.okResponse).toBeDefined();
  });

  it('skips fields that it does not know', async () => {
    const unknown = Buffer.from([0x9a, 0x06, 3, 1, 2, 3]);
    const { response } = await ask([framed(Buffer.concat([encode(checkRequest, CHECK), unknown]))]);
    expect(response?.okResponse).toBeDefined();
  });

  it.each<[string, Uint8Array]>([
    ['a message that is not a check', Buffer.from([0xff, 0xff, 0xff])],
    ['a check that is cut', WHOLE.subarray(5, -1)],
    ['a check without anything', new Uint8Array()],
  ])('refuses %s with 500', async (_, message) => {
    const before = decided.length;
    const { trailers, response } = await ask([framed(message)]);
    expect(trailers['grpc-status']).toBe('0');
    expect(response).toMatchObject({ status: { code: 7 }, deniedResponse: { status: { code: 500 } } });
    expect(response).not.toHaveProperty('okResponse');
    expect(decided.length).toBe(before);
  });

  it.each<[string, readonly Uint8Array[], OutgoingHttpHeaders, string]>([
    ['a call without a message', [], {}, UNIMPLEMENTED],
    ['half a prefix', [WHOLE.subarray(0, 3)], {}, UNIMPLEMENTED],
    ['half a message', [WHOLE.subarray(0, -1)], {}, UNIMPLEMENTED],
    ['two messages', [WHOLE, WHOLE], {}, UNIMPLEMENTED],
    ['more than 256 KiB', [framed(Buffer.alloc(300_000))], {}, RESOURCE_EXHAUSTED],
    ['a length of 4 GiB', [framed(WHOLE, 0, 0xffff_ffff)], {}, RESOURCE_EXHAUSTED],
    [
      'a compressed message that is more than 256 KiB',
      [framed(gzipSync(Buffer.alloc(300_000)), 1)],
      { 'grpc-encoding': 'gzip' },
      RESOURCE_EXHAUSTED,
    ],
    ['a compressed message that is corrupt', [framed(WHOLE, 1)], { 'grpc-encoding': 'gzip' }, INTERNAL],
    ['an encoding that is not known', [framed(WHOLE, 1)], { 'grpc-encoding': 'br' }, UNIMPLEMENTED],
    ['another method of the service', [WHOLE], { ':path': `${CHECK_PATH}2` }, UNIMPLEMENTED],
    ['another service', [WHOLE], { ':path': '/grpc.health.v1.Health/Check' }, UNIMPLEMENTED],
    ['a path that is no text', [WHOLE], { ':path': '/\u00ff' }, UNIMPLEMENTED],
    ['a deadline that is no number', [WHOLE], { 'grpc-timeout': 'soon' }, INTERNAL],
  ])('answers %s with an error of gRPC, and decides nothing', async (_, parts, headers, expected) => {
    const before = decided.length;
    const { headers: head, trailers, response } = await ask(parts, headers);
    expect({ ...head, ...trailers }['grpc-status']).toBe(expected);
    expect(response).toBeUndefined();
    expect(decided.length).toBe(before);
    expect((await ask([WHOLE])).response?.okResponse).toBeDefined();
  });

  it('answers what is not gRPC with 415', async () => {
    const { headers, response } = await ask([WHOLE], { 'content-type': 'application/json' });
    expect([headers[':status'], response]).toEqual([415, undefined]);
  });

  it('answers an exception with an error of gRPC, and logs where it came from', async () => {
    outcome = { outcome: 'proceed' } as unknown as Outcome;
    const { headers, response } = await ask([WHOLE]).finally(() => (outcome = PERMITTED));
    expect([headers['grpc-status'], response]).toEqual([INTERNAL, undefined]);
    expect(log).toHaveBeenLastCalledWith('error', 'request refused because of an unexpected error', {
      error: 'TypeError',
      at: expect.stringContaining('envoy-grpc'),
    });
  });

  it('writes no metadata of a call, which the library would quote when it cannot use it', async () => {
    const written = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const { response } = await ask([WHOLE], { 'x!y': 'secret' });
    expect(response?.okResponse).toBeDefined();
    expect(written).not.toHaveBeenCalled();
    written.mockRestore();
  });

  it('allows 10,000 checks at once on a connection', () => {
    expect(session.remoteSettings.maxConcurrentStreams).toBe(10_000);
  });

  it('goes on after a gateway has ended a check', async () => {
    const stream = session.request({ ':method': 'POST', ':path': CHECK_PATH, 'content-type': 'application/grpc' });
    stream.on('error', () => undefined);
    stream.write(WHOLE.subarray(0, 7));
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.close(8);
    await closed;
    expect((await ask([WHOLE])).response?.okResponse).toBeDefined();
  });
});

describe('a check that takes longer than the limit', () => {
  const REQUEST_MS = 1_000;
  const decided: string[] = [];
  let decide: () => Promise<Outcome>;
  let server: DecisionServer;
  let pending: PendingDecisions;
  let session: ClientHttp2Session;
  beforeEach(async () => {
    decided.length = 0;
    decide = () => Promise.resolve(PERMITTED);
    pending = new PendingDecisions({
      policies: {
        size: 1,
        decide: (policy) => {
          decided.push(policy);
          return decide();
        },
      },
      reject: createReject(logger),
      logger,
      deadlineMs: 60_000,
    });
    server = grpcDecisionServer(pending, () => true, logger, REQUEST_MS);
    await server.listen({ host: '127.0.0.1', port: 0 });
    session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(async () => {
    session.destroy();
    await server.drain(0);
    pending.close();
  });

  const begin = (bytes: Uint8Array): ClientHttp2Stream => {
    const headers = { ':method': 'POST', ':path': CHECK_PATH, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request(headers);
    stream.on('error', () => undefined).resume();
    stream.write(bytes);
    return stream;
  };
  const statusOf = async (stream: ClientHttp2Stream): Promise<unknown> => {
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    if (head['grpc-status'] !== undefined) return head['grpc-status'];
    const [trailers] = (await once(stream, 'trailers')) as [IncomingHttpHeaders];
    return trailers['grpc-status'];
  };

  it.each([
    ['its message never ends', WHOLE.subarray(0, -1)],
    ['nothing comes after its headers', new Uint8Array()],
    ['its end never comes', WHOLE],
  ])('is ended with an error of gRPC when %s, and others on the connection are answered', async (_, bytes) => {
    const slow = begin(bytes);
    expect(await statusOf(slow)).toBe(DEADLINE_EXCEEDED);
    slow.end(WHOLE.subarray(bytes.length));
    expect(await statusOf(begin(WHOLE).end())).toBe('0');
    expect(decided).toEqual(['orders']);
  });

  it('is not ended when it arrived in time and only its decision takes longer', async () => {
    let release: (outcome: Outcome) => void = () => undefined;
    decide = () => new Promise((resolve) => (release = resolve));
    const whole = statusOf(begin(WHOLE).end());
    // Begun later, so the other one's time is over when this one's is.
    expect(await statusOf(begin(WHOLE.subarray(0, -1)))).toBe(DEADLINE_EXCEEDED);
    release(PERMITTED);
    expect(await whole).toBe('0');
  });
});
