import { namedFields, type EntityCheck, type Field, type RecordField } from './field';
import type { Violation } from './violation';

/** Members of a record by name, in the schema's own names. */
type Members = Readonly<Record<string, unknown>>;

/** What {@link failedChecks} needs to know of the validator that asks it. */
export interface MemberTest {
  /** What is wrong with a value of a field; `null` when nothing is. */
  readonly problem: (field: Field, value: unknown) => string | null;
  /** Whether nothing can be said yet of a member: Kong has still to ask its vault, or it is wrong by itself. */
  readonly isOpen: (name: string) => boolean;
}

/** Rules about how many of some members are set. */
const COUNT_RULES: Readonly<Record<string, { holds: (set: number, all: number) => boolean; message: string }>> = {
  only_one_of: { holds: (set) => set === 1, message: 'exactly one of these fields must be non-empty' },
  at_least_one_of: { holds: (set) => set > 0, message: 'at least one of these fields must be non-empty' },
  mutually_required: {
    holds: (set, all) => set === 0 || set === all,
    message: 'all or none of these fields must be set',
  },
  mutually_exclusive: { holds: (set) => set < 2, message: 'only one or none of these fields must be set' },
};

/**
 * Returns the rules across members that a record breaks, in Kong's words; none that involves an open member. A broken
 * `conditional` is reported at the field of which it demands something, any other rule at the record.
 *
 * @see Kong 3.9.3: kong/db/schema/init.lua, `Schema.entity_checkers`
 */
export function failedChecks(schema: RecordField, members: Members, path: string, test: MemberTest): Violation[] {
  return (schema.entity_checks ?? [])
    .filter((check) => !checkedFields(check).some(test.isOpen))
    .flatMap((check) => failedCheck(check, schema, members, path, test.problem));
}

function failedCheck(
  check: EntityCheck,
  schema: RecordField,
  members: Members,
  path: string,
  problem: MemberTest['problem'],
): Violation[] {
  const setOf = (names: readonly string[]): readonly string[] => names.filter((name) => isSet(members[name]));
  if ('conditional' in check) {
    const { if_field, if_match, then_field, then_match, then_err } = check.conditional;
    const fields = Object.fromEntries(namedFields(schema.fields));
    if (problem({ ...fields[if_field], ...if_match } as Field, members[if_field]) !== null) return [];
    const message = problem({ ...fields[then_field], ...then_match } as Field, members[then_field]);
    return message === null ? [] : [{ field: `${path}.${then_field}`, message: then_err ?? message }];
  }
  if ('mutually_exclusive_sets' in check) {
    const [set1, set2] = [setOf(check.mutually_exclusive_sets.set1), setOf(check.mutually_exclusive_sets.set2)];
    if (set1.length === 0 || set2.length === 0) return [];
    return [{ field: path, message: `these sets are mutually exclusive: (${quoted(set1)}), (${quoted(set2)})` }];
  }
  const names = checkedFields(check);
  const rule = COUNT_RULES[ruleName(check)];
  if (rule === undefined || rule.holds(setOf(names).length, names.length)) return [];
  return [{ field: path, message: `${rule.message}: ${quoted(names)}` }];
}

/**
 * Returns the fields that a rule names. Throws an `Error` on a rule that is not known here: leaving it out would accept
 * what Kong refuses.
 */
export function checkedFields(check: EntityCheck): readonly string[] {
  if ('conditional' in check) return [check.conditional.if_field, check.conditional.then_field];
  if ('mutually_exclusive_sets' in check) {
    return [...check.mutually_exclusive_sets.set1, ...check.mutually_exclusive_sets.set2];
  }
  const name = ruleName(check);
  if (!Object.hasOwn(COUNT_RULES, name)) throw new Error(`schema: entity check '${name}' is not supported`);
  return Object.values(check).flat();
}

function ruleName(check: EntityCheck): string {
  return Object.keys(check).join();
}

/** Kong 3.9.3, `is_nonempty`: null, "" and empty tables are not set; `false` and 0 are. */
function isSet(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return value !== null && value !== '';
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
