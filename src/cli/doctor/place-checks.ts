import { readFileSync, statSync } from 'node:fs';
import { askForHealth } from '../../server/processes/health';
import type { Diagnosis } from './finding';
import type { Prober } from './probe';

/** Asks a service without the gateway, with identity headers as a stranger in the network would. */
export async function directFinding(
  url: string,
  identityHeaders: readonly string[],
  prober: Prober,
): Promise<Diagnosis> {
  const check = 'direct access';
  const answer = await prober.get(
    url,
    identityHeaders.map((name) => [name, 'doctor']),
  );
  if (answer.kind === 'none')
    return { health: 'ok', check, target: url, seen: `not reachable from here (${answer.reason})` };
  const { status, body } = answer;
  if (status === 401 || status === 403) {
    const guard = body.includes('not_from_gateway') ? 'its guard refuses' : 'it refuses';
    return { health: 'ok', check, target: url, seen: `reachable, but ${guard} with ${status}` };
  }
  const cure = 'let nothing but the gateway reach it: a network policy, mutual TLS or the guard (docs/ISOLATION.md)';
  return {
    health: 'hole',
    check,
    target: url,
    seen: `answered ${status} to a request that did not pass the gateway`,
    cure,
  };
}

/** Asks for something that must not be reachable from where clients and services are. */
export async function closedFinding(check: string, url: string, cure: string, prober: Prober): Promise<Diagnosis> {
  const answer = await prober.get(url);
  if (answer.kind === 'none')
    return { health: 'ok', check, target: url, seen: `not reachable from here (${answer.reason})` };
  return { health: 'hole', check, target: url, seen: `answered ${answer.status}`, cure };
}

/** Most seconds by which the clocks of gateway and provider may differ from that of this machine. */
const MAX_CLOCK_DIFFERENCE = 5;

/** Compares a server's clock with that of this machine. */
export async function clockFinding(url: string, prober: Prober): Promise<Diagnosis> {
  const check = 'clock';
  const answer = await prober.get(url);
  if (answer.kind === 'none') return { health: 'unknown', check, target: url, seen: answer.reason };
  const time = Date.parse(answer.headers.date ?? '');
  if (Number.isNaN(time)) return { health: 'unknown', check, target: url, seen: 'the answer has no Date' };
  // Date has whole seconds.
  const difference = Math.round((answer.atMs - time) / 1000);
  if (Math.abs(difference) <= MAX_CLOCK_DIFFERENCE)
    return { health: 'ok', check, target: url, seen: `differs by ${Math.abs(difference)} s or less` };
  const cure = 'synchronize both clocks (NTP): tokens are refused as expired or not yet valid, or live too long';
  return { health: 'hole', check, target: url, seen: `differs from this machine by ${difference} s`, cure };
}

/** Fetches a key set as anybody can, and counts its keys. */
export async function keySetFinding(url: string, prober: Prober): Promise<Diagnosis> {
  const check = 'key set';
  const answer = await prober.get(url, [['Accept', 'application/jwk-set+json, application/json']]);
  if (answer.kind === 'none')
    return { health: 'unknown', check, target: url, seen: `not reachable from here (${answer.reason})` };
  const keys = keysOf(answer.body);
  if (answer.status === 200 && keys !== undefined && keys.length > 0) {
    const secret = keys.some((key) => 'd' in key || 'k' in key);
    if (!secret) return { health: 'ok', check, target: url, seen: `${keys.length} public keys` };
    return {
      health: 'hole',
      check,
      target: url,
      seen: 'publishes a private or secret key',
      cure: 'replace that key at the provider at once: anybody can sign with it',
    };
  }
  const cure = 'correct jwks_uri, or the provider: no token of this issuer can be verified';
  return {
    health: 'hole',
    check,
    target: url,
    seen: answer.status === 200 ? 'is no key set with keys' : `answered ${answer.status}`,
    cure,
  };
}

