import type { Violation } from '../schema-language/violation';
import type { Route } from './entities';
import { pathRegExp } from '../routing/path-regexp';

/**
 * Returns what is wrong with a route beyond its schema: regular expressions that do not compile and wildcards in the
 * middle of a host.
 */
export function routeViolations(route: Route, path: string): Violation[] {
  const violations: Violation[] = [];
  (route.paths ?? []).forEach((pattern, i) => {
    if (pattern.startsWith('~') && pathRegExp(pattern) === null) {
      violations.push({ field: `${path}.paths[${i + 1}]`, message: `invalid regular expression: ${pattern.slice(1)}` });
    }
  });
  (route.hosts ?? []).forEach((host, i) => {
    if (!/^(\*[^*]*|[^*]*\*|[^*]*)$/.test(host)) {
      violations.push({
        field: `${path}.hosts[${i + 1}]`,
        message: 'wildcard must be leftmost or rightmost character',
      });
    }
  });
  return violations;
}
