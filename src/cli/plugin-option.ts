import { resolve } from 'node:path';
import { Option } from 'commander';

/** `--plugin PATH`, by default the plugin of this package. */
export function pluginOption(): Option {
  const packaged = resolve(__dirname, '../../plugin/jwt-identity');
  return new Option('--plugin <path>', 'folder or file of the plugin').default(packaged, 'the plugin of this package');
}
