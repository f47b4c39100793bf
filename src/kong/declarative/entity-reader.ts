import { namedFields, type RecordField } from '../schema-language/field';
import { validate } from '../schema-language/validation';
import type { Violation } from '../schema-language/violation';
import { entityId } from './entity-id';

/** A map of a kong.yml, not looked into yet. */
export type Given = Readonly<Record<string, unknown>>;

/** An entity that was found in a file, and where. */
export interface Found {
  readonly given: Given;
  readonly path: string;
}

/** Whether a value is a map. */
export function isMap(value: unknown): value is Given {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How an entity of one kind is read. */
export interface EntityForm {
  /** The name of its list in a file. */
  readonly kind: string;
  readonly schema: RecordField;
  /** Members that the schema does not know, because the caller reads them. */
  readonly apart: readonly string[];
  /** What its id is derived from, in words. */
  readonly key: string;
}

/** Reads entities and collects everything that is wrong with them. */
export class EntityReader {
  readonly violations: Violation[] = [];
  readonly #taken = new Set<string>();

  /** @param nowSeconds - Unix time at which the entities of the file count as made */
  constructor(private readonly nowSeconds: number) {}

  /** Adds a violation. */
  refuse(field: string, message: string): void {
    this.violations.push({ field, message });
  }

  /** Returns the maps of a list that may be absent. As in Lua, an empty map is an empty list, and the other way round. */
  list(holder: Given, name: string, path = ''): Found[] {
    const value = holder[name] ?? [];
    const field = path === '' ? name : `${path}.${name}`;
    if (isMap(value) && Object.keys(value).length === 0) return [];
    if (!Array.isArray(value)) {
      this.refuse(field, 'expected an array');
      return [];
    }
    return value.flatMap((given: unknown, i): Found[] => {
      const at = `${field}[${i + 1}]`;
      if (isMap(given)) return [{ given, path: at }];
      if (Array.isArray(given) && given.length === 0) return [{ given: {}, path: at }];
      this.refuse(at, 'expected a record');
      return [];
    });
  }

  /**
   * Returns an entity with its defaults, times and id, which no other one of its kind may have. Its type is the caller's
   * word: the schema must describe `T`.
   *
   * @param key - from which Kong derives the id, if none is given; `null` when it makes one up, which is derived from
   *   the place in the file here
   */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- what the schema describes
  entity<T>({ kind, schema, apart, key: keyName }: EntityForm, { given, path }: Found, key: string | null): T {
    const own = Object.fromEntries(Object.entries(given).filter(([name]) => !apart.includes(name)));
    const { value, violations } = validate(schema, own, path, 'user');
    this.violations.push(...violations);
    const ownId = typeof value['id'] === 'string' ? value['id'] : null;
    const id = ownId ?? entityId(kind, key ?? path);
    this.#claim([kind, 'id', id], ownId === null ? keyName : 'id', path);
    return {
      ...withDefaults(schema, value),
      id,
      created_at: value['created_at'] ?? this.nowSeconds,
      updated_at: this.nowSeconds,
    } as T;
  }

  /** Refuses a value that another entity of its kind has already. `null` is no value. */
  unique(kind: string, what: string, value: string | null, path: string): void {
    if (value !== null) this.#claim([kind, what, value], what, path);
  }

  #claim(identity: readonly [kind: string, ...string[]], what: string, path: string): void {
    const taken = JSON.stringify(identity);
    // The value is not said: it may be a key.
    if (this.#taken.has(taken))
      this.refuse(path, `uniqueness violation: another of the ${identity[0]} has this ${what}`);
    this.#taken.add(taken);
  }
}

/** Kong 3.9.3: at work, a field of an entity that is null in the file is what it is when it is left out. */
function withDefaults({ fields }: RecordField, value: Given): Given {
  const defaults = namedFields(fields).filter(([name, field]) => value[name] === null && field.default !== undefined);
  return { ...value, ...Object.fromEntries(defaults.map(([name, field]) => [name, field.default])) };
}
