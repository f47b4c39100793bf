/**
 * The handler inside Kong's worker, in front of the plugin server. Kong (3.0 to 3.9.3) loads
 * `kong.plugins.jwt-identity.handler` before it asks plugin servers for the plugin, and takes the schema from the plugin
 * server all the same.
 *
 * A request passes only when the plugin server left a verdict for it that says so. Kong before 3.8, and every Kong with
 * MsgPack:1, goes on proxying when the plugin server is gone; here that is a request without a verdict, and a 500.
 */
import { HANDLER_MEMBER, NO_VERDICT, PACKAGE_VERSION, PRIORITY, VERDICT_MEMBER } from '../protocol/verdict';
import { secondsOfUptime } from './clock';
import { learn, recall } from './memory';
import { answer, carryOut } from './outcome';
import { logRefusal } from './refusal-log';
import { pluginServer } from './plugin-server';
import { countOutcome, startReporting } from './tally';
import { readVerdict } from './verdict-reader';

const { source } = debug.getinfo(1, 'S');

export = {
  PRIORITY,
  VERSION: PACKAGE_VERSION,

  /** Kong calls it once in each worker. */
  init_worker(this: void): void {
    kong.log.notice('handler ', PACKAGE_VERSION, ' decides with the plugin server, loaded from ', source);
    startReporting();
  },

  /** Kong's access phase: repeats the plugin server's answer, or asks for one and requires it. */
  access(this: void, _handler: unknown, conf: PluginConfig): void {
    // Kong ends a request by giving up this coroutine, so that a refusal does not return here.
    const [ran, problem] = pcall(decide, conf);
    if (!ran) refuse(tostring(problem));
  },
};

function decide(conf: PluginConfig): void {
  const known = recall(conf);
  if (known !== undefined) {
    carryOut(known.verdict, known.consumer);
    return;
  }
  const { shared } = kong.ctx;
  shared[VERDICT_MEMBER] = undefined;
  conf[HANDLER_MEMBER] = PACKAGE_VERSION;
  const askedAt = secondsOfUptime();
  const plugin = pluginServer();
  plugin.access(conf);
  const left = shared[VERDICT_MEMBER];
  shared[VERDICT_MEMBER] = undefined;
  const verdict = readVerdict(left, conf);
  if (typeof verdict === 'string') {
    refuse(verdict);
    return;
  }
  learn(conf, verdict, askedAt, (left as string).length);
  carryOut(verdict);
}

function refuse(reason: string): void {
  countOutcome('internal_error');
  logRefusal('err', 'internal_error', `code=internal_error reason="${reason}"`);
  answer(NO_VERDICT);
}
