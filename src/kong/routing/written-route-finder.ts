import { createRouter, type Routable } from './router';
import { ConfigurationError } from '../declarative/configuration-error';
import type { Route } from '../declarative/entities';
import { EntityReader, type EntityForm } from '../declarative/entity-reader';
import { ROUTE } from '../declarative/entity-schemas';
import type { WrittenRoute, WrittenRoutes } from '../declarative/route-config';

/** What the router looks at. Protocols, TLS names and addresses are left out: who asks here knows none of them. */
const CONDITIONS = ['id', 'name', 'methods', 'hosts', 'paths', 'headers', 'regex_priority', 'strip_path'];

const FORM: EntityForm = { kind: 'routes', schema: ROUTE, apart: [], key: 'name' };

/** The route that a request takes, and those that would take it without this one. */
export interface FoundRoute {
  readonly route: WrittenRoute;
  readonly others: readonly WrittenRoute[];
}

/**
 * Returns the route that Kong would choose for a request, among the routes of a kong.yml that may hold what only Kong
 * understands; `undefined` when there is none.
 *
 * @throws ConfigurationError for conditions that Kong would refuse
 */
export function findWrittenRoute({ routes }: WrittenRoutes, request: Routable): FoundRoute | undefined {
  const reader = new EntityReader(0);
  const written = new Map<Route, WrittenRoute>();
  routes.forEach((route, index) => {
    if (route.service?.['enabled'] === false) return;
    const conditions = Object.entries(route.given).filter(([name]) => CONDITIONS.includes(name));
    const path = `routes[${index + 1}]`;
    const found = { given: Object.fromEntries(conditions), path };
    const { name } = route.given;
    const read = reader.entity<Omit<Route, 'service'>>(FORM, found, typeof name === 'string' ? name : null);
    const entity = { ...read, service: null };
    written.set(entity, route);
  });
  if (reader.violations.length > 0) throw new ConfigurationError(reader.violations);
  const match = createRouter([...written.keys()])(request);
  const route = match === null ? undefined : written.get(match.route);
  if (match === null || route === undefined) return undefined;
  return { route, others: match.others.flatMap((other) => written.get(other) ?? []) };
}
