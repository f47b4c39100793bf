import { describe, expect, it } from '@jest/globals';
import { withSettings } from '../../../../src/cli/install/kong-conf';
import { kongSettings } from '../../../../src/cli/install/kong-settings';

const settings = kongSettings(
  { node: '/n/node', command: '/p/main.js', luaFolder: '/p/lua', socket: '/s/jwt.socket' },
  true,
);
const textOf = (text: string): string => {
  const merged = withSettings(text, settings);
  if (merged.outcome === 'conflict') throw new Error(merged.problems.join('\n'));
  return merged.text;
};

describe('a kong.conf with the settings of the plugin', () => {
  it('has every setting when it was empty', () => {
    for (const { name, value } of settings) expect(textOf('')).toContain(`\n${name} = ${value}\n`);
  });

  it('keeps every line that was there, comments included', () => {
    const before = '# my Kong\nproxy_listen = 0.0.0.0:80   # outside\n#plugins = bundled\n';
    expect(textOf(before).startsWith(before)).toBe(true);
  });

  it('is the same text when it is written a second time', () => {
    const once = textOf('log_level = info\n');
    expect(withSettings(once, settings)).toEqual({ outcome: 'unchanged', text: once });
  });

  it.each([
    ['plugins = bundled', 'plugins = bundled,jwt-identity'],
    ['plugins=bundled, my-plugin # ours', 'plugins = bundled,my-plugin,jwt-identity'],
    ['plugins = off', 'plugins = jwt-identity'],
    ['pluginserver_names = go', 'pluginserver_names = go,jwt_identity'],
    ['lua_package_path = /mine/?.lua;;', 'lua_package_path = /p/lua/?.lua;/mine/?.lua;;'],
  ])('extends the list of names in %s', (line, extended) => {
    const text = textOf(`${line}\n`);
    expect(text.split('\n')).toContain(extended);
    expect(text.match(new RegExp(`^${extended.split(' ', 1)[0] ?? ''} =`, 'gm'))).toHaveLength(1);
  });

  it('counts the last line when a setting stands twice, as Kong does', () => {
    expect(textOf('plugins = a\nplugins = b\n')).toContain('plugins = a\nplugins = b,jwt-identity\n');
  });

  it('is not written when a setting has another value, and the problem names the line and both values', () => {
    expect(withSettings('x = 1\nnginx_main_env = HOME\n', settings)).toEqual({
      outcome: 'conflict',
      problems: ['line 2 sets nginx_main_env = HOME; it must be KONG_NGINX_WORKER_PROCESSES'],
    });
  });
});
