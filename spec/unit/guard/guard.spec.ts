import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import express from 'express';
import fastify from 'fastify';
import {
  createGuard,
  gatewayAddresses,
  requireIdentity,
  requireRole,
  requireScope,
  text,
  words,
  type Guard,
  type Identity,
} from '../../../src/guard/guard';

const GATEWAY = '127.0.0.1';
const INTRUDER = '127.0.0.2';

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}
interface Ask {
  readonly from?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
}
type Call = (ask: Ask) => Promise<Reply>;

/** Sends a request from an address of its own, with header lines as given. */
function caller(port: number): Call {
  return ({ from = GATEWAY, path = '/', headers = {} }) =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path, localAddress: from, agent: false, headers };
      httpRequest(options, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(body) as unknown });
        });
      })
        .on('error', reject)
        .end();
    });
}

async function serve(listener: RequestListener): Promise<Call> {
  const server: Server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  stops.push(() => new Promise((resolve) => server.close(resolve)));
  return caller((server.address() as AddressInfo).port);
}

const proofs = [gatewayAddresses([GATEWAY])] as const;
const guard = createGuard({ proofs });

/** Two paths in each framework: `/` for anybody, `/admin` for administrators. */
const FRAMEWORKS: readonly (readonly [string, () => Promise<Call>])[] = [
  [
    'node:http',
    () => {
      const everybody = guard.listener((_, response, identity) => response.end(JSON.stringify(identity ?? null)));
      const admins = guard.listener(
        (_, response, identity) => response.end(JSON.stringify(identity ?? null)),
        requireRole('admin'),
      );
      return serve((request, response) => {
        (request.url === '/admin' ? admins : everybody)(request, response);
      });
    },
  ],
  [
    'Express',
    () => {
      const app = express();
      app.use(guard.middleware());
      app.get('/', (request, response) => void response.json(guard.identityOf(request) ?? null));
      app.get('/admin', guard.middleware(requireRole('admin')), (request, response) => {
        response.json(guard.identityOf(request) ?? null);
      });
      return serve(app);
    },
  ],
  [
    'Fastify',
    async () => {
      const app = fastify();
      app.addHook('onRequest', guard.onRequest());
      app.get('/', (request, reply) => reply.send(JSON.stringify(guard.identityOf(request.raw) ?? null)));
      app.get('/admin', { onRequest: guard.onRequest(requireRole('admin')) }, (request, reply) =>
        reply.send(JSON.stringify(guard.identityOf(request.raw) ?? null)),
      );
      await app.listen({ host: '127.0.0.1', port: 0 });
      stops.push(() => app.close());
      return caller((app.server.address() as AddressInfo).port);
    },
  ],
];

describe.each(FRAMEWORKS)('a service in %s', (_, start) => {
  const ada = { 'X-User-ID': 'ada', 'X-User-Roles': 'admin' };

  it('knows who is calling through the gateway', async () => {
    const call = await start();
    expect(await call({ headers: ada })).toMatchObject({ status: 200, body: { id: 'ada', roles: ['admin'] } });
    expect(await call({})).toMatchObject({ status: 200, body: null });
  });

  it('refuses a direct call with forged headers, whatever X-Forwarded-For says', async () => {
    const call = await start();
    for (const forwarded of [{}, { 'X-Forwarded-For': GATEWAY, 'X-Real-IP': GATEWAY, Forwarded: `for=${GATEWAY}` }]) {
      const reply = await call({ from: INTRUDER, headers: { ...ada, ...forwarded } });
      expect(reply).toMatchObject({
        status: 403,
        headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
        body: { status: 403, title: 'Forbidden', code: 'not_from_gateway' },
      });
    }
  });

  it('refuses identity headers that were sent twice', async () => {
    const call = await start();
    const reply = await call({ headers: { 'X-User-ID': ['ada', 'bob'] } });
    expect(reply).toMatchObject({ status: 400, body: { code: 'identity_malformed' } });
  });

  it('takes no identity from a header whose value is the name of an identity header', async () => {
    const call = await start();
    expect(await call({ headers: { 'X-A': 'X-User-ID', admin: 'root' } })).toMatchObject({ status: 200, body: null });
  });

  it('asks for a role where one is required', async () => {
    const call = await start();
    expect(await call({ path: '/admin', headers: ada })).toMatchObject({ status: 200 });
    const bob = { 'X-User-ID': 'bob', 'X-User-Roles': 'administrator,user' };
    expect(await call({ path: '/admin', headers: bob })).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(await call({ path: '/admin' })).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="service"' },
      body: { code: 'token_missing' },
    });
  });

  it('names the request as Kong does', async () => {
    const call = await start();
    const id = '5d82cd7c2554d817029b270f9caac357';
    const refused = { from: INTRUDER, headers: { 'X-Kong-Request-Id': id } };
    expect(await call(refused)).toMatchObject({ body: { request_id: id } });
    for (const other of ['junk', `${id}0`, `0${id}`, id.toUpperCase()]) {
      const junk = { from: INTRUDER, headers: { 'X-Kong-Request-Id': other } };
      expect((await call(junk)).body).not.toHaveProperty('request_id');
    }
  });
});

