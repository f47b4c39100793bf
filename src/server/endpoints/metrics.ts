import { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Histogram, register } from 'prom-client';
import { version } from '../../../package.json';
import {
  decisionChannel,
  KEY_SET_STATES,
  keyFetchChannel,
  keySetChannel,
  revocationListChannel,
  routeDecisionChannel,
  tokenCacheChannel,
} from '../../telemetry/channels';

/** Different `kid` labels that one process counts; the uses of further ones are counted together. */
const MAX_KIDS = 100;

/** Pairs of route and service that one process counts; further ones are counted together. */
const MAX_ROUTES = 200;

/** Lists of revoked tokens, status lists included, of which one process tells; of further ones only the log does. */
const MAX_LISTS = 100;

/** Upper bounds of the buckets for an event's duration, in seconds. */
const DURATION_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10];

/** What is measured of a server. */
export interface MeasuredServer {
  /** Events that are going on. */
  readonly eventCount: number;
  readonly instances: {
    readonly size: number;
    /** Versions of the handler in front of each, empty for none; absent for a server that never has one in front. */
    readonly handlers?: readonly string[];
    readonly problems: readonly string[];
  };
}

/** Returns a function that counts how events end and how long they take. */
export function createEventObserver(): (outcome: string, durationMs: number) => void {
  const duration = new Histogram({
    name: 'jwt_identity_event_duration_seconds',
    help: 'Time from the call of Kong to the end of the event, by how it ended.',
    labelNames: ['outcome'],
    buckets: DURATION_BUCKETS,
  });
  return (outcome, durationMs) => {
    duration.labels(outcome).observe(durationMs / 1_000);
  };
}

/**
 * Makes everything else that is known about a worker readable: what the plugin publishes and what the server holds.
 *
 * @param place - tells workers apart; the replacement of a dead worker continues its series, so that counters
 * reset as Prometheus expects
 */
export function observeServer(server: MeasuredServer, place: string): void {
  register.setDefaultLabels({ worker: place });
  // Makes this process answer the supervisor when it collects.
  new AggregatorRegistry();
  collectDefaultMetrics();
  observeTables(server);
  observeDecisions();
  observeKeys();
  observeRevocationLists();
}

function observeTables(server: MeasuredServer): void {
  const { instances } = server;
  gaugeOf('jwt_identity_live_events', 'Events that are going on.', () => server.eventCount);
  gaugeOf('jwt_identity_instances', 'Instances of the plugin that the worker holds.', () => instances.size);
  if (instances.handlers !== undefined) {
    gaugeOf(
      'jwt_identity_handler_instances',
      "Those of them with the handler inside Kong's worker in front.",
      () => instances.handlers?.filter((version) => version !== '').length ?? 0,
    );
  }
  gaugeOf(
    'jwt_identity_unusable_instances',
    'Those of them whose configuration cannot be used, so that every request is refused.',
    () => instances.problems.length,
  );
  const build = new Gauge({
    name: 'jwt_identity_build_info',
    help: 'Always 1; the version of the package and of Node.',
    labelNames: ['version', 'node'],
  });
  build.set({ version, node: process.version }, 1);
}

function observeDecisions(): void {
  const decisions = new Counter({
    name: 'jwt_identity_decisions_total',
    help: 'Decisions of the plugin, by outcome and code.',
    labelNames: ['outcome', 'code'],
  });
  const keyUses = new Counter({
    name: 'jwt_identity_key_uses_total',
    help: 'Requests let through, by the issuer and the key (kid) that verified their token.',
    labelNames: ['issuer', 'kid'],
  });
  const shadowRefusals = new Counter({
    name: 'jwt_identity_shadow_refusals_total',
    help: 'Requests let through that authorize_shadow would have refused, by code.',
    labelNames: ['code'],
  });
  const repeated = new Counter({
    name: 'jwt_identity_repeated_decisions_total',
    help: "Decisions that the handler inside Kong's worker repeated; the other counters include them.",
    labelNames: ['outcome', 'code'],
  });
  const kids = new Set<string>();
  const kidLabel = (kid: string): string => {
    if (kids.size < MAX_KIDS) kids.add(kid);
    return kids.has(kid) ? kid : 'other';
  };
  decisionChannel.subscribe(({ outcome, code, issuer, kid = 'none', shadow, count }) => {
    const times = count ?? 1;
    decisions.inc({ outcome, code }, times);
    if (count !== undefined) repeated.inc({ outcome, code }, times);
    if (issuer !== undefined) keyUses.inc({ issuer, kid: kidLabel(kid) }, times);
    if (shadow !== undefined) shadowRefusals.inc({ code: shadow }, times);
  });
  observeRoutes();
  const lookups = new Counter({
    name: 'jwt_identity_token_cache_lookups_total',
    help: 'Looks into the cache of verified tokens, by result.',
    labelNames: ['result'],
  });
  tokenCacheChannel.subscribe(({ hit, count = 1 }) => {
    lookups.inc({ result: hit ? 'hit' : 'miss' }, count);
  });
}

