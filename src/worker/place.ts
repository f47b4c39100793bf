/** A route or a service as Kong's router leaves it in `ngx.ctx`, as far as lines and counters name it. */
interface KongEntity {
  readonly id?: string;
  readonly name?: unknown;
}

/**
 * Returns where the current request goes, as Kong's router found: names, ids of what has no name, `none` of what is not
 * there. They hold nothing that could end a field of a line or a label of a metric.
 */
export function currentPlace(): { readonly route: string; readonly service: string } {
  const { route, service } = ngx.ctx as { readonly route?: KongEntity; readonly service?: KongEntity };
  return { route: nameOf(route), service: nameOf(service) };
}

/** Kong 3.9.3: an entity without a name has none, or a value that stands for null. */
function nameOf(entity: KongEntity | undefined): string {
  if (entity === undefined) return 'none';
  const { id, name } = entity;
  const [text] = string.gsub(typeof name === 'string' ? name : tostring(id), '[^%w._~-]', '?');
  return text;
}
