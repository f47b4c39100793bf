import { LOG_LEVEL_VARIABLE } from '../../src/telemetry/log';

/**
 * Sets the log level of a spec file to `warn`, in its own copy of the environment. Modules read the level when they are
 * loaded: import this before them, in specs that refuse many requests and do not look at the lines about them.
 */
process.env[LOG_LEVEL_VARIABLE] = 'warn';