function observeRoutes(): void {
  const decisions = new Counter({
    name: 'jwt_identity_route_decisions_total',
    help: "Outcomes by route and service, as the handler inside Kong's worker reports them; by policy in a decision server.",
    labelNames: ['route', 'service', 'outcome', 'code'],
  });
  const places = new Set<string>();
  routeDecisionChannel.subscribe(({ route, service = '', outcome, code, count }) => {
    const place = JSON.stringify([route, service]);
    if (places.size < MAX_ROUTES) places.add(place);
    const labels = places.has(place) ? { route, service } : { route: 'other', service: 'other' };
    decisions.inc({ ...labels, outcome, code }, count);
  });
}

function observeKeys(): void {
  const fetches = new Counter({
    name: 'jwt_identity_key_fetches_total',
    help: 'Attempts to fetch keys, by issuer and outcome.',
    labelNames: ['issuer', 'outcome'],
  });
  const keys = new Gauge({
    name: 'jwt_identity_keys',
    help: 'Usable keys after the last attempt to fetch them, by issuer.',
    labelNames: ['issuer'],
  });
  keyFetchChannel.subscribe(({ issuer, outcome, keys: usable }) => {
    fetches.inc({ issuer, outcome });
    keys.set({ issuer }, usable);
  });
  const fetchedAtMs = new Map<string, number>();
  const age = new Gauge({
    name: 'jwt_identity_key_set_age_seconds',
    help: 'Time since keys were last fetched successfully, by issuer.',
    labelNames: ['issuer'],
    collect: () => {
      for (const [issuer, at] of fetchedAtMs) age.set({ issuer }, (Date.now() - at) / 1_000);
    },
  });
  const states = new Gauge({
    name: 'jwt_identity_key_set_state',
    help: '1 for the state of the keys, by issuer: fresh, stale (used because the provider fails) or unavailable.',
    labelNames: ['issuer', 'state'],
  });
  keySetChannel.subscribe((message) => {
    const { issuer } = message;
    if (message.fetchedAtMs > 0) fetchedAtMs.set(issuer, message.fetchedAtMs);
    for (const state of KEY_SET_STATES) states.set({ issuer, state }, state === message.state ? 1 : 0);
  });
}

function observeRevocationLists(): void {
  const entries = new Gauge({
    name: 'jwt_identity_revocation_list_entries',
    help: 'Entries of a list of revoked tokens that the worker holds.',
    labelNames: ['list'],
  });
  const readAt = new Map<string, number>();
  const age = new Gauge({
    name: 'jwt_identity_revocation_list_age_seconds',
    help: 'Time since a list of revoked tokens was last known to be complete.',
    labelNames: ['list'],
    collect: () => {
      for (const [list, at] of readAt) age.set({ list }, (Date.now() - at) / 1_000);
    },
  });
  const states = new Gauge({
    name: 'jwt_identity_revocation_list_state',
    help: '1 for the state of a list of revoked tokens: fresh, stale (used because a newer one cannot be had) or unavailable.',
    labelNames: ['list', 'state'],
  });
  const lists = new Set<string>();
  revocationListChannel.subscribe(({ list, state, readAtMs = 0, entries: held }) => {
    if (lists.size < MAX_LISTS) lists.add(list);
    if (!lists.has(list)) return;
    if (held !== undefined) entries.set({ list }, held);
    if (readAtMs > 0) readAt.set(list, readAtMs);
    if (state === undefined) return;
    for (const each of KEY_SET_STATES) states.set({ list, state: each }, each === state ? 1 : 0);
  });
}

function gaugeOf(name: string, help: string, read: () => number): void {
  const gauge = new Gauge({
    name,
    help,
    collect: () => {
      gauge.set(read());
    },
  });
}
