import { Command, InvalidArgumentError } from 'commander';
import type { Consumer } from '../../plugin/jwt-identity/pdk';
import { ConfigError } from '../../schema/config-error';
import { CONFIG_RECORD, PLUGIN_NAME } from '../../schema/parse-config';
import type { TokenSources } from '../core/request/bearer-token';
import { SUBPROTOCOL_HEADER } from '../core/request/subprotocol-token';
import { isPoliciesFile } from '../diagnostics/policies-file';
import { ConfigurationError } from '../kong/declarative/configuration-error';
import { entityId } from '../kong/declarative/entity-id';
import { isMap } from '../kong/declarative/entity-reader';
import {
  configOf,
  nameOf,
  type PlacedConfig,
  writtenRoute,
  writtenRoutes,
  type WrittenRoute,
  type WrittenRoutes,
} from '../kong/declarative/route-config';
import { findWrittenRoute, type FoundRoute } from '../kong/routing/written-route-finder';
import { normalizePath, withoutQuery } from '../kong/paths/path';
import { createGatekeepers, type Gatekeeper } from '../gatekeeper/gatekeeper';
import { readPolicies } from '../policies/policy-file';
import { createLogger } from '../telemetry/log';
import { CommandFailure } from './command-failure';
import { explain, type ExplainedRequest, type ExplainedRoute } from './explanation';
import { readTextFile, stagedSigningKey } from './diagnosis';
import { explanationText } from './explanation-text';
import { neighboursOf } from './route-order';
import { repeatableOption } from './repeatable-option';
import { findLoggedRefusal, loggedRefusalText } from './logged-refusal';

/** Exit code for a request that would be refused. */
const REFUSED = 3;

interface ExplainFlags {
  readonly route?: string;
  readonly policy?: string;
  readonly path?: string;
  readonly method: string;
  readonly header: readonly (readonly [name: string, value: string])[];
  readonly token?: string;
  readonly at?: number;
  readonly requestId?: string;
  readonly log?: string;
  readonly json: boolean;
}

/** `explain`: decides about one request as the plugin would, and says why, step by step. */
export function explainCommand(): Command {
  return new Command('explain')
    .description('show, step by step, how a request would be decided (exit code 3 if rejected)')
    .argument('[file]', 'declarative configuration of Kong, or policies for authz', 'kong.yml')
    .option('--route <name>', 'name or id of the route; without it, the one that the request would take')
    .option('--policy <name>', 'name of the policy in a policies.yml; not needed when there is one only')
    .option('--path <path>', 'path of the request, with its query')
    .option('--method <method>', 'method of the request', 'GET')
    .addOption(repeatableOption('-H, --header <line>', 'header of the request, "Name: value"', headerLine))
    .option('--token <file>', 'file that holds the token, - for stdin; it is put where the route looks for one')
    .option('--at <time>', 'decide as if it were then: ISO 8601, or seconds since 1970', pointInTime)
    .option('--request-id <id>', 'find the refusal with this request_id in --log, and say why it was refused')
    .option('--log <file>', "Kong's error log, - for stdin")
    .option('--json', 'print JSON', false)
    .action(async (file: string, flags: ExplainFlags, command: Command) => {
      if (flags.requestId !== undefined) {
        if (flags.log === undefined) command.error('error: --request-id needs --log');
        const found = await findLoggedRefusal(flags.log, flags.requestId);
        process.stdout.write(flags.json ? `${JSON.stringify(found, null, 2)}\n` : loggedRefusalText(found));
        return;
      }
      const { route, policy, path } = flags;
      if ([route, policy, path].every((each) => each === undefined)) {
        command.error('error: --route, --policy or --path is needed');
      }
      try {
        const text = readTextFile(file);
        const isPolicies = policy !== undefined || isPoliciesFile(text);
        const explained = await (isPolicies ? explainPolicy : explainRoute)(text, flags);
        process.stdout.write(flags.json ? `${JSON.stringify(explained, null, 2)}\n` : explanationText(explained));
        if (explained.decision.outcome === 'refuse') process.exitCode = REFUSED;
      } catch (error) {
        if (error instanceof ConfigurationError) throw new CommandFailure(`${file}: ${error.message}`);
        throw error instanceof ConfigError ? new CommandFailure(`${file}: ${error.message}`) : error;
      }
    });
}

async function explainRoute(text: string, flags: ExplainFlags): Promise<ExplainedRoute> {
  const written = writtenRoutes(text);
  const { target } = requestOf(flags);
  const { route, others } =
    flags.route === undefined
      ? routeFor(written, target, flags)
      : { route: writtenRoute(written, flags.route), others: [] };
  const otherRoutes = others.map(({ given }) => nameOf(given));
  const { config, place } = placedConfig(written, route, otherRoutes);
  const about = {
    route: nameOf(route.given),
    service: route.service === undefined ? null : nameOf(route.service),
    otherRoutes,
    plugin: place,
    plugins: neighboursOf(written, route),
  };
  const gatekeeper = open(config, flags, true);
  const request = requestFor(gatekeeper, flags);
  return { ...about, ...(await explain(request, gatekeeper, consumerFinder(written))) };
}

