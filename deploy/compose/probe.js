'use strict';

// Opens a TCP connection to each HOST:PORT, as any container on this one's network could, and prints what came of it.
// Fails when one of them opened; with --reach, when one of them did not.
const { connect } = require('node:net');

/** Packets to a network that this container is not on are dropped, not refused. */
const PATIENCE_MS = 2_000;

function attempt(address) {
  const [, host, port] = /^(.+):(\d+)$/.exec(address) ?? [];
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: PATIENCE_MS });
    const end = (outcome) => {
      socket.destroy();
      resolve({ address, outcome });
    };
    socket.on('connect', () => end('open'));
    socket.on('timeout', () => end('no answer'));
    socket.on('error', ({ code, message }) => end(code ?? message));
  });
}

const args = process.argv.slice(2);
const mustOpen = args[0] === '--reach';
const addresses = mustOpen ? args.slice(1) : args;

Promise.all(addresses.map(attempt)).then((attempts) => {
  for (const { address, outcome } of attempts) console.log(`${address}: ${outcome}`);
  const isRight = attempts.length > 0 && attempts.every(({ outcome }) => (outcome === 'open') === mustOpen);
  process.exitCode = isRight ? 0 : 1;
});
