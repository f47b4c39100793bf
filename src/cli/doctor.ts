import { Command, InvalidArgumentError } from 'commander';
import { ConfigurationError } from '../kong/declarative/configuration-error';
import { CommandFailure } from './command-failure';
import { readTextFile } from './diagnosis';
import type { Diagnosis, Health } from './doctor/finding';
import { gatewayFindings } from './doctor/gateway-checks';
import {
  clockFinding,
  closedFinding,
  directFinding,
  fileFinding,
  keySetFinding,
  kongConfFindings,
  socketFindings,
} from './doctor/place-checks';
import { createProber } from './doctor/probe';
import { surroundingsOf, type Surroundings } from './doctor/surroundings';
import { repeatableOption } from './repeatable-option';
import { wholeNumber } from './server-flags';

/** Exit code when the promise is not kept. */
const FOUND = 3;

interface DoctorFlags {
  readonly gateway?: string;
  readonly service: readonly string[];
  readonly admin: readonly string[];
  readonly metrics: readonly string[];
  readonly socket?: string;
  readonly kongConf?: string;
  readonly token?: string;
  readonly timeout: number;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** `doctor`: finds out, from where it runs, whether nothing but a verified request reaches a service. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('find out, from this place in the network, whether services can be reached past the gateway')
    .argument('[kong.yml]', 'declarative configuration: its services, routes and key sets are asked')
    .option('--gateway <url>', 'address at which clients reach Kong', url)
    .addOption(repeatableOption('--service <url>', 'another service that only the gateway may reach', urls))
    .addOption(repeatableOption('--admin <url>', 'address of the Admin API, which must not answer here', urls))
    .addOption(repeatableOption('--metrics <url>', 'address of metrics, which must not answer here', urls))
    .option('--socket <path>', 'socket of the plugin server, on this machine')
    .option('--kong-conf <file>', 'kong.conf, on this machine')
    .option('--token <file>', 'file with a valid token; it and forged copies are sent to --gateway')
    .option('--timeout <seconds>', 'limit for one request', wholeNumber(1, 60), 3)
    .option('--dry-run', 'print what would be asked, and ask nothing', false)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      `
It sends GET requests only, to the addresses of the file and of the flags, marked in User-Agent. Run it from where clients
are, and from a machine inside the network. Exit codes: 0 no hole, 1 a file cannot be read, 2 wrong flags, 3 a hole.

Examples:
  $ kong-jwt-identity doctor kong.yml --gateway https://api.shop.test --dry-run
  $ kong-jwt-identity doctor kong.yml --gateway https://api.shop.test --admin http://kong.internal:8001 --token token.txt
  $ kong-jwt-identity doctor --socket /usr/local/kong/jwt_identity.socket --kong-conf /etc/kong/kong.conf`,
    )
    .action(async (file: string | undefined, flags: DoctorFlags, command: Command) => {
      const { gateway, socket, kongConf, service, admin, metrics } = flags;
      const hasPlace = [gateway, socket, kongConf, file, ...service, ...admin, ...metrics].some(
        (each) => each !== undefined,
      );
      if (!hasPlace) command.error('error: name a kong.yml, --gateway, --socket or another place to look at');
      const surroundings = file === undefined ? NOTHING : read(file);
      const steps = plan(file, surroundings, flags);
      if (flags.dryRun) {
        process.stdout.write(steps.map(({ what }) => `${what}\n`).join(''));
        return;
      }
      const found: Diagnosis[] = [];
      // One after the other: it must not be a load.
      for (const { look } of steps) found.push(...(await look()));
      const holes = found.filter(({ health }) => health === 'hole').length;
      process.stdout.write(
        flags.json ? `${JSON.stringify({ findings: found, holes }, null, 2)}\n` : report(found, holes),
      );
      if (holes > 0) process.exitCode = FOUND;
    });
}

const NOTHING: Surroundings = { services: [], routes: [], keySets: [], identityHeaders: [], holdsSecret: false };

