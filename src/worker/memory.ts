import type { Repetition, Verdict } from '../protocol/verdict';
import { secondsOfUptime } from './clock';
import { findLines, lineName, lineValue } from './header-lines';
import { count, isCountable } from './tally';

interface Lru<V> {
  get(this: Lru<V>, key: string): V | undefined;
  set(this: Lru<V>, key: string, value: V): void;
}

interface LruModule {
  'new'(this: void, maximum: number): Lru<Remembered>;
}

/** An answer that may be repeated. */
export interface Remembered {
  readonly verdict: Verdict;
  /** Kong's consumer, where it belongs to the answer. */
  readonly consumer: unknown;
  /** What its repetition counts as. */
  readonly label: string;
  /** By {@link secondsOfUptime}. */
  readonly until: number;
}

/** Everything that answers of one kind depend on, under one configuration. */
interface Shape {
  readonly repetition: Repetition;
  /** What a header's name means: its place in {@link Repetition.equal}, {@link HARMLESS} or {@link DECISIVE}. */
  readonly meanings: Record<string, number>;
  /** What any other name means. */
  readonly otherwise: number;
  nameCount: number;
  /** Values of {@link Repetition.equal} in the request that is looked at. */
  readonly values: (string | undefined)[];
}

/** A header that matters neither by its presence nor by its value. */
const HARMLESS = -1;
/** A request with such a header is asked about. */
const DECISIVE = -2;

/** One configuration of the plugin, as long as Kong uses this very table for it. */
interface Configuration {
  /** No two configurations of a worker share it, one that changed included. */
  readonly id: string;
  readonly plugin: string | undefined;
  readonly sequence: number | undefined;
  token?: Shape;
  missing?: Shape;
}

const lru = require('resty.lrucache') as LruModule;

/** Bytes of key and verdict of an ordinary answer, and how many such are kept: 40 MB at the most. */
const MAX_BYTES = 4096;
const MAX_ANSWERS = 10_000;
/** The same of large ones (hundreds of roles, large tokens): 16 MB at the most. */
const MAX_LARGE_BYTES = 65_536;
const MAX_LARGE_ANSWERS = 256;
/** Ordinary answers to requests without a token. They are kept apart, so that a flood of them pushes no caller out. */
const MAX_MISSING_ANSWERS = 1000;
/** Names of headers that are remembered as harmless, for each configuration, and of what length. */
const MAX_NAMES = 500;
const MAX_NAME_BYTES = 64;

let configurations: LuaWeakTable = weakTable();
let lastId = 0;
let server: string | undefined;
let answers = lru.new(MAX_ANSWERS);
let largeAnswers = lru.new(MAX_LARGE_ANSWERS);
let missingAnswers = lru.new(MAX_MISSING_ANSWERS);

/**
 * Returns the answer to a request that is the same as an earlier one in everything that mattered, and counts it;
 * `undefined` when the plugin server must be asked.
 */
export function recall(conf: PluginConfig): Remembered | undefined {
  const configuration = configurationOf(conf);
  const { token, missing } = configuration;
  if (token === undefined && missing === undefined) return undefined;
  const lines = findLines();
  if (lines === undefined) return undefined;
  let found: Remembered | undefined;
  if (token !== undefined) {
    const key = keyOf(configuration, token, lines);
    if (key !== undefined) found = answers.get(key) ?? largeAnswers.get(key);
  }
  if (found === undefined && missing !== undefined) {
    const key = keyOf(configuration, missing, lines);
    if (key !== undefined) found = missingAnswers.get(key);
  }
  if (found === undefined || secondsOfUptime() >= found.until) return undefined;
  count(found.label);
  return found;
}

/**
 * Remembers the plugin server's answer to the current request if it may be repeated. Nothing of the request has been
 * changed yet, so its headers are those that the plugin server saw.
 *
 * @param askedAt - by {@link secondsOfUptime}, from before the plugin server was asked
 * @param bytes - length of the verdict
 */