describe('a guard', () => {
  it('cannot be made without a proof', () => {
    expect(() => createGuard({ proofs: [] as never })).toThrow('proofs must say how the gateway is known');
    expect(() => createGuard({} as never)).toThrow(TypeError);
  });

  it('does not take a request that it never saw for an anonymous one', async () => {
    const call = await serve((request, response) => {
      let answer: unknown;
      try {
        answer = guard.identityOf(request) ?? null;
      } catch (error) {
        answer = (error as Error).message;
      }
      response.end(JSON.stringify(answer));
    });
    expect(await call({})).toMatchObject({ body: 'this request did not pass the guard' });
  });

  it('refuses when a proof breaks, and tells nobody why', async () => {
    const broken = createGuard({
      proofs: [
        () => {
          throw new Error('secret');
        },
      ],
    });
    const call = await serve(broken.listener((_, response) => response.end('{}')));
    const reply = await call({});
    expect(reply).toMatchObject({ status: 500, body: { code: 'internal_error' } });
    expect(JSON.stringify(reply)).not.toContain('secret');
  });

  it('asks no requirement about an identity that is malformed', async () => {
    const asked: unknown[] = [];
    const requirement = (identity: unknown): undefined => void asked.push(identity);
    const call = await serve(guard.listener((_, response) => response.end('{}'), requirement));
    const reply = await call({ headers: { 'X-User-Roles': 'admin' } });
    expect(reply).toMatchObject({ status: 400, body: { code: 'identity_malformed' } });
    expect(asked).toEqual([]);
  });

  it('asks every requirement, and hands the identity on when all are met', async () => {
    const strict = guard.listener(
      (_, response, identity) => response.end(JSON.stringify(identity ?? null)),
      requireIdentity(),
      requireRole('user'),
      requireRole('admin'),
    );
    const call = await serve(strict);
    const headers = { 'X-User-ID': 'ada', 'X-User-Roles': 'user' };
    expect(await call({ headers })).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    const both = { ...headers, 'X-User-Roles': 'user,admin' };
    expect(await call({ headers: both })).toMatchObject({ status: 200, body: { id: 'ada', roles: ['user', 'admin'] } });
  });

  it.each<[string, string | string[], number]>([
    ['once', 'acme', 200],
    ['twice, with another value last', ['acme', 'evil'], 403],
    ['twice, with the same value', ['acme', 'acme'], 403],
  ])('compares all lines of a signed header that it does not map: sent %s', async (_, tenant, status) => {
    const signed = new Map([['x-user-tenant', 'acme']]);
    const call = await serve(
      createGuard({ proofs: [() => ({ signed })] }).listener((__, response) => response.end('{}')),
    );
    expect(await call({ headers: { 'X-User-Tenant': tenant } })).toMatchObject({ status });
  });

  it('shows a proof the whole path, also where Express has mounted the middleware below one', async () => {
    const paths: string[] = [];
    const app = express();
    app.use('/shop', createGuard({ proofs: [({ path }) => void paths.push(path)] }).middleware());
    app.get('/shop/orders', (_, response) => void response.json({}));
    expect(await (await serve(app))({ path: '/shop/orders?x=1' })).toMatchObject({ status: 200 });
    expect(paths).toEqual(['/shop/orders']);
  });

  it('asks every proof', async () => {
    const both = createGuard({ proofs: [gatewayAddresses([GATEWAY]), gatewayAddresses([INTRUDER])] });
    const call = await serve(both.listener((_, response) => response.end('{}')));
    expect(await call({})).toMatchObject({ status: 403 });
  });

  it('tells who listens about every refusal, and nobody about the rest', async () => {
    const refusals: string[] = [];
    const told = createGuard({ proofs, onRefusal: ({ code }, { path }) => refusals.push(`${path} ${code}`) });
    const call = await serve(told.listener((_, response) => response.end('{}')));
    await call({ path: '/good?x' });
    await call({ from: INTRUDER, path: '/bad?x' });
    expect(refusals).toEqual(['/bad not_from_gateway']);
  });
});

