import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Whether a user is the only member of a group, so that what the group may write nobody else may. Many systems give each
 * user such a group, and Kong's packages let the group `kong` write to Kong's folders.
 *
 * Users and groups that are not in /etc/passwd and /etc/group (LDAP) are not known here: the answer is no.
 *
 * @param groupId - number of the group
 * @param userId - number of the user
 * @param folder - of the files `passwd` and `group`
 */
export function isPrivateGroup(groupId: number, userId: number, folder = '/etc'): boolean {
  const users = recordsOf(join(folder, 'passwd')).map(([name, , uid, gid]) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
  }));
  const groups = recordsOf(join(folder, 'group')).filter(([, , gid]) => Number(gid) === groupId);
  const names = users.filter(({ uid }) => uid === userId).map(({ name }) => name);
  const isOthersOwn = users.some(({ uid, gid }) => gid === groupId && uid !== userId);
  const members = groups.flatMap(([, , , list = '']) => list.split(',').filter((name) => name !== ''));
  return groups.length > 0 && names.length > 0 && !isOthersOwn && members.every((name) => names.includes(name));
}

/** The lines of a file of users or groups, by their fields; none when it cannot be read. */
function recordsOf(file: string): string[][] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
}
