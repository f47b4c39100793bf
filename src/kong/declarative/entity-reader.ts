import type { RecordField } from '../schema-language/field';
import { validate } from '../schema-language/validation';
import type { Violation } from '../schema-language/violation';
import { KONG_ONLY } from './configuration-error';
import { entityId } from './entity-id';
import { KONG_ONLY_FIELDS } from './entity-schemas';

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

/** Reads entities and collects everything that is wrong with them. */
export class EntityReader {
  readonly violations: Violation[] = [];

  /** @param nowSeconds - Unix time at which the entities of the file count as made */
  constructor(private readonly nowSeconds: number) {}

  /** Adds a violation. */
  refuse(field: string, message: string): void {
    this.violations.push({ field, message });
  }

  /** Returns the maps of a list that may be absent. */
  list(holder: Given, name: string, path = ''): Found[] {
    const value = holder[name] ?? [];
    const field = path === '' ? name : `${path}.${name}`;
    if (!Array.isArray(value)) {
      this.refuse(field, 'expected an array');
      return [];
    }
    return value.flatMap((given: unknown, i): Found[] => {
      const at = `${field}[${i + 1}]`;
      if (isMap(given)) return [{ given, path: at }];
      this.refuse(at, 'expected a record');
      return [];
    });
  }

  /**
   * Returns an entity with its defaults, times and id. Its type is the caller's word: the schema must describe `T`.
   *
   * @param apart - members that the schema does not know, because the caller reads them
   * @param key - the member that names the entity; when it is not set, its place in the file does
   */
  entity<T>(
    kind: string,
    schema: RecordField,
    { given, path }: Found,
    apart: readonly string[],
    key: keyof T & string,
  ): T {
    const own = Object.fromEntries(Object.entries(given).filter(([name]) => !apart.includes(name)));
    const { value, violations } = validate(schema, own, path, 'user');
    for (const { field, message } of violations) {
      const isKongs = KONG_ONLY_FIELDS.includes(`${kind}.${field.slice(path.length + 1)}`);
      this.refuse(field, isKongs ? KONG_ONLY : message);
    }
    const name = value[key];
    return {
      ...value,
      id: value['id'] ?? entityId(kind, typeof name === 'string' ? name : path),
      created_at: value['created_at'] ?? this.nowSeconds,
      updated_at: value['updated_at'] ?? this.nowSeconds,
    } as T;
  }
}
