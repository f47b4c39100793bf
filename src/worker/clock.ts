const ffi = require('ffi') as Ffi;

// Names of its own: Kong declares the same C function, and LuaJIT refuses a second definition of a struct.
ffi.cdef(`
  struct jwt_identity_time { long seconds; long nanoseconds; };
  int jwt_identity_clock_gettime(int clock, struct jwt_identity_time *time) __asm__("clock_gettime");
`);

/** clock_gettime(2) on Linux: goes on while the machine sleeps, and cannot be set. */
const CLOCK_BOOTTIME = 7;
const CLOCK_MONOTONIC = 1;

const { C } = ffi;
const time = ffi.new('struct jwt_identity_time');
const clock = C.jwt_identity_clock_gettime(CLOCK_BOOTTIME, time) === 0 ? CLOCK_BOOTTIME : CLOCK_MONOTONIC;

/**
 * Returns seconds since some moment, from a clock that nobody can set back. `ngx.now` is not used: it is the system's
 * time, which an administrator or NTP may set back, and answers would then be repeated for longer.
 *
 * @throws when the system has no such clock; the request is then refused
 */
export function secondsOfUptime(): number {
  if (C.jwt_identity_clock_gettime(clock, time) !== 0) error('there is no clock that cannot be set back');
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9;
}
