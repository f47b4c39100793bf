import type { PluginKind } from '../plugin-definition';
import { ipRestriction } from './ip-restriction';

/** The plugins of Kong that this gateway has too, as far as a kong.yml of a guarded service needs them. */
export const bundledPlugins: readonly PluginKind[] = [ipRestriction];
