import { describe } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { FrameDecoder } from '../../src/protocol/frame';
import { decode } from '../../src/protocol/message';
import { rpcCall } from '../../src/protocol/rpc-messages';
import { PACKAGE_VERSION, type Report, type Verdict } from '../../src/protocol/verdict';

/** The handler as it is built. */
export const HANDLER_FILE = resolve(__dirname, '../../dist/lua/kong/plugins/jwt-identity/handler.lua');
const DOUBLE = resolve(__dirname, '../fixtures/worker/kong-double.lua');

/** One request, or something else that happens to the worker; see spec/fixtures/worker/kong-double.lua. */
export interface LuaStep {
  readonly conf?: string;
  /** Target of the request line. */
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly method?: string;
  readonly id?: string;
  /** What the plugin server leaves when it is asked. */
  readonly verdict?: string;
  /** What is in `kong.ctx.shared` before. */
  readonly left?: string;
  /** Name of the credential and of the group that an earlier plugin left. */
  readonly earlier?: string;
  /** Kong's code throws this when it asks. */
  readonly fails?: string;
  /** The plugin server, or Kong, ends the request with this status. */
  readonly exits?: number;
  /** Kong knows this consumer afterwards. */
  readonly consumer?: string;
  /** What Kong's router found. */
  readonly route?: object;
  readonly service?: object;
  readonly advance?: number;
  readonly report?: 'taken' | 'lost' | 'unheard' | 'again';
  readonly ends?: boolean;
  /** Protocol of the plugin server from now on. */
  readonly protocol?: string;
}

/** What Kong saw of a step. */
export interface LuaSeen {
  readonly asked: boolean;
  readonly passed?: boolean;
  readonly exit?: { readonly status: number; readonly body: string; readonly headers: Record<string, string> };
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly groups?: string;
  readonly credential?: { readonly id: string };
  readonly consumer?: string;
  /** What was written to Kong's log at `notice`. */
  readonly notice?: string;
  readonly logged?: string;
  readonly left?: string;
  readonly error?: string;
  readonly threw?: string;
  readonly handler?: string;
  /** The handler looked for a trace. */
  readonly tracing?: true;
  /** Frames that the plugin server was sent, in hexadecimal digits, with blanks in between. */
  readonly reports?: string;
}

/**
 * Runs steps through the compiled handler in one LuaJIT. The first line tells about the handler itself.
 *
 * @param openresty - `undeclared`: it has no structure for header lines; `changed`: its functions take other arguments
 */
export function runHandler(
  steps: readonly LuaStep[],
  openresty?: 'undeclared' | 'changed',
): { readonly loaded: unknown; readonly seen: readonly LuaSeen[] } {
  const flags = openresty === undefined ? [] : [openresty];
  const input = steps.map((step) => `${JSON.stringify({ conf: 'p1#1', headers: {}, ...step })}\n`).join('');
  const { status, stdout, stderr } = spawnSync('luajit', [DOUBLE, HANDLER_FILE, ...flags], { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const [loaded, ...seen] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  return { loaded, seen: seen as LuaSeen[] };
}

/** Repeated answers that the plugin server was told of in a step: a list of labels and numbers for each frame with some. */
export function reportedCounts(seen: LuaSeen): [label: string, count: number][][] {
  const counts = reported(seen).map((entries) =>
    entries.filter((entry): entry is [string, number] => entry.length === 2),
  );
  return counts.filter(({ length }) => length > 0);
}

/** Outcomes by route and service that it was told of: a list for each frame. */
export function reportedOutcomes(seen: LuaSeen): (readonly unknown[])[][] {
  return reported(seen).map((entries) => entries.filter(({ length }) => length === 4));
}

function reported({ reports = '' }: LuaSeen): Report[number][][] {
  return reports.split(' ').flatMap((hex) =>
    new FrameDecoder().push(Buffer.from(hex, 'hex')).map((payload) => {
      const { sequence, report } = decode(rpcCall, payload);
      if (report === undefined) throw new Error(`no report in call ${sequence}`);
      return JSON.parse(report) as Report[number][];
    }),
  );
}

/** A verdict of the plugin server that lets a request with a token pass and may be repeated. */
export function verdictText(changes: Partial<Verdict> = {}): string {
  const verdict: Verdict = {
    version: PACKAGE_VERSION,
    server: 'start-1',
    plugin: 'p1',
    sequence: 1,
    spread: 100,
    proceed: { headers: [['X-User-ID', 'ada']] },
    repeat: {
      seconds: 5,
      kind: 'token',
      equal: ['authorization', 'connection'],
      absent: [],
      method: false,
      harmless: ['host', 'accept'],
      label: 'ada',
    },
    ...changes,
  };
  return JSON.stringify(verdict);
}

const absence = whyAbsent();
if (absence !== undefined) process.stderr.write(`the handler in LuaJIT is SKIPPED: ${absence}\n`);

/** `describe` for specs that run the compiled handler in LuaJIT; skipped, with the reason, where that cannot be. */
export function describeLua(name: string, body: () => void): void {
  if (absence === undefined) describe(name, body);
  else describe.skip(`${name} (${absence})`, body);
}

function whyAbsent(): string | undefined {
  const { error, status } = spawnSync('luajit', ['-e', 'require("cjson.safe")'], { encoding: 'utf8' });
  if (error !== undefined) return 'there is no `luajit` command on PATH (Debian: luajit)';
  if (status !== 0) return 'LuaJIT has no cjson (Debian: lua-cjson)';
  return existsSync(HANDLER_FILE) ? undefined : `${HANDLER_FILE} is missing: npm run build`;
}
