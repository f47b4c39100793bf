import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KONG_ONLY } from '../../src/kong/declarative/configuration-error';

/** A difference that is meant: its name in docs/DEVELOPMENT-GATEWAY.md, where its reason stands, and how to know it. */
export interface FileDifference {
  /** `null` for what the gateway itself says to the user: to run the file with Kong. */
  readonly name: string | null;
  /** What the development gateway says when it refuses a file that Kong takes. */
  readonly reason: RegExp;
}

/** Why the development gateway may refuse a file that Kong takes. It never takes one that Kong refuses. */
export const FILE_DIFFERENCES: readonly FileDifference[] = [
  { name: null, reason: new RegExp(KONG_ONLY) },
  { name: 'a key twice in a map', reason: /Map keys must be unique/ },
  { name: 'a key that is a number, boolean or null', reason: /Map key that is not text/ },
  { name: 'one plugin twice at one place', reason: /stands twice at the same place/ },
  { name: 'null for a plugin’s field with a default', reason: /must be left out to have its default, not null/ },
  { name: 'null for the name of what holds something', reason: /must be left out, not null, when something/ },
  { name: 'a plugin in a consumer that cannot have it', reason: /consumers\[.*\.consumer: value must be null/ },
  { name: 'line ends of YAML 1.1', reason: /Character that cannot stand in a file/ },
  { name: 'texts with a NUL', reason: /Text that Kong cannot read/ },
  {
    name: 'YAML that only libyaml reads',
    reason:
      /not readable as YAML: (Comments must be separated|Flow (map|sequence) in|Missing (closing|, or :|newline)|Block collections are not|Unexpected characters|Nested mappings|Implicit (map )?keys|All mapping items|Unexpected (flow|scalar|block|doc)|Plain value|Tabs are|Block scalar|Map keys? |A (block|collection)|Anchor|Source is empty)/,
  },
];

/** The names that docs/DEVELOPMENT-GATEWAY.md gives a reason for. */
export function documentedDifferences(): string[] {
  const page = readFileSync(join(__dirname, '../../docs/DEVELOPMENT-GATEWAY.md'), 'utf8');
  return page.split('\n').flatMap((line) => /^\| ([^|]+?) +\|/.exec(line)?.[1] ?? []);
}
