/** One plugin server, as Kong's settings `pluginserver_<name>_*` describe it. */
export interface PluginServerSettings {
  readonly name: string;
  /** Path of the Unix socket. */
  readonly socket: string;
  /** Shell command that prints what the plugin is. */
  readonly queryCommand: string;
  /** Shell command that runs the server, `null` when something else does. */
  readonly startCommand: string | null;
}

/** Returns a command line for a shell, whatever the words hold. */
export function shellCommand(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}
