import { randomBytes } from 'node:crypto';
import type { Diagnosis } from './finding';
import type { Answer, Prober } from './probe';

/** One route of the file, as far as it can be asked from outside. */
export interface ProbedRoute {
  readonly name: string;
  /** A path that the route takes; `undefined` when none can be made of its conditions. */
  readonly path: string | undefined;
  readonly host: string | undefined;
  /** Whether requests without a token may pass. */
  readonly isPublic: boolean;
  /** Headers that services believe. */
  readonly identityHeaders: readonly string[];
}

/** What is asked of a gateway. */
export interface GatewayProbe {
  readonly url: string;
  readonly routes: readonly ProbedRoute[];
  /** A token that is good, if the caller has one. */
  readonly token: string | undefined;
}

/** Another spelling of a header that a server may read as the same. */
const SPELLINGS: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => name.toLowerCase(),
  (name) => name.replaceAll('-', '_'),
  (name) => name.toUpperCase().replaceAll('-', '_'),
  (name) => name.replace('-', '_'),
  (name) => name.replaceAll('-', '.'),
];

/** Asks a gateway what it must refuse, and with a good token what it must let pass. */
export async function gatewayFindings({ url, routes, token }: GatewayProbe, prober: Prober): Promise<Diagnosis[]> {
  const alive = await prober.get(url);
  if (alive.kind === 'none') {
    return [{ health: 'unknown', check: 'gateway', target: url, seen: `does not answer: ${alive.reason}` }];
  }
  const found: Diagnosis[] = [versionFinding(url, alive)];
  for (const route of routes) {
    if (route.path === undefined) {
      const seen = 'its conditions are no plain path, so it was not asked';
      found.push({ health: 'unknown', check: 'no token', target: `route ${route.name}`, seen });
      continue;
    }
    found.push(...(await routeFindings(url, route, route.path, token, prober)));
  }
  return found;
}

async function routeFindings(
  base: string,
  { name, host, isPublic, identityHeaders }: ProbedRoute,
  path: string,
  token: string | undefined,
  prober: Prober,
): Promise<Diagnosis[]> {
  const url = new URL(path, base).href;
  const target = `route ${name}`;
  const hosts: [string, string][] = host === undefined ? [] : [['Host', host]];
  const ask = (...headers: [string, string][]): Promise<Answer> => prober.get(url, [...hosts, ...headers]);
  const found: Diagnosis[] = [];
  const mustRefuse = (check: string, answer: Answer, cure: string): void => {
    const unknown = (seen: string): void => {
      found.push({ health: 'unknown', check, target, seen });
    };
    if (answer.kind === 'none') unknown(answer.reason);
    else if (answer.status >= 300 && answer.status < 400) unknown(`redirected with ${answer.status}: ask that address`);
    else if (answer.status === 404 && answer.body.includes('no Route matched')) unknown('Kong has no such route');
    else if (answer.status >= 400 && answer.status !== 404) {
      found.push({ health: 'ok', check, target, seen: `refused with ${answer.status}` });
    } else found.push({ health: 'hole', check, target, seen: `answered ${answer.status}`, cure });
  };

  if (!isPublic) {
    mustRefuse('no token', await ask(), 'put the plugin on this route, or globally, and reload Kong');
    for (const [check, forged] of forgedTokens(token)) {
      mustRefuse(
        check,
        await ask(['Authorization', `Bearer ${forged}`]),
        'something else than this plugin decides here: compare the plugins on the route',
      );
    }
  }
  found.push(await forgedHeaders(target, identityHeaders, ask));
  if (identityHeaders[0] !== undefined) {
    mustRefuse(
      'Connection header',
      await ask(['Connection', `close, ${identityHeaders[0]}`]),
      'put the plugin on this route: Kong removes headers that Connection names after plugins have set them',
    );
  }
  if (token !== undefined) found.push(goodToken(target, await ask(['Authorization', `Bearer ${token}`])));
  return found;
}

/** A service that shows what it was sent shows whether a forged header came through. */
async function forgedHeaders(
  target: string,
  identityHeaders: readonly string[],
  ask: (...headers: [string, string][]) => Promise<Answer>,
): Promise<Diagnosis> {
  const check = 'forged headers';
  const mark = `doctor-${randomBytes(8).toString('hex')}`;
  const headers = identityHeaders.flatMap((name) =>
    [...new Set(SPELLINGS.map((spell) => spell(name)))].map((spelling): [string, string] => [spelling, mark]),
  );
  const answer = await ask(...headers);
  if (answer.kind === 'none') return { health: 'unknown', check, target, seen: answer.reason };
  if (answer.body.includes(mark) || JSON.stringify(answer.headers).includes(mark)) {
    const cure = 'add the header to reserved_headers of the entry on this route, or put the plugin on it';
    return { health: 'hole', check, target, seen: 'the service got a forged identity header', cure };
  }
  const seen = answer.status < 400 ? `${headers.length} sent; none is in the answer` : `refused with ${answer.status}`;
  return { health: 'ok', check, target, seen };
}

function* forgedTokens(token: string | undefined): Generator<readonly [check: string, forged: string]> {
  const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: 'https://doctor.invalid/', sub: 'doctor', exp: Math.floor(Date.now() / 1000) + 60 };
  yield ['unsigned token', `${segment({ alg: 'none' })}.${segment(claims)}.`];
  const [header, payload, signature] = token?.split('.') ?? [];
  if (header === undefined || payload === undefined || signature === undefined) return;
  yield ['token without its signature', `${segment({ alg: 'none' })}.${payload}.`];
  // The first character holds no padding, so that another one is another signature.
  yield [
    'token with another signature',
    `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
  ];
}

function goodToken(target: string, answer: Answer): Diagnosis {
  const check = 'good token';
  if (answer.kind === 'none') return { health: 'unknown', check, target, seen: answer.reason };
  const { status } = answer;
  if (status !== 401 && status !== 503 && status !== 500)
    return { health: 'ok', check, target, seen: `answered ${status}` };
  const code = /"code":"(\w+)"/.exec(answer.body)?.[1];
  const id = /"request_id":"(\w+)"/.exec(answer.body)?.[1];
  const cure =
    id === undefined
      ? 'look into Kong’s error log'
      : `kong-jwt-identity explain --request-id ${id} --log …/logs/error.log`;
  return { health: 'hole', check, target, seen: `refused with ${status}${code === undefined ? '' : ` ${code}`}`, cure };
}

/** Kong before 3.8 goes on proxying when a plugin server is gone, unless the handler is loaded. */
function versionFinding(target: string, answer: Answer & { kind: 'answer' }): Diagnosis {
  const check = 'version of Kong';
  const written = [answer.headers['server'], answer.headers.via].flat().join(' ');
  const [, major, minor] = /kong\/(\d+)\.(\d+)/i.exec(written) ?? [];
  if (major === undefined) return { health: 'unknown', check, target, seen: 'is not said' };
  const isOld = Number(major) < 3 || (Number(major) === 3 && Number(minor) < 8);
  const seen = `${major}.${minor ?? ''}`;
  if (!isOld) return { health: 'ok', check, target, seen };
  return {
    health: 'unknown',
    check,
    target,
    seen: `${seen}: only the handler inside Kong's worker makes it fail closed; --kong-conf shows whether it is loaded`,
  };
}
