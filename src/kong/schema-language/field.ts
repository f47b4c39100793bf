/**
 * Kong's schema language as far as this project speaks it, and the TypeScript type that a schema describes. A schema is
 * plain data: it is printed as JSON for Kong (`kong-jwt-identity dump`), interpreted by {@link ./validation}, and
 * read by the compiler, so no field is ever written down twice.
 *
 * @see Kong 3.9.3: kong/db/schema/init.lua (what each word means), kong/db/schema/metaschema.lua (which words exist)
 */

interface Attributes<Value> {
  /** What the field does, for an operator. Kong refuses fewer than 10 and more than 500 characters. */
  readonly description?: string;
  /** Null and (when there is no default) absence are refused. */
  readonly required?: boolean;
  /** Used when the field is absent. Kong copies it as it is, so a default list of records spells out every member. */
  readonly default?: Value;
  /** Replaces the message of any failed constraint of this field. */
  readonly err?: string;
  /**
   * Returns what is wrong with a value that meets all other constraints, `null` when nothing is. Only for schemas that
   * stay in this process: Kong cannot take a function from a dump.
   */
  readonly custom_validator?: (value: Value) => string | null;
}

interface Lengths {
  readonly len_min?: number;
  readonly len_max?: number;
}

/** A pattern that a string must not match, and the message when it does. */
export interface ForbiddenPattern {
  readonly pattern: string;
  readonly err: string;
}

/** A string; `len_min` is 1 unless it says otherwise. Lengths are in bytes, patterns are Lua patterns. */
export interface StringField extends Attributes<string>, Lengths {
  readonly type: 'string';
  readonly one_of?: readonly string[];
  readonly match?: string;
  readonly match_none?: readonly ForbiddenPattern[];
  /** The value may be a vault reference; Kong resolves it before the plugin sees it (Kong 3.9.3). */
  readonly referenceable?: boolean;
  /** Kong Enterprise encrypts the value at rest; everything in this project keeps it out of messages. */
  readonly encrypted?: boolean;
}

/** A number. `between` is inclusive. */
export interface NumberField extends Attributes<number> {
  readonly type: 'number' | 'integer';
  readonly one_of?: readonly number[];
  readonly between?: readonly [number, number];
  readonly gt?: number;
}

/**
 * A boolean. `ne: false` makes it a flag that is either `true` or not set: Kong counts a plain `false` as "set" in
 * `only_one_of` and its relatives, and `eq: true` would refuse a field that is not set at all (Kong 3.9.3).
 */
export interface BooleanField extends Attributes<boolean> {
  readonly type: 'boolean';
  readonly eq?: boolean;
  readonly ne?: boolean;
}

/** A list; a `set` is a list that loses its duplicates. */
export interface ArrayField extends Attributes<readonly unknown[]>, Lengths {
  readonly type: 'array' | 'set';
  readonly elements: Field;
  /** No value of one list may occur together with a value of another. */
  readonly mutually_exclusive_subsets?: readonly (readonly string[])[];
}

/** A table of values by name. */
export interface MapField extends Attributes<Readonly<Record<string, unknown>>>, Lengths {
  readonly type: 'map';
  readonly keys: StringField;
  readonly values: Field;
}

/** A table with known members. A required record that is absent is made of its members' defaults. */
export interface RecordField extends Attributes<Readonly<Record<string, unknown>>> {
  readonly type: 'record';
  readonly fields: Fields;
  readonly entity_checks?: EntityChecks;
}

/** A value of any type: what Kong's `_ignore` holds, or what only a `custom_validator` judges. */
export interface AnyField extends Attributes<unknown> {
  readonly type: 'any';
}

/** Any field. */
export type Field = StringField | NumberField | BooleanField | ArrayField | MapField | RecordField | AnyField;

/** The fields of a record, in order: objects with one member each, as Kong's Lua wants them. */
export type Fields = readonly Readonly<Record<string, Field>>[];

/** Returns the fields of a record with their names, in order. */
export function namedFields(fields: Fields): [name: string, field: Field][] {
  return fields.flatMap((entry) => Object.entries(entry));
}

/** Constraints that `conditional` lays over those of the field it names. */
export type FieldConstraints = Readonly<
  Partial<
    Pick<StringField, 'required' | 'one_of' | 'match' | 'len_min' | 'len_max'> &
      Pick<BooleanField, 'eq' | 'ne'> &
      Pick<NumberField, 'between' | 'gt'> &
      Pick<ArrayField, 'elements'>
  >
>;

/** A rule across the members of one record. Empty strings, empty lists and null count as not set; `false` as set. */
export type EntityCheck =
  | { readonly only_one_of: readonly string[] }
  | { readonly at_least_one_of: readonly string[] }
  | { readonly mutually_required: readonly string[] }
  | { readonly mutually_exclusive: readonly string[] }
  | { readonly mutually_exclusive_sets: { readonly set1: readonly string[]; readonly set2: readonly string[] } }
  | {
      readonly conditional: {
        readonly if_field: string;
        readonly if_match: FieldConstraints;
        readonly then_field: string;
        readonly then_match: FieldConstraints;
        readonly then_err?: string;
      };
    };

/** The rules of one record. */
export type EntityChecks = readonly EntityCheck[];

/** `jwks_uri` → `jwksUri`. */
export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** The type of a valid value of one field, with defaults applied and names in camelCase. */
export type Infer<F> = F extends { readonly type: 'record'; readonly fields: infer Members extends Fields }
  ? InferRecord<Members>
  : F extends { readonly type: 'array' | 'set'; readonly elements: infer Element }
    ? readonly Infer<Element>[]
    : F extends { readonly type: 'map'; readonly values: infer Value }
      ? Readonly<Record<string, Infer<Value>>>
      : F extends { readonly type: 'string'; readonly one_of: readonly (infer Choice)[] }
        ? Choice
        : F extends { readonly type: 'string' }
          ? string
          : F extends { readonly type: 'number' | 'integer' }
            ? number
            : F extends { readonly type: 'boolean'; readonly ne: false }
              ? true
              : F extends { readonly type: 'boolean' }
                ? boolean
                : never;

type NameIn<Entry> = Entry extends unknown ? keyof Entry & string : never;
type FieldNamed<Members extends Fields, Name extends string> = Extract<
  Members[number],
  Readonly<Record<Name, unknown>>
>[Name];
type OrNull<F> = F extends { readonly required: true } | { readonly default: unknown } ? never : null;

/** The type of a valid record: a field that is neither required nor has a default may be `null`, none is absent. */
export type InferRecord<Members extends Fields> = {
  readonly [Name in NameIn<Members[number]> as CamelCase<Name>]:
    Infer<FieldNamed<Members, Name>> | OrNull<FieldNamed<Members, Name>>;
};
