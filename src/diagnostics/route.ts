import { PLUGIN_NAME } from '../../schema/parse-config';
import type { Declaration, PluginEntry, Route } from '../kong/declarative/entities';
import { overlapsOf } from '../kong/routing/route-overlap';
import { blocksReload } from '../kong/routing/route-priority';
import type { CheckedEntry } from './entry';
import type { Report } from './finding';
import type { PlacedEntries, PlacedRoute } from './placed-entries';

/** Reports routes that nobody guards, and routes whose rules cannot mean what they say. */
export function routeFindings(
  { routes, entries }: PlacedEntries,
  checked: readonly CheckedEntry[],
  declaration: Declaration | undefined,
  report: Report,
): void {
  if (entries.length === 0) {
    report('warning', '', `holds no entry of the plugin ${PLUGIN_NAME}: no request is checked`);
    return;
  }
  if (!entries.some(({ holder, given }) => holder === 'global' && given['enabled'] !== false)) {
    const message = `has no entry of the plugin ${PLUGIN_NAME} at the top level: during a reload, Kong serves new routes for a moment without theirs (docs/ROUTES.md, "Reloads")`;
    report('warning', '', message);
  }
  for (const route of routes) {
    unguarded(route, report);
    if (blocksReload(route.given)) {
      const message =
        'has four or more kinds of conditions: Kong may fail to change it at a reload, and then serve new routes without their plugins (docs/ROUTES.md, "Reloads"): leave one out, or name hosts without a wildcard';
      report('warning', route.path, message);
    }
    const entry = checked.find(({ path }) => path === route.entry?.path);
    if (entry !== undefined) undecidedMethods(route, entry, report);
  }
  if (declaration !== undefined) overlaps(routes, declaration, report);
}

function unguarded({ path, entry, disabled }: PlacedRoute, report: Report): void {
  if (entry === undefined) {
    const message =
      disabled === undefined
        ? `the plugin ${PLUGIN_NAME} is not on this route: requests reach the service unchecked, with any identity header`
        : `the plugin ${PLUGIN_NAME} is switched off on this route: requests reach the service unchecked`;
    report('warning', path, message);
  } else if (disabled !== undefined) {
    report('warning', `${disabled.path}.enabled`, `this entry is switched off, so that of ${entry.holder} decides`);
  }
}

function undecidedMethods({ path, given }: PlacedRoute, { config }: CheckedEntry, report: Report): void {
  const { authorize } = config;
  const methods: readonly unknown[] = Array.isArray(given['methods']) ? given['methods'] : [];
  if (authorize === null || authorize.some((rule) => rule.methods.length === 0)) return;
  const decided = new Set(
    authorize.flatMap((rule) => [...rule.methods, ...(rule.methods.includes('GET') ? ['HEAD'] : [])]),
  );
  const undecided = methods.filter((method) => !decided.has(String(method)));
  if (undecided.length === 0) return;
  report('warning', `${path}.methods`, `no rule of authorize decides ${undecided.join(', ')}: such requests get 403`);
}

function overlaps(placed: readonly PlacedRoute[], { routes, plugins }: Declaration, report: Report): void {
  const pathOf = (route: Route): string => placed[routes.indexOf(route)]?.path ?? '';
  const isGuarded = (route: Route): boolean => {
    const { entry } = placed[routes.indexOf(route)] ?? {};
    return entry !== undefined && !mayPassWithoutToken(entry.given['config']);
  };
  // Declared in the same order as they were placed.
  if (placed.length !== routes.length || plugins.length === 0) return;
  for (const { open, guarded, example } of overlapsOf(routes, isGuarded)) {
    const such = example === null ? '' : `, such as ${example.method} ${example.path}`;
    report(
      'warning',
      pathOf(open),
      `takes requests without a token that the guarded route ${guarded.name ?? guarded.id} describes${such}`,
    );
  }
}

function mayPassWithoutToken(config: unknown): boolean {
  return ((config as Partial<Record<string, PluginEntry>> | undefined)?.['allow_missing'] as unknown) === true;
}