function keysOf(text: string): readonly object[] | undefined {
  try {
    const set = JSON.parse(text) as { readonly keys?: unknown } | null;
    return Array.isArray(set?.keys)
      ? set.keys.filter((key): key is object => typeof key === 'object' && key !== null)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Looks at the plugin server's socket and asks who listens there. */
export async function socketFindings(path: string): Promise<Diagnosis[]> {
  const target = path;
  try {
    const { mode } = statSync(path);
    const check = 'mode of the socket';
    const octal = (mode & 0o777).toString(8).padStart(4, '0');
    const modeFinding: Diagnosis =
      (mode & 0o002) === 0
        ? { health: 'ok', check, target, seen: octal }
        : {
            health: 'hole',
            check,
            target,
            seen: `${octal}: every local user may ask for decisions`,
            cure: 'serve --socket-mode 0600, or 0660 with a group of Kong alone',
          };
    try {
      const { plugins, handlers } = await askForHealth(path, 5_000);
      const serving: Diagnosis = { health: 'ok', check: 'plugin server', target, seen: `serves ${plugins.join(', ')}` };
      return [modeFinding, serving, handlerFinding(target, handlers)];
    } catch (error) {
      return [
        modeFinding,
        {
          health: 'hole',
          check: 'plugin server',
          target,
          seen: (error as Error).message,
          cure: 'start it, or make the folder safe (docs/OPERATIONS.md, Files and folders)',
        },
      ];
    }
  } catch (error) {
    return [
      {
        health: 'unknown',
        check: 'plugin server',
        target,
        seen: (error as NodeJS.ErrnoException).code ?? 'cannot be looked at',
      },
    ];
  }
}

function handlerFinding(target: string, handlers: readonly string[]): Diagnosis {
  const check = "handler inside Kong's worker";
  if (handlers.length === 0)
    return { health: 'unknown', check, target, seen: 'the server has not decided a request yet' };
  if (handlers.every((version) => version !== ''))
    return { health: 'ok', check, target, seen: [...new Set(handlers)].join(', ') };
  return {
    health: 'hole',
    check,
    target,
    seen: 'Kong did not load it',
    cure: 'set lua_package_path as kong-jwt-identity install prints it, and restart Kong',
  };
}

/** Looks at settings of Kong that decide whether the promise can be kept. */
export function kongConfFindings(path: string): Diagnosis[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return [
      {
        health: 'unknown',
        check: 'kong.conf',
        target: path,
        seen: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
      },
    ];
  }
  const settings = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^\s*([a-z_0-9]+)\s*=\s*(.*?)\s*(?:\s#.*)?$/i.exec(line) ?? [];
    if (name !== undefined && value !== undefined) settings.set(name, value);
  }
  const admin = settings.get('admin_listen') ?? '127.0.0.1:8001';
  const level = settings.get('log_level') ?? 'notice';
  const hasHandler = /jwt|dist\/lua/.test(settings.get('lua_package_path') ?? '');
  const judge = (isFine: boolean, check: string, seen: string, cure: string): Diagnosis =>
    isFine ? { health: 'ok', check, target: path, seen } : { health: 'hole', check, target: path, seen, cure };
  return [
    judge(
      !/(^|[\s,])(0\.0\.0\.0|\[::\]|\d+(\s|,|$))/.test(admin),
      'admin_listen',
      admin,
      'listen on 127.0.0.1, or off: a client that reaches the Admin API can change who is let in',
    ),
    level === 'debug'
      ? judge(false, 'log_level', level, 'set log_level = notice: at debug, nginx logs requests with their headers')
      : judge(
          ['info', 'notice'].includes(level),
          'log_level',
          level,
          'set log_level = notice: above it, refusals leave no line',
        ),
    judge(
      hasHandler,
      'lua_package_path',
      settings.get('lua_package_path') ?? 'not set',
      'add the folder that kong-jwt-identity install prints, so that Kong loads the handler',
    ),
  ];
}

/** Whether a file with secrets can be read by others on this machine. */
export function fileFinding(path: string, holdsSecret: boolean): Diagnosis[] {
  const { mode } = statSync(path);
  if ((mode & 0o004) === 0 || !holdsSecret) return [];
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  return [
    {
      health: 'hole',
      check: 'file with a secret',
      target: path,
      seen: `${octal}: every local user may read it`,
      cure: 'chmod 0600, or a vault reference in place of the secret',
    },
  ];
}
