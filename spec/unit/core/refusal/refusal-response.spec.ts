import { describe, expect, it } from '@jest/globals';
import { Refusal, REFUSALS, type RefusalCode } from '../../../../src/core/refusal/refusal';
import { refusalResponse, responseForm, type AnswerIds } from '../../../../src/core/refusal/refusal-response';

const CODES = Object.keys(REFUSALS) as RefusalCode[];
const body = (refusal: Refusal, ids?: AnswerIds): unknown =>
  JSON.parse(refusalResponse(refusal, { realm: 'service' }, ids).body);

describe('the form of a response', () => {
  it.each([
    ['application/grpc', 'grpc'],
    ['application/grpc+proto', 'grpc'],
    ['Application/gRPC  ; charset=x', 'grpc'],
    ['application/grpc-web', 'problem'],
    ['text/plain; application/grpc', 'problem'],
    [['application/grpc', 'text/plain'], 'problem'],
    [undefined, 'problem'],
  ])('for a request with the content type %j is %s', (type, form) => {
    expect(responseForm({ 'content-type': type })).toBe(form);
    expect(responseForm({ accept: 'application/grpc' })).toBe('problem');
  });
});

describe('the response to a refusal', () => {
  it('is a problem document with the code and the ids of the request and its trace', () => {
    expect(body(new Refusal('token_expired', 'secret reason'), { requestId: '5d82', traceId: '4bf9' })).toEqual({
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      detail: 'The token has expired.',
      code: 'token_expired',
      request_id: '5d82',
      trace_id: '4bf9',
    });
  });

  it('leaves out ids that are not known', () => {
    const problem = body(new Refusal('forbidden', ''));
    expect(problem).not.toHaveProperty('request_id');
    expect(problem).not.toHaveProperty('trace_id');
  });

  it.each(CODES)('answers %s with fixed texts, not cacheable, without the reason', (code) => {
    const response = refusalResponse(new Refusal(code, 'SECRET'), { realm: 'service' }, { requestId: 'id' });
    expect(response.headers).toMatchObject({
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
    });
    expect(JSON.stringify(response)).not.toContain('SECRET');
    expect(response.status).toBe(new Refusal(code, '').status);
  });

  it.each(CODES)('tells a gRPC client of %s in headers, without making it a success', (code) => {
    const refusal = new Refusal(code, 'SECRET');
    const { status, headers, body: text } = refusalResponse(refusal, { realm: 'service' }, { requestId: 'id' }, 'grpc');
    expect([status, text]).toEqual([refusal.status, '']);
    const expected = { 400: '3', 401: '16', 403: '7', 500: '13', 503: '14' }[status];
    expect(headers).toMatchObject({
      'Content-Type': 'application/grpc',
      'grpc-status': expected,
      'grpc-message': REFUSALS[code].detail,
      'Cache-Control': 'no-store',
    });
    // gRPC over HTTP/2: the message is percent-encoded.
    expect(headers['grpc-message']).not.toContain('%');
  });

  it.each(CODES)('says in words that fit a quoted string why %s is refused', (code) => {
    // RFC 6750 §3: error_description must not hold characters outside these.
    expect(REFUSALS[code].detail).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  });

  it.each([
    ['token_missing', 'Bearer realm="service"'],
    ['token_expired', 'Bearer realm="service", error="invalid_token", error_description="The token has expired."'],
    [
      'tokens_conflict',
      'Bearer realm="service", error="invalid_request", error_description="The request carries more than one token."',
    ],
    ['forbidden', undefined],
    ['keys_unavailable', undefined],
    ['internal_error', undefined],
  ] as const)('challenges %s as RFC 6750 says', (code, challenge) => {
    const { headers } = refusalResponse(new Refusal(code, ''), { realm: 'service' });
    expect(headers['WWW-Authenticate']).toBe(challenge);
    expect('WWW-Authenticate' in headers).toBe(challenge !== undefined);
  });

  it('names the scopes that are needed', () => {
    const refusal = new Refusal('insufficient_scope', '', { scope: ['orders:read', 'orders:write'] });
    expect(refusalResponse(refusal, { realm: 'service' }).headers['WWW-Authenticate']).toMatch(
      /, scope="orders:read orders:write"$/,
    );
  });

  it.each(['token_missing', 'token_expired', 'insufficient_scope', 'tokens_conflict'] as const)(
    'says in the challenge of %s where the metadata of the resource is, if anywhere',
    (code) => {
      const resourceMetadata = 'https://api.test/.well-known/oauth-protected-resource/a?"';
      const refusal = new Refusal(code, '', { scope: ['read'] });
      const { headers } = refusalResponse(refusal, { realm: 'service', resourceMetadata });
      expect(headers['WWW-Authenticate']).toMatch(
        /^Bearer realm="service".*, resource_metadata="https:\/\/api\.test\/\.well-known\/oauth-protected-resource\/a\?\\""$/,
      );
      expect(refusalResponse(refusal, { realm: 'service' }).headers['WWW-Authenticate']).not.toMatch(
        /resource_metadata/,
      );
    },
  );

  it('does not let a realm end its quotes', () => {
    const { headers } = refusalResponse(new Refusal('token_missing', ''), { realm: 'a", error="x\\' });
    expect(headers['WWW-Authenticate']).toBe('Bearer realm="a\\", error=\\"x\\\\"');
  });

  it.each([
    [0, '1'],
    [0.2, '1'],
    [29.1, '30'],
  ])('rounds Retry-After of %d s up', (seconds, header) => {
    const refusal = new Refusal('keys_unavailable', '', { retryAfterSeconds: seconds });
    expect(refusalResponse(refusal, { realm: 'service' }).headers['Retry-After']).toBe(header);
  });

  it('tells when to come back only if that is known', () => {
    expect(refusalResponse(new Refusal('internal_error', ''), { realm: 'service' }).headers).not.toHaveProperty(
      'Retry-After',
    );
  });
});
