/** What to do instead of a plugin that runs in Kong only. */
const CURES: Readonly<Record<string, string>> = {
  acl: 'say who may pass with `authorize` of jwt-identity',
  'rate-limiting': 'limit requests in what is before the door',
  'rate-limiting-advanced': 'limit requests in what is before the door',
  'ip-restriction': 'restrict addresses in what is before the door, or give the route to no service of the door',
  'bot-detection': 'detect bots in what is before the door',
  cors: 'the door answers pages of its own origin only, which need no CORS',
  'request-size-limiting': 'use limits.maxBodyBytes of the door',
  'request-transformer': 'send what the service needs from the page',
  'request-termination': 'remove the route',
};

/** Returns what a person who reads "the door does not run this plugin" can do, in words. */
export function cureFor(plugin: string): string {
  const cure = Object.hasOwn(CURES, plugin) ? CURES[plugin] : undefined;
  return cure ?? 'remove it from this file, or put Kong before the service';
}
