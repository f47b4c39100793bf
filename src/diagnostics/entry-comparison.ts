import { foldHeaderName, headerPatternMatcher } from '../../schema/header-name';
import { reservedPatterns } from '../../schema/rules/reserved-headers';
import type { CheckedEntry } from './entry';
import type { Report } from './finding';

/** Reports what is wrong with entries beside each other, although each may be right on its own. */
export function comparisonFindings(entries: readonly CheckedEntry[], report: Report): void {
  nearlySameIssuers(entries, report);
  unprotectedHeaders(entries, report);
}

/** The same `iss` can be written in one way only, so one of two spellings never fits a token. */
function nearlySameIssuers(entries: readonly CheckedEntry[], report: Report): void {
  const spellings = new Map<string, string>();
  for (const { path, config } of entries) {
    config.issuers.forEach(({ issuer }, index) => {
      const folded = issuer
        .toLowerCase()
        .replace(/^https?:/, '')
        .replace(/\/$/, '');
      const known = spellings.get(folded) ?? issuer;
      spellings.set(folded, known);
      if (known === issuer) return;
      const message = `differs from the issuer ${known} by its last slash, letter case or scheme only: tokens have one of them`;
      report('warning', `${path}.config.issuers[${index + 1}].issuer`, message);
    });
  }
}

/** A service that believes a header on one route believes it on all. */
function unprotectedHeaders(entries: readonly CheckedEntry[], report: Report): void {
  for (const { path, holder, config } of entries) {
    config.identityHeaders.forEach(({ header }, index) => {
      const open = entries.filter(
        (other) =>
          !headerPatternMatcher([
            ...reservedPatterns(other.config),
            ...other.config.identityHeaders.map((each) => each.header),
          ])(foldHeaderName(header)),
      );
      const names = [...new Set(open.map((other) => other.holder))].filter((other) => other !== holder);
      if (names.length === 0) return;
      const message = `clients can send this header themselves on ${names.slice(0, 5).join(', ')}${names.length > 5 ? ' …' : ''}: add it to reserved_headers there`;
      report('warning', `${path}.config.identity_headers[${index + 1}].header`, message);
    });
  }
}
