import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../../schema/config-error';
import { watchedFile } from '../documents/watched-file';
import { ConfigurationError } from '../kong/declarative/configuration-error';
import { SIGNING_KEYS_VARIABLE } from '../keys/signing-keys';
import { type PolicyCheck, policyCheck } from '../server/decisions/decisions';
import { STRIPPING, type Stripping } from '../server/decisions/gateway';
import { GATEWAY_NAMES, type GatewayName } from '../server/decisions/gateways';
import type { DecisionAddress } from '../server/decisions/http-server';
import { LOOPBACK, peerFilter } from '../server/decisions/peers';
import { type NamedConfigs, readPolicies, readRoutePolicies } from '../server/decisions/policy-file';
import { superviseDecisions } from '../server/processes/decision-supervisor';
import { createLogger, LOG_LEVEL_VARIABLE, LOG_LEVELS, type Logger } from '../telemetry/log';
import { CommandFailure } from './command-failure';
import { type FileFormat, findingLogLine, inspect } from './diagnosis';
import { logoutOptions, openLogoutEndpoint, type LogoutFlags } from './logout-flags';
import { listenAddress, type ListenAddress } from './listen-address';
import { fileMode, openSigningKeys, startFailure, wholeNumber } from './server-flags';
import { openTraces, tracesOption, type TracesFlag } from './traces-flag';

interface AuthzFlags extends Omit<LogoutFlags, 'takeOver'>, TracesFlag {
  readonly gateway: GatewayName;
  readonly policies?: string;
  readonly kong?: string;
  readonly listen: DecisionAddress;
  readonly socketMode: number;
  readonly gatewayStrips: Stripping;
  readonly peers?: readonly string[];
  readonly workers: number;
  readonly deadline: number;
  readonly stuckAfter: number;
  readonly metrics?: ListenAddress;
  readonly signingKeys?: string;
  readonly jwks?: ListenAddress;
  readonly untilStdinEnds: boolean;
  readonly logLevel?: string;
}

/** `authz`: decides for gateways other than Kong. */
export function authzCommand(): Command {
  return new Command('authz')
    .description('run the decision server, for gateways that ask another server: Traefik, nginx, Caddy, HAProxy, Envoy')
    .addOption(new Option('--gateway <name>', 'which gateway asks').choices(GATEWAY_NAMES).makeOptionMandatory())
    .option('--policies <file>', 'policies.yml: a map of policies; each is the plugin’s config')
    .option('--kong <file>', 'kong.yml: the configuration of each guarded route is a policy, under the route’s name')
    .addOption(
      new Option('--listen <address>', 'ADDRESS:PORT, or the path of a Unix socket')
        .argParser(decisionAddress)
        .default({ host: '127.0.0.1', port: 9180 }, '127.0.0.1:9180'),
    )
    .addOption(
      new Option('--socket-mode <octal>', 'permissions of the socket file')
        .argParser(fileMode)
        .default(0o600, '0600: only the user that runs the server'),
    )
    .addOption(
      new Option('--gateway-strips <what>', 'headers that clients forge and that the gateway’s own file removes')
        .choices(STRIPPING)
        .default('nothing', 'nothing: requests with such headers are refused'),
    )
    .addOption(
      new Option('--peers <ranges>', 'addresses of the gateway, for TCP: addresses or CIDR ranges, with commas')
        .argParser(addressRanges)
        .default(undefined, LOOPBACK.join(',')),
    )
    .option('--workers <count>', 'worker processes', wholeNumber(1, 256), Math.max(2, availableParallelism()))
    .option('--deadline <seconds>', 'a decision that takes longer is refused', wholeNumber(1, 59), 10)
    .option('--stuck-after <seconds>', 'a worker that hangs so long is replaced', wholeNumber(1, 3_600), 20)
    .option('--metrics <address:port>', 'serve Prometheus metrics there; a port alone means 127.0.0.1', listenAddress)
    .addOption(
      new Option('--signing-keys <file>', 'JWK set with private keys, for identity_token').env(SIGNING_KEYS_VARIABLE),
    )
    .option('--jwks <address:port>', 'publish the public half of the signing keys there', listenAddress)
    .addOption(tracesOption())
    .addOption(logoutOptions()[0])
    .addOption(logoutOptions()[1])
    .option('--until-stdin-ends', 'stop when stdin closes, as it does when whoever holds it is killed', false)
    .addOption(new Option('--log-level <level>', 'least severe level that is logged').choices(LOG_LEVELS))
    .addHelpText('after', EXAMPLES)
    .action(serveDecisions);
}

