/** Lua's own library, as far as the handler uses it (Lua 5.1, LuaJIT 2.1). */

declare function require(this: void, module: string): unknown;
declare function pcall(
  this: void,
  f: (this: void, ...args: never[]) => unknown,
  ...args: unknown[]
): LuaMultiReturn<[ok: boolean, problem: unknown]>;
declare function pairs<K extends string, V>(
  this: void,
  table: Readonly<Record<K, V>>,
): LuaIterable<LuaMultiReturn<[K, V]>>;
declare function setmetatable<T extends object>(this: void, table: T, metatable: { readonly __mode: 'k' }): T;
declare function tostring(this: void, value: unknown): string;
declare function type(this: void, value: unknown): string;
declare function error(this: void, problem: string): never;
declare function assert<T>(this: void, value: T | undefined): T;

/** @noSelf */
declare namespace string {
  function char(...bytes: number[]): string;
  function match(text: string, pattern: string): string | undefined;
  function rep(text: string, count: number): string;
  function sub(text: string, first: number, last: number): string;
  function gsub(text: string, pattern: string, replacement: string): LuaMultiReturn<[text: string, count: number]>;
}

/** @noSelf */
declare namespace math {
  function floor(value: number): number;
}

/** @noSelf */
declare namespace debug {
  function getinfo(level: number, what: 'S'): { readonly source: string };
}

declare function tonumber(this: void, value: unknown): number;

/** LuaJIT's foreign functions. @noSelf */
interface Ffi {
  cdef(definition: string): void;
  'new'(type: string): { readonly seconds: unknown; readonly nanoseconds: unknown };
  readonly C: { jwt_identity_clock_gettime(this: void, clock: number, time: unknown): number };
}

/** The global environment. Kong replaces nginx's timers; these are the ones it replaced. */
declare const _G: {
  readonly native_timer_every?: (this: void, delay: number, callback: (this: void, premature: boolean) => void) => void;
};
