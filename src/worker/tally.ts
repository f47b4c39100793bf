import { REPORT_FIELD, type Report } from '../protocol/verdict';
import { encode } from './json';
import { currentPlace } from './place';
import { pluginServer } from './plugin-server';

/** Seconds between two reports; metrics are at most this much behind, and the time that one more attempt takes. */
const INTERVAL_SECONDS = 2;
/** How long the plugin server may take to answer a report. */
const TIMEOUT_MS = 2000;
/** Different labels that are counted. Issuers and keys come from the configuration, so there are few. */
const MAX_LABELS = 1000;

/** Different routes that are counted between two reports; further ones are counted together. */
const MAX_ROUTES = 200;
const OTHER = 'other';

/** Outcomes of one route. */
interface RouteTally {
  readonly route: string;
  readonly service: string;
  readonly outcomes: Record<string, number>;
}

let routes: Record<string, RouteTally> = {};
let routeCount = 0;
let counts: Record<string, number> = {};
let labels = 0;
let hasCounts = false;
let isReporting = false;
let isEnding = false;

/** Whether a repetition with this label can be counted; an answer that cannot be counted is not repeated. */
export function isCountable(label: string): boolean {
  if (counts[label] !== undefined) return true;
  if (labels >= MAX_LABELS) return false;
  labels += 1;
  counts[label] = 0;
  return true;
}

/** Counts one repeated answer. */
export function count(label: string): void {
  counts[label] = (counts[label] ?? 0) + 1;
  hasCounts = true;
}

/**
 * Counts an outcome of the current request for its route, also of a repeated answer.
 *
 * @param outcome - `proceed` or the code of a refusal
 */
export function countOutcome(outcome: string): void {
  const { route } = ngx.ctx as { readonly route?: { readonly id?: string } };
  addOutcome(tallyOf(route?.id ?? ''), outcome, 1);
  // The timer has run for the last time; requests that were open then still end.
  if (isEnding) ngx.timer.at(0, report);
}

function tallyOf(id: string): RouteTally {
  const known = routes[id];
  if (known !== undefined) return known;
  return routeCount < MAX_ROUTES ? newTally(id, currentPlace()) : (routes[OTHER] ?? newTally(OTHER, OTHER_PLACE));
}

const OTHER_PLACE = { route: OTHER, service: OTHER };

function newTally(id: string, { route, service }: { readonly route: string; readonly service: string }): RouteTally {
  const tally = { route, service, outcomes: {} };
  routes[id] = tally;
  routeCount += 1;
  return tally;
}

function addOutcome({ outcomes }: RouteTally, outcome: string, times: number): void {
  outcomes[outcome] = (outcomes[outcome] ?? 0) + times;
  hasCounts = true;
}

/** Starts to report every {@link INTERVAL_SECONDS}, and once more when the worker ends. */
export function startReporting(): void {
  const { native_timer_every: every } = _G;
  (every ?? ngx.timer.every)(INTERVAL_SECONDS, reportOnTime);
}

function reportOnTime(premature: boolean): void {
  isEnding = premature;
  report();
}

/** Sends what was counted. What did not arrive is kept for the next report. */
function report(): void {
  // A report waits for the plugin server; counts that a second one sent meanwhile would count twice.
  if (!hasCounts || isReporting) return;
  isReporting = true;
  const [sent, sentRoutes] = [counts, routes];
  counts = {};
  routes = {};
  routeCount = 0;
  labels = 0;
  hasCounts = false;
  const [ran, arrived] = pcall(send, sent, sentRoutes);
  isReporting = false;
  if (ran && arrived === true) return;
  for (const [label, number] of pairs(sent)) {
    if (isCountable(label)) {
      counts[label] = (counts[label] ?? 0) + number;
      hasCounts = true;
    }
  }
  for (const [id, tally] of pairs(sentRoutes)) {
    const kept = routes[id] ?? newTally(id, tally);
    for (const [outcome, number] of pairs(tally.outcomes)) addOutcome(kept, outcome, number);
  }
}

/** Returns whether the plugin server has taken the report. */
function send(sent: Readonly<Record<string, number>>, sentRoutes: Readonly<Record<string, RouteTally>>): boolean {
  const entries: Report[number][] = [];
  for (const [label, number] of pairs(sent)) if (number > 0) entries.push([label, number]);
  for (const [, { route, service, outcomes }] of pairs(sentRoutes)) {
    for (const [outcome, number] of pairs(outcomes)) entries.push([outcome, number, route, service]);
  }
  const { server_def: server } = pluginServer();
  // The stock plugin server speaks MsgPack:1 and has no metrics.
  if (server?.socket === undefined || server.protocol !== 'ProtoBuf:1') return true;
  const socket = ngx.socket.tcp();
  socket.settimeout(TIMEOUT_MS);
  const [connected] = socket.connect(`unix:${server.socket}`);
  if (connected === undefined) return false;
  const call = reportCall(encode(entries));
  const [isSent] = socket.send(littleEndian(call.length) + call);
  const [reply] = socket.receive(4);
  socket.close();
  return isSent !== undefined && reply !== undefined;
}

/** An `RpcCall` of ProtoBuf:1: sequence (field 1) and the report (a text). */
function reportCall(text: string): string {
  return `\x08\x01${varint(REPORT_FIELD * 8 + 2)}${varint(text.length)}${text}`;
}

function varint(value: number): string {
  if (value < 128) return string.char(value);
  return string.char(128 + (value % 128)) + varint(math.floor(value / 128));
}

/** Kong 3.9.3: a frame begins with its length in the machine's byte order, which is this on x86-64 and arm64. */
function littleEndian(value: number): string {
  const octet = (shift: number): number => math.floor(value / shift) % 256;
  return string.char(octet(1), octet(256), octet(65_536), octet(16_777_216));
}
