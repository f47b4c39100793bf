import { isMap, type EntityReader, type Found } from './entity-reader';

/** Entities of one kind, which others refer to by id or by name. */
export class Registry<T extends { readonly id: string }> {
  readonly all: T[] = [];
  readonly #byReference = new Map<string, T>();

  constructor(
    private readonly kind: string,
    private readonly reader: EntityReader,
  ) {}

  /** Adds an entity. An id or a name that another one has is a violation. */
  add(entity: T, name: string | null, path: string): void {
    this.all.push(entity);
    const references = name === null ? [entity.id] : [name, entity.id];
    const taken = references.find((reference) => this.#byReference.has(reference));
    if (taken !== undefined) this.reader.refuse(path, `another ${this.kind} is called '${taken}'`);
    for (const reference of references) this.#byReference.set(reference, entity);
  }

  /** Returns the entity that another one refers to, `null` when it refers to none; a wrong reference is a violation. */
  referredTo({ given, path }: Found): T | null {
    const value = given[this.kind] ?? null;
    if (value === null) return null;
    const reference = isMap(value) ? (value['id'] ?? value['name'] ?? value['username']) : value;
    const found = typeof reference === 'string' ? this.#byReference.get(reference) : undefined;
    if (found === undefined) this.reader.refuse(`${path}.${this.kind}`, `refers to no ${this.kind} of this file`);
    return found ?? null;
  }
}
