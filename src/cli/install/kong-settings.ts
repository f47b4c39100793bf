/** One line of kong.conf. */
export interface Setting {
  readonly name: string;
  readonly value: string;
}

/** Where the parts of this installation are, as absolute paths. */
export interface Placement {
  /** The Node program. */
  readonly node: string;
  /** The command of this package, a JavaScript file. */
  readonly command: string;
  /** The folder with the handler that Kong loads into its workers. */
  readonly luaFolder: string;
  /** The Unix socket on which Kong and the plugin server meet. */
  readonly socket: string;
}

/** Name of the plugin server in kong.conf. A `-` would not do in an environment variable. */
const SERVER = 'jwt_identity';
export const PLUGIN = 'jwt-identity';

/**
 * Returns the lines of kong.conf that make Kong load the plugin. Paths are absolute: nginx hides its environment from
 * the plugin server, `PATH` too, so Kong does not find a bare command name (Kong 3.9.3).
 *
 * @param startedByKong - whether Kong runs the plugin server, or something else does, such as systemd
 */
export function kongSettings(
  { node, command, luaFolder, socket }: Placement,
  startedByKong: boolean,
): readonly Setting[] {
  const prefix = `pluginserver_${SERVER}_`;
  return [
    { name: 'plugins', value: `bundled,${PLUGIN}` },
    // `;;` stands for the folders in which Lua looks anyway.
    { name: 'lua_package_path', value: `${luaFolder}/?.lua;;` },
    { name: 'pluginserver_names', value: SERVER },
    { name: `${prefix}socket`, value: socket },
    { name: `${prefix}query_cmd`, value: `${node} ${command} dump` },
    ...(startedByKong
      ? [
          { name: `${prefix}start_cmd`, value: `${node} ${command} serve --socket ${socket} --take-over` },
          // How many workers Kong has decides how many the plugin server starts.
          { name: 'nginx_main_env', value: 'KONG_NGINX_WORKER_PROCESSES' },
        ]
      : []),
  ];
}

/** Returns settings as lines of kong.conf. */
export function settingLines(settings: readonly Setting[]): string {
  return settings.map(({ name, value }) => `${name} = ${value}\n`).join('');
}
