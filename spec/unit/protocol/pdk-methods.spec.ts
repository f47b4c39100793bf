import { describe, expect, it } from '@jest/globals';
import { decode, encode } from '../../../src/protocol/message';
import { findPdkMethod, type PdkMethod } from '../../../src/protocol/pdk-methods';
import { rpcCall, rpcReturn } from '../../../src/protocol/rpc-messages';
import transcript from '../../fixtures/kong-transcripts/protobuf.json';

type Frame = readonly [from: string, kind: string, about: string, payload: string];
const frames = (transcript.connections as unknown as Frame[][]).flat();
const payloadsOf = (kind: string): [string, Buffer][] =>
  frames
    .filter(([, frameKind, about]) => frameKind === kind && about !== 'kong.no.such')
    .map(([, , about, payload]) => [about, Buffer.from(payload, 'base64')]);

function methodNamed(name: string): PdkMethod {
  const method = findPdkMethod(name);
  if (method === undefined) throw new Error(`${name} is not in the table`);
  return method;
}

describe('the table of PDK methods, against what Kong 3.9.3 was seen to send', () => {
  it('knows every method of the recording', () => {
    const names = payloadsOf('pdk-method').map(([, payload]) => payload.toString());
    const unknown = names.filter((name) => findPdkMethod(name) === undefined);
    expect(new Set(unknown)).toEqual(new Set(['kong.no.such']));
    expect(new Set(names).size).toBeGreaterThan(30);
  });

  it.each(payloadsOf('pdk-args'))('encodes the arguments of %s to the bytes that Kong accepted', (name, payload) => {
    const method = methodNamed(name);
    const args = decode(method.arguments, payload);
    expect(Buffer.from(encode(method.arguments, args))).toEqual(payload);
  });

  it.each(payloadsOf('pdk-reply'))('reads the result of %s without losing anything', (name, payload) => {
    const method = methodNamed(name);
    const result = decode(method.result, payload);
    expect(decode(method.result, encode(method.result, result))).toEqual(result);
    // Kong's table order is random, so the bytes may be in another order; their number may not.
    if (method.answer === 'value') expect(encode(method.result, result)).toHaveLength(payload.length);
  });

  it('gives headers as Kong names them, a repeated one as a list', () => {
    const [, payload] = payloadsOf('pdk-reply').find(([name]) => name === 'kong.request.get_headers')!;
    expect(decode(methodNamed('kong.request.get_headers').result, payload)).toMatchObject({
      authorization: 'Bearer abc',
      x_user_id: 'evil',
      'x-dup': ['1', '2'],
    });
  });

  it('tells a missing consumer from one that is there', () => {
    const replies = payloadsOf('pdk-reply').filter(([name]) => name === 'kong.client.load_consumer');
    const consumers = replies.map(([name, payload]) => decode(methodNamed(name).result, payload));
    expect(consumers).toEqual([expect.objectContaining({ username: 'alice', custom_id: 'al' }), null]);
  });

  it.each<[string, object | null, object | null]>([
    ['the consumer alone', { id: 'c1', username: 'ada' }, null],
    ['the consumer and the credential', { id: 'c1' }, { id: 'k1', consumer_id: 'c1' }],
    ['nobody', null, null],
  ])('tells Kong who is authenticated: %s', (_, consumer, credential) => {
    const { arguments: args } = methodNamed('kong.client.authenticate');
    const told = decode(args, encode(args, [consumer, credential]));
    expect(told).toEqual([
      consumer && expect.objectContaining(consumer),
      credential && expect.objectContaining(credential),
    ]);
  });

  it('does not find a method by the name of something every object has', () => {
    expect(findPdkMethod('constructor')).toBeUndefined();
    expect(findPdkMethod('__proto__')).toBeUndefined();
  });
});

describe('the calls that Kong makes, against what Kong 3.9.3 was seen to send', () => {
  it.each(payloadsOf('rpc-call'))('reads and writes a %s', (_, payload) => {
    const call = decode(rpcCall, payload);
    expect(call.startInstance ?? call.handleEvent).toBeDefined();
    expect(decode(rpcCall, encode(rpcCall, call))).toEqual(call);
    expect(encode(rpcCall, call)).toHaveLength(payload.length);
  });

  it.each(payloadsOf('rpc-return'))('reads and writes a %s', (_, payload) => {
    expect(Buffer.from(encode(rpcReturn, decode(rpcReturn, payload)))).toEqual(payload);
  });
});
