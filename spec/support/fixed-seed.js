'use strict';

/** Gives every property of fast-check that names no seed the one of the run. */
require('fast-check').configureGlobal({ seed: Number(process.env['FAST_CHECK_SEED']) });
