import { isMap, type EntityForm, type EntityReader, type Found } from './entity-reader';

/** An entity, and where it stood, so that what is nested in it can be read. */
export interface Place<T> {
  readonly entity: T;
  readonly found: Found;
  /** Its id, `null` when Kong makes one up. */
  readonly knownId: string | null;
}

/** Everything of one kind that was read. */
export interface Read<T extends { readonly id: string }> {
  readonly registry: Registry<T>;
  readonly places: readonly Place<T>[];
}

/** Entities of one kind, which others refer to by name or by id. */
export class Registry<T extends { readonly id: string }> {
  readonly all: T[] = [];
  readonly #byName = new Map<string, T>();
  readonly #byId = new Map<string, T>();

  constructor(
    private readonly kind: string,
    private readonly reader: EntityReader,
  ) {}

  /** Adds an entity. Kong 3.9.3: when the name of one is the id of another, the name is meant. */
  add(entity: T, name: string | null): void {
    this.all.push(entity);
    this.#byId.set(entity.id, entity);
    if (name !== null) this.#byName.set(name, entity);
  }

  /**
   * Returns the entity that another one refers to, by its name, its id or a map with its id; `null` when it refers to
   * none. A wrong reference is a violation.
   */
  referredTo({ given, path }: Found): T | null {
    const value = given[this.kind] ?? null;
    if (value === null) return null;
    const reference = isMap(value) ? value['id'] : value;
    const byName = typeof reference === 'string' && !isMap(value) ? this.#byName.get(reference) : undefined;
    const found = byName ?? (typeof reference === 'string' ? this.#byId.get(reference) : undefined);
    if (found !== undefined) return found;
    const cure = isMap(value) ? '; a map must have its id, a name stands without a map' : '';
    this.reader.refuse(`${path}.${this.kind}`, `refers to no ${this.kind} of this file${cure}`);
    return null;
  }
}

/** Returns the id that an entity has in every Kong, `null` when Kong makes one up: it has neither an id nor a name. */
export function knownId({ id }: { readonly id: string }, { given }: Found, name: string | null): string | null {
  return typeof given['id'] === 'string' || name !== null ? id : null;
}

/**
 * Returns the name of an entity, `null` when it has none.
 *
 * Kong 3.9.3: finds no id for what has null for a name, and refuses what stands in it and names something else.
 */
export function nameOf({ given, path }: Found, { key, apart }: EntityForm, reader: EntityReader): string | null {
  const isHolder = apart.some((list) => Array.isArray(given[list]) && given[list].length > 0);
  if (given[key] === null && typeof given['id'] !== 'string' && isHolder) {
    reader.refuse(`${path}.${key}`, 'must be left out, not null, when something stands in it');
  }
  return textOrNull(given[key]);
}

/** Returns a value if it is a text. */
export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