describe('a listener whose handler fails', () => {
  const failures: unknown[] = [];
  const told = createGuard({ proofs, onError: (error, { path }) => failures.push([path, (error as Error).message]) });
  const FAILURE = { status: 500, headers: { 'cache-control': 'no-store' }, body: { code: 'internal_error' } };

  it.each<[string, Parameters<Guard<Identity>['listener']>[0]]>([
    [
      'throws',
      () => {
        throw new Error('secret');
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret'))],
    [
      'throws after it set headers',
      (_, response) => {
        response.setHeader('Content-Length', 1).setHeader('Set-Cookie', 'a=b');
        throw new Error('secret');
      },
    ],
  ])('answers 500 and reports the error when the handler %s', async (_, handler) => {
    failures.length = 0;
    const reply = await (await serve(told.listener(handler)))({ path: '/x' });
    expect(reply).toMatchObject(FAILURE);
    expect(JSON.stringify(reply)).not.toMatch(/secret|set-cookie/);
    expect(failures).toEqual([['/x', 'secret']]);
  });

  it('cuts the connection when a part of the answer was sent', async () => {
    failures.length = 0;
    const call = await serve(
      told.listener((_, response) => {
        response.write('{"half":');
        throw new Error('secret');
      }),
    );
    await expect(call({})).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(failures).toHaveLength(1);
  });

  it('keeps the answer when the handler throws after it', async () => {
    const call = await serve(
      told.listener((_, response) => {
        // More than a socket takes at once.
        response.end(JSON.stringify('x'.repeat(10_000_000)));
        throw new Error('secret');
      }),
    );
    expect(await call({})).toMatchObject({ status: 200 });
  });

  it('answers 500 when onRefusal throws', async () => {
    const broken = createGuard({
      proofs,
      onRefusal: () => {
        throw new Error('secret');
      },
      onError: () => undefined,
    });
    const call = await serve(broken.listener((_, response) => response.end('{}')));
    expect(await call({ from: INTRUDER })).toMatchObject(FAILURE);
  });

  it('writes the name and the place of the error to the log, without its message, when nobody listens', async () => {
    const lines: string[] = [];
    const stderr = jest.spyOn(process.stderr, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
    const call = await serve(guard.listener(() => Promise.reject(new RangeError('secret'))));
    expect(await call({})).toMatchObject(FAILURE);
    stderr.mockRestore();
    expect(lines).toEqual([expect.stringMatching(/^error: a handler behind the guard failed error=RangeError at=/)]);
    expect(lines.join()).not.toContain('secret');
  });
});

describe('a Web request', () => {
  const anywhere = createGuard({ proofs: [() => undefined] });
  const show = <I>(guardOf: Guard<I>, ...requirements: Parameters<Guard<I>['listener']>[1][]) =>
    guardOf.route((_, identity, context: string) => Response.json({ identity, context }), ...requirements);

  it('reaches its handler with the identity', async () => {
    const headers = { 'X-User-ID': 'ada', 'X-User-Roles': 'admin' };
    const response = await show(anywhere)(new Request('http://service/', { headers }), 'context');
    expect(await response.json()).toEqual({ identity: { id: 'ada', roles: ['admin'] }, context: 'context' });
  });

  it('is refused with lines that were joined', async () => {
    const headers = new Headers([
      ['X-User-ID', 'ada'],
      ['X-User-ID', 'bob'],
    ]);
    const response = await show(anywhere)(new Request('http://service/', { headers }), '');
    expect(response.status).toBe(400);
  });

  it('has no connection to prove anything with', async () => {
    const response = await show(guard)(new Request('http://service/'), '');
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'not_from_gateway' });
  });
});

describe('a requirement', () => {
  type Caller = Identity & { readonly scopes: readonly string[] };
  const ada: Caller = { id: 'ada', roles: ['admin', 'user'], name: undefined, scopes: ['a', 'b'] };

  it.each([
    ['an identity', requireIdentity(), ada, undefined],
    ['an identity', requireIdentity(), undefined, 'token_missing'],
    ['one of the roles', requireRole('root', 'user'), ada, undefined],
    ['one of the roles', requireRole('root', 'adm'), ada, 'forbidden'],
    ['one of the roles', requireRole('admin'), undefined, 'token_missing'],
    ['all of the scopes', requireScope('a', 'b'), ada, undefined],
    ['all of the scopes', requireScope('a', 'c'), ada, 'insufficient_scope'],
    ['all of the scopes', requireScope('a'), undefined, 'token_missing'],
  ])('of %s is met or answered', (_, requirement, identity, code) => {
    expect(requirement(identity)?.code).toBe(code);
  });

  it('of scopes works with a mapping that has them', async () => {
    const scoped = createGuard({ proofs, identity: { id: text('X-User-ID'), scopes: words('X-User-Scopes') } });
    const call = await serve(scoped.listener((_, response) => response.end('{}'), requireScope('orders:read')));
    const headers = { 'X-User-ID': 'ada', 'X-User-Scopes': 'profile orders:read' };
    expect(await call({ headers })).toMatchObject({ status: 200 });
    const refused = await call({ headers: { ...headers, 'X-User-Scopes': 'orders' } });
    expect(refused.headers['www-authenticate']).toContain('scope="orders:read"');
  });
});
