'use strict';

const { writeFileSync } = require('node:fs');
const { relative } = require('node:path');

/** A reporter of Jest that keeps the names of the spec files that run in the file `RUNNING_SPECS`. */
module.exports = class RunningSpecs {
  #running = new Set();

  onTestFileStart({ path }) {
    this.#running.add(relative('.', path));
    this.#write();
  }

  onTestFileResult({ path }) {
    this.#running.delete(relative('.', path));
    this.#write();
  }

  #write() {
    writeFileSync(process.env.RUNNING_SPECS, [...this.#running].join(', '));
  }
};
