'use strict';

/** The plugin itself, and a way to see what it leaves behind: `weigh` in a configuration collects and prints the heap. */
const plugin = require('../../dist/plugin/jwt-identity');

class Plugin extends plugin.Plugin {
  constructor({ weigh, ...config }) {
    super(config);
    if (weigh === undefined) return;
    globalThis.gc();
    const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
    process.stderr.write(`weighed ${weigh} ${heapUsed} ${arrayBuffers} ${rss}\n`);
  }
}

module.exports = { ...plugin, Plugin };