export function learn(conf: PluginConfig, verdict: Verdict, askedAt: number, bytes: number): void {
  if (verdict.server !== server) forget(verdict.server);
  const { repeat } = verdict;
  if (repeat === undefined || !isCountable(repeat.label)) return;
  const lines = findLines();
  if (lines === undefined) return;
  const configuration = configurationOf(conf);
  const key = keyOf(configuration, shapeOf(configuration, repeat), lines);
  if (key === undefined) return;
  const consumer = repeat.consumer === true ? ngx.ctx['authenticated_consumer'] : undefined;
  if (repeat.consumer === true && consumer === undefined) return;
  const remembered = { verdict, consumer, label: repeat.label, until: askedAt + repeat.seconds };
  const size = key.length + bytes;
  // Kept apart: the text of one kind may be that of another, and a client without a token can make any number of them.
  if (repeat.kind === 'missing') {
    if (size <= MAX_BYTES) missingAnswers.set(key, remembered);
  } else if (size <= MAX_BYTES) answers.set(key, remembered);
  else if (size <= MAX_LARGE_BYTES) largeAnswers.set(key, remembered);
}

/** Forgets everything: another start of the plugin server answers now. */
function forget(newServer: string): void {
  server = newServer;
  configurations = weakTable();
  answers = lru.new(MAX_ANSWERS);
  largeAnswers = lru.new(MAX_LARGE_ANSWERS);
  missingAnswers = lru.new(MAX_MISSING_ANSWERS);
}

/** Kong makes a new table, with a new `__seq__`, of every configuration that it loads. */
function configurationOf(conf: PluginConfig): Configuration {
  const { __plugin_id: plugin, __seq__: sequence } = conf;
  const known = configurations.get(conf);
  if (known !== undefined && known.plugin === plugin && known.sequence === sequence) return known;
  lastId += 1;
  const configuration = { id: `${lastId}`, plugin, sequence };
  configurations.set(conf, configuration);
  return configuration;
}

/** The shape of this kind of answer, with the harmless names of the request added. */
function shapeOf(configuration: Configuration, repetition: Repetition): Shape {
  const shape = configuration[repetition.kind] ?? newShape(repetition);
  configuration[repetition.kind] = shape;
  const { meanings } = shape;
  for (const name of repetition.harmless ?? []) {
    if (meanings[name] === undefined && name.length <= MAX_NAME_BYTES && shape.nameCount < MAX_NAMES) {
      meanings[name] = HARMLESS;
      shape.nameCount += 1;
    }
  }
  return shape;
}

function newShape(repetition: Repetition): Shape {
  const meanings: Record<string, number> = {};
  const { absent, equal } = repetition;
  for (let place = 0; place < equal.length; place += 1) meanings[equal[place] as string] = place;
  for (const name of absent) meanings[name] = DECISIVE;
  const otherwise = repetition.harmless === undefined ? HARMLESS : DECISIVE;
  return { repetition, meanings, otherwise, nameCount: 0, values: [] };
}

/**
 * The text under which an answer to this request is remembered: no two requests that differ in what the plugin server
 * looked at have the same. `undefined`: the plugin server must be asked.
 *
 * @param lines - from {@link findLines}
 */
function keyOf(configuration: Configuration, shape: Shape, lines: number): string | undefined {
  const { repetition, meanings, otherwise, values } = shape;
  const { equal } = repetition;
  if (repetition.exceptPath !== undefined && requestPath() === repetition.exceptPath) return undefined;
  for (let place = 0; place < equal.length; place += 1) values[place] = undefined;
  for (let line = 0; line < lines; line += 1) {
    const meaning = meanings[lineName(line)] ?? otherwise;
    if (meaning !== HARMLESS) {
      // Of a header that matters there may be one line.
      if (meaning === DECISIVE || values[meaning] !== undefined) return undefined;
      values[meaning] = lineValue(line);
    }
  }
  let key = configuration.id;
  if (repetition.method) key += `${ngx.req.get_method()} `;
  for (let place = 0; place < equal.length; place += 1) {
    const value = values[place];
    // The length makes the text unambiguous, whatever an earlier plugin has put into a header.
    key += value === undefined ? '-' : `+${value.length}:${value}`;
  }
  return key;
}

/** The path as the client sent it; the plugin server compares the same text. */
function requestPath(): string | undefined {
  return string.match(ngx.var['request_uri'] ?? '', '^[^?]*');
}

interface LuaWeakTable {
  readonly get: LuaTableGetMethod<PluginConfig, Configuration | undefined>;
  readonly set: LuaTableSetMethod<PluginConfig, Configuration>;
}

function weakTable(): LuaWeakTable {
  return setmetatable(new LuaTable<PluginConfig, Configuration>(), { __mode: 'k' });
}
