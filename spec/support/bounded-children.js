'use strict';

/**
 * Gives every synchronous child process that names no `timeout` a limit: Jest's own cannot interrupt it, so one that
 * hangs would hold up the whole run. The call then fails with ETIMEDOUT and the name of the program.
 */
const children = require('node:child_process');

/** Longest that a child may take, in milliseconds. */
const LIMIT_MS = 120_000;

for (const name of ['spawnSync', 'execFileSync', 'execSync']) {
  const original = children[name];
  // Node's modules are the same for every spec file of a process.
  if (original.isBounded) continue;
  const bounded = (command, ...rest) => {
    const last = rest.at(-1);
    const hasOptions = typeof last === 'object' && last !== null && !Array.isArray(last);
    const others = hasOptions ? rest.slice(0, -1) : rest.filter((argument) => argument !== undefined);
    return original(command, ...others, { timeout: LIMIT_MS, killSignal: 'SIGKILL', ...(hasOptions && last) });
  };
  children[name] = Object.assign(bounded, { isBounded: true });
}