/** The same for `authz`, which has no routes: the gateway says which policy it wants. */
async function explainPolicy(text: string, flags: ExplainFlags): Promise<ExplainedRoute> {
  if (flags.route !== undefined) throw new CommandFailure('a policies.yml has no routes: use --policy');
  const policies = readPolicies(text, process.env);
  const names = Object.keys(policies);
  const name = flags.policy ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined || !Object.hasOwn(policies, name)) {
    const problem = name === undefined ? '--policy is needed' : `there is no policy ${name}`;
    throw new CommandFailure(`${problem}; there are ${names.slice(0, MAX_NAMES).join(', ')}`);
  }
  const gatekeeper = open(policies[name], flags, false);
  const explained = await explain(requestFor(gatekeeper, flags), gatekeeper, () => undefined);
  const about = { policy: name, route: null, service: null, otherRoutes: [], plugin: null, plugins: [] };
  // There is no Kong that could be told something.
  return { ...about, ...explained, kong: {} };
}

/** Most names in a message. */
const MAX_NAMES = 20;

function open(config: unknown, { at }: ExplainFlags, isKong: boolean): Gatekeeper {
  const { log } = createLogger();
  const openGatekeeper = createGatekeepers({ log, clock: () => at ?? Date.now() / 1000 });
  return openGatekeeper(config, { signingKeys: stagedSigningKey, isKong, knowsUpstreamPath: isKong });
}

function requestFor({ policy }: Gatekeeper, flags: ExplainFlags): ExplainedRequest {
  const { target, headers } = requestOf(flags);
  const query = target.indexOf('?', 1);
  const plain = { method: flags.method, target, rawQuery: query < 0 ? '' : target.slice(query + 1), headers };
  return flags.token === undefined ? plain : withToken(plain, readToken(flags.token), policy.sources);
}

/** A request that takes an open route, although another one describes it, is what people look for here. */
function placedConfig(written: WrittenRoutes, route: WrittenRoute, otherRoutes: readonly string[]): PlacedConfig {
  try {
    return configOf(written, route, { name: PLUGIN_NAME, config: CONFIG_RECORD }, process.env);
  } catch (error) {
    if (!(error instanceof ConfigurationError) || otherRoutes.length === 0) throw error;
    const taken = `this route takes the request, although these match it too: ${otherRoutes.join(', ')}`;
    throw new ConfigurationError([...error.violations, { field: '', message: taken }]);
  }
}

function requestOf({ path = '/', header }: ExplainFlags): {
  readonly target: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
} {
  const lines = new Map<string, string[]>();
  for (const [name, value] of header) lines.set(name, [...(lines.get(name) ?? []), value]);
  const entries = [...lines].map(([name, values]) => [name, values.length === 1 ? String(values[0]) : values] as const);
  return { target: path, headers: Object.fromEntries(entries) };
}

function routeFor(written: WrittenRoutes, target: string, { method, header }: ExplainFlags): FoundRoute {
  const bytes = (text: string): string => Buffer.from(text).toString('latin1');
  const values = (wanted: string): string[] =>
    header.filter(([name]) => name === wanted).map(([, value]) => bytes(value));
  const path = normalizePath(withoutQuery(bytes(target)));
  const [host = null] = values('host');
  const found = findWrittenRoute(written, { method, path, host, port: 80, headerValues: values });
  if (found === undefined) throw new CommandFailure(`no route matches ${method} ${target}: Kong answers 404`);
  return found;
}

function withToken(request: ExplainedRequest, token: string, sources: TokenSources): ExplainedRequest {
  const { headers } = request;
  const [header] = sources.headerNames;
  if (header !== undefined) return { ...request, headers: { ...headers, [header]: inHeader(header, token) } };
  const [cookie] = sources.cookieNames;
  if (cookie !== undefined) {
    const cookies = [headers['cookie'] ?? [], `${cookie}=${token}`].flat().join('; ');
    return { ...request, headers: { ...headers, cookie: cookies } };
  }
  const parameter = `${sources.uriParamNames.join('')}=${token}`;
  return { ...request, rawQuery: request.rawQuery === '' ? parameter : `${request.rawQuery}&${parameter}` };
}

function inHeader(name: string, token: string): string {
  if (name === SUBPROTOCOL_HEADER) return `bearer, ${token}`;
  return name === 'authorization' ? `Bearer ${token}` : token;
}

/** The consumers of the file stand for Kong's database; one without an id has the id that Kong gives it. */
function consumerFinder({ top }: WrittenRoutes): (value: string, byUsername: boolean) => Consumer | undefined {
  const listed: readonly unknown[] = Array.isArray(top['consumers']) ? top['consumers'] : [];
  const consumers = listed.filter(isMap).map(({ id, username, custom_id: customId }): Consumer => ({
    id: typeof id === 'string' ? id : entityId('consumers', String(username)),
    ...(typeof username === 'string' && { username }),
    ...(typeof customId === 'string' && { custom_id: customId }),
  }));
  return (value, byUsername) => consumers.find(({ id, username }) => (byUsername ? username : id) === value);
}

function readToken(file: string): string {
  return readTextFile(file)
    .trim()
    .replace(/^Bearer +/i, '');
}

function headerLine(line: string, lines: ExplainFlags['header']): ExplainFlags['header'] {
  const [, name, value] = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It must be "Name: value".');
  return [...lines, [name.toLowerCase(), value]];
}

function pointInTime(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1000;
  if (Number.isFinite(seconds)) return seconds;
  throw new InvalidArgumentError('It must be ISO 8601, such as 2027-01-15T08:00:00Z, or seconds since 1970.');
}
