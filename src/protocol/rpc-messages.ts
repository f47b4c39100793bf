/**
 * The calls that Kong makes and what a plugin server returns. Field numbers are the contract of `ProtoBuf:1`
 * (Kong 3.9.3); the definition is this project's own.
 */
import { jsonValue } from './json-value';
import { bytes, embedded, field, int32, int64, message, present, repeated, text, type ValueOf } from './message';
import { HANDLERS_FIELD, PROBLEMS_FIELD, REPORT_FIELD } from './verdict';

const nothing = message({});
const byName = message({ name: field(1, text) });
const byInstance = message({ instanceId: field(1, int32) });

/** Kong → server. Exactly one of the commands is there. */
export const rpcCall = message({
  sequence: field(1, int64),
  getPluginNames: present(31, embedded(nothing)),
  getPluginInfo: present(32, embedded(byName)),
  startInstance: present(33, embedded(message({ name: field(1, text), config: field(2, bytes) }))),
  getInstanceStatus: present(34, embedded(byInstance)),
  closeInstance: present(35, embedded(byInstance)),
  handleEvent: present(36, embedded(message({ instanceId: field(1, int32), eventName: field(2, text) }))),
  /** A report of the handler inside Kong's worker, as JSON. Kong itself never sends it. */
  report: present(REPORT_FIELD, text),
});

/** A decoded {@link rpcCall}. */
export type RpcCall = ValueOf<typeof rpcCall>;

/** Server → Kong. There is no field for an error: a call that fails is answered by closing the connection. */
export const rpcReturn = message({
  sequence: field(1, int64),
  pluginNames: present(
    31,
    embedded(
      message({
        names: repeated(1, text),
        handlers: repeated(HANDLERS_FIELD, text),
        problems: repeated(PROBLEMS_FIELD, text),
      }),
    ),
  ),
  pluginInfo: present(
    32,
    embedded(
      message({
        name: field(1, text),
        updatedAt: field(2, int64),
        loadedAt: field(3, int64),
        phases: repeated(4, text),
        version: field(5, text),
        priority: field(6, int32),
        schema: field(7, text),
      }),
    ),
  ),
  instanceStatus: present(
    33,
    embedded(
      message({
        name: field(1, text),
        instanceId: field(2, int32),
        config: field(3, embedded(jsonValue)),
        startedAt: field(4, int64),
      }),
    ),
  ),
});

/** A decoded {@link rpcReturn}. */
export type RpcReturn = ValueOf<typeof rpcReturn>;
