import { closeSync, openSync, writeSync } from 'node:fs';
import { KONG_ONLY } from '../../../kong/declarative/configuration-error';
import { logRecord } from '../../exchange/log-record';
import type { PluginKind } from '../plugin-kind';
import { configSchema, FLAG } from './config-schema';

/** Who may read a log file that is made here: as in Kong, everybody. */
const MODE = 0o644;

/** Kong's `file-log`: appends a line of JSON for every request to a file. */
export const fileLog: PluginKind = {
  name: 'file-log',
  priority: 9,
  schema: configSchema([
    { path: { type: 'string', required: true, match: '^[^*&%%\\`]+$', err: 'not a valid filename' } },
    { reopen: FLAG },
    {
      custom_fields_by_lua: {
        type: 'map',
        keys: { type: 'string' },
        values: { type: 'string' },
        len_max: 0,
        err: KONG_ONLY,
      },
    },
  ]),
  configure: ({ config }, { log }) => ({
    log: (record) => {
      const { path } = config as { readonly path: string };
      try {
        const file = openSync(path, 'a', MODE);
        writeSync(file, `${JSON.stringify(logRecord(record))}\n`);
        closeSync(file);
      } catch (error) {
        log('error', 'failed to write the log file', { path, reason: (error as Error).message });
      }
    },
  }),
};