interface Step {
  /** For `--dry-run`. */
  readonly what: string;
  readonly look: () => Promise<readonly Diagnosis[]>;
}

function plan(
  file: string | undefined,
  { services, routes, keySets, identityHeaders, holdsSecret }: Surroundings,
  flags: DoctorFlags,
): Step[] {
  const prober = createProber(flags.timeout * 1000);
  const { gateway, socket, kongConf } = flags;
  const token =
    flags.token === undefined
      ? undefined
      : readTextFile(flags.token)
          .trim()
          .replace(/^Bearer +/i, '');
  const headers = identityHeaders.length > 0 ? identityHeaders : ['X-User-ID'];
  const one = (what: string, look: () => Promise<Diagnosis>): Step => ({ what, look: async () => [await look()] });
  const admins =
    'listen on 127.0.0.1, or close it with a network policy: a client that reaches it can change who is let in';
  return [
    ...(file === undefined
      ? []
      : [{ what: `mode of ${file}`, look: () => Promise.resolve(fileFinding(file, holdsSecret)) }]),
    ...[...services, ...flags.service].map((address) =>
      one(`GET ${address} without the gateway, with forged identity headers`, () =>
        directFinding(address, headers, prober),
      ),
    ),
    ...(gateway === undefined
      ? []
      : [
          {
            what: `GET ${gateway}: ${routes.length} routes without a token, with forged tokens and headers${token === undefined ? '' : ', with the token'}`,
            look: () => gatewayFindings({ url: gateway, routes, token }, prober),
          },
          one(`GET ${gateway}: its clock`, () => clockFinding(gateway, prober)),
        ]),
    ...flags.admin.map((address) => one(`GET ${address}`, () => closedFinding('Admin API', address, admins, prober))),
    ...flags.metrics.map((address) =>
      one(`GET ${address}`, () =>
        closedFinding('metrics', address, 'listen on 127.0.0.1, or let Prometheus alone reach it', prober),
      ),
    ),
    ...keySets.flatMap((address) => [
      one(`GET ${address}`, () => keySetFinding(address, prober)),
      one(`GET ${address}: its clock`, () => clockFinding(address, prober)),
    ]),
    ...(socket === undefined ? [] : [{ what: `socket ${socket}`, look: () => socketFindings(socket) }]),
    ...(kongConf === undefined
      ? []
      : [{ what: `settings in ${kongConf}`, look: () => Promise.resolve(kongConfFindings(kongConf)) }]),
  ];
}

function read(file: string): Surroundings {
  try {
    return surroundingsOf(readTextFile(file));
  } catch (error) {
    throw error instanceof ConfigurationError ? new CommandFailure(`${file}: ${error.message}`) : error;
  }
}

const WORDS: Readonly<Record<Health, string>> = { ok: 'ok', hole: 'HOLE', unknown: '?' };
/** SGR codes: green, red, yellow. */
const COLOURS: Readonly<Record<Health, number>> = { ok: 32, hole: 31, unknown: 33 };

/** A table, and what to do about each hole. Colours only where somebody looks, and not against NO_COLOR. */
function report(found: readonly Diagnosis[], holes: number): string {
  const isColoured = process.stdout.isTTY && !process.env['NO_COLOR'];
  const rows = found.map(({ health, check, target, seen, cure }) => {
    const word = WORDS[health].padEnd(4);
    const shown = isColoured ? `\u001b[${COLOURS[health]}m${word}\u001b[0m` : word;
    const line = `${shown}  ${check.padEnd(28)}  ${target}: ${seen}\n`;
    return cure === undefined ? line : `${line}      ${''.padEnd(28)}  → ${cure}\n`;
  });
  return `${rows.join('')}${holes === 0 ? 'no hole was found from here' : `${holes} holes`}\n`;
}

function url(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('It must be an http:// or https:// URL.');
}

function urls(text: string, before: readonly string[]): readonly string[] {
  return [...before, url(text)];
}