const EXAMPLES = `
The gateway asks for a policy by its name: http://127.0.0.1:9180/orders asks for the policy "orders".
The file is read again when it changes; a file with an error changes nothing, and the log says what is wrong.

Examples:
  kong-jwt-identity authz --gateway traefik --policies policies.yml --gateway-strips everything
  kong-jwt-identity authz --gateway nginx --policies policies.yml --listen /run/jwt-identity/authz.sock --socket-mode 0660
  kong-jwt-identity authz --gateway envoy --kong kong.yml --listen 10.0.0.5:9180 --peers 10.0.0.0/28

policies.yml:
  policies:
    orders:
      issuers:
        - { issuer: https://auth.example.com/, audiences: [orders-api], jwks_uri: https://auth.example.com/jwks.json }
      authorize:
        - { roles: [user] }
`;

async function serveDecisions(flags: AuthzFlags): Promise<void> {
  // The workers read the level from here.
  if (flags.logLevel !== undefined) process.env[LOG_LEVEL_VARIABLE] = flags.logLevel;
  const logger = createLogger();
  process.stderr.on('error', () => undefined);
  if (flags.untilStdinEnds) process.stdin.on('close', () => process.kill(process.pid, 'SIGINT')).resume();
  requirePeers(flags);
  try {
    openTraces(flags, logger.log);
    await openSigningKeys({ ...flags, takeOver: false }, logger.log);
    await openLogoutEndpoint({ ...flags, takeOver: false }, logger.log);
    const exitCode = await superviseDecisions({
      gateway: flags.gateway,
      stripping: flags.gatewayStrips,
      peers: flags.peers ?? LOOPBACK,
      address: flags.listen,
      socketMode: flags.socketMode,
      policies: openPolicyFile(flags, logger),
      workers: flags.workers,
      deadlineMs: flags.deadline * 1_000,
      stuckSeconds: flags.stuckAfter,
      metrics: flags.metrics,
      log: logger.log,
    });
    process.exit(exitCode);
  } catch (error) {
    throw startFailure(error);
  }
}

/**
 * Reads the policies now, and again whenever the file has changed. Likely mistakes are warnings in the log. What cannot be
 * used is said with its place, and changes nothing.
 */
function openPolicyFile({ policies, kong, gateway, gatewayStrips }: AuthzFlags, logger: Logger): () => NamedConfigs {
  const path = policies ?? kong;
  if (path === undefined || (policies !== undefined && kong !== undefined)) {
    throw new CommandFailure('say where the policies are: --policies FILE or --kong FILE');
  }
  const format = policies === undefined ? 'kong' : 'policies';
  const check = policyCheck({ gateway, stripping: gatewayStrips });
  const parse = (text: string, before: NamedConfigs | undefined): NamedConfigs => {
    const findings = inspect(text, { format, open: check.one, overlaps: false }).findings();
    const { named, problem } = readNamed(text, format, check);
    if (problem === undefined) {
      for (const finding of findings) logger.log('warn', findingLogLine(path, finding));
      return named;
    }
    const errors = findings.filter(({ severity }) => severity === 'error');
    const lines =
      errors.length > 0
        ? errors.map((finding) => findingLogLine(path, finding))
        : problem.split('\n').map((line) => `${path}: ${line}`);
    if (before === undefined) throw new CommandFailure(lines.join('\n'));
    for (const line of lines) logger.log('error', line);
    throw new Error(`${lines.length} errors`);
  };
  try {
    return watchedFile(path, 'public', parse, { now: Date.now, log: logger.log });
  } catch (error) {
    throw error instanceof CommandFailure ? error : new CommandFailure(`${path}: ${(error as Error).message}`);
  }
}

/** The policies, or why they cannot be used. */
type Read =
  | { readonly named: NamedConfigs; readonly problem?: undefined }
  | { readonly named?: undefined; readonly problem: string };

function readNamed(text: string, format: FileFormat, check: PolicyCheck): Read {
  try {
    const named = (format === 'policies' ? readPolicies : readRoutePolicies)(text, process.env);
    check.all(named);
    return { named };
  } catch (error) {
    if (error instanceof ConfigError || error instanceof ConfigurationError) return { problem: error.message };
    throw error;
  }
}

/** On an address that others can reach, somebody must have said who the gateway is. */
function requirePeers({ listen, peers }: AuthzFlags): void {
  if (peers !== undefined || 'path' in listen) return;
  const isLoopback = listen.host === 'localhost' || peerFilter(LOOPBACK)(listen.host, false);
  if (!isLoopback) throw new CommandFailure(`--listen ${listen.host} needs --peers: the addresses of the gateway`);
}

function decisionAddress(text: string): DecisionAddress {
  return text.includes('/') ? { path: text } : listenAddress(text);
}

function addressRanges(text: string): readonly string[] {
  const ranges = text.split(',').map((range) => range.trim());
  try {
    peerFilter(ranges);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return ranges;
}
