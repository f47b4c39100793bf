import { describe } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Kong, KongOptions } from './kong';
import { startKongItself } from './kong-itself';
import { hasHandler, launchNativeKong, packagedServer, type NativePluginServer } from './kong-native';
import { describeKong, kongTarget } from './kong-target';

/** `describe` for specs of the handler inside the worker of a `kong` on PATH. */
export function describeHandler(name: string, body: () => void): void {
  if (kongTarget === 'native' && hasHandler) describeKong(name, body);
  else describe.skip(`${name} (with KONG_TARGET=native and without KONG_HANDLER=off only)`, body);
}

/** A Kong whose plugin server can be ended and kept from coming back. */
export interface HandlerKong extends Kong {
  /** First process of Kong. */
  readonly pid: number;
  /** Kills the plugin server, all its processes, and keeps Kong from starting another. */
  killServer(): void;
  /** Lets Kong start it again. */
  releaseServer(): void;
}

/**
 * Starts the `kong` on PATH with the handler.
 *
 * @param server - the plugin server; this package's unless given
 * @param folder - a folder with another handler
 */
export async function startHandlerKong(
  options: KongOptions,
  server: NativePluginServer = packagedServer(options.serveFlags ?? []),
  folder?: string,
): Promise<HandlerKong> {
  const gate = mkdtempSync(join(tmpdir(), 'gate-'));
  const closed = join(gate, 'closed');
  const { startCommand } = server;
  const gated: NativePluginServer = {
    ...server,
    // The folder's name is in the command line of the shell that waits, and of what it becomes.
    startCommand: startCommand && ((socket) => waitingCommand(closed, startCommand(socket))),
  };
  let pid = 0;
  let prefix = '';
  const kong = await startKongItself(options, async (settings) => {
    const process = await launchNativeKong(settings, [gated], folder ?? true);
    pid = process.pid;
    prefix = process.prefix;
    return process;
  });
  return {
    ...kong,
    pid,
    killServer: () => {
      writeFileSync(closed, '');
      // Both the plugin server and a shell that waits hold this folder in their command lines.
      for (const each of processesWith(server.socket === undefined ? prefix : dirname(server.socket)))
        process.kill(each, 'SIGKILL');
    },
    releaseServer: () => {
      unlinkSync(closed);
    },
    stop: async () => {
      await kong.stop();
      rmSync(gate, { recursive: true });
    },
  };
}

function waitingCommand(closed: string, command: string): string {
  const script = join(closed, '../start.sh');
  writeFileSync(script, `while [ -e "${closed}" ]; do sleep 0.1; done\nexec ${command}\n`);
  return `/bin/sh ${script}`;
}

/** Processes of this spec whose command line, or that of an ancestor's plugin server, holds a text. */
function processesWith(text: string): number[] {
  const commandOf = (pid: string): string => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      return '';
    }
  };
  const parentOf = (pid: string): string => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] ?? '';
    } catch {
      return '';
    }
  };
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const servers = all.filter((pid) => /serve|pluginserver/.test(commandOf(pid)) && commandOf(pid).includes(text));
  const children = all.filter((pid) => servers.includes(parentOf(pid)));
  return [...servers, ...children].map(Number);
}
