import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isPrivateGroup } from '../../../src/files/private-group';

const USERS = `root:x:0:0:root:/root:/bin/sh
kong:x:1001:1004:Kong default user:/home/kong:/bin/sh
ada:x:1002:1005::/home/ada:/bin/sh
bob:x:1003:1004::/home/bob:/bin/sh
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'accounts-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const isPrivate = (users: string, groups: string, groupId: number, userId: number): boolean => {
  writeFileSync(join(folder, 'passwd'), users);
  writeFileSync(join(folder, 'group'), groups);
  return isPrivateGroup(groupId, userId, folder);
};
const WITHOUT_BOB = USERS.replace(/^bob.*\n/m, '');

describe('a group', () => {
  it.each([
    ['has no members but the user', 'kong:x:1004:\n'],
    ['lists the user as its member', 'kong:x:1004:kong\n'],
  ])("is a user's own when it %s", (_, groups) => {
    expect(isPrivate(WITHOUT_BOB, groups, 1004, 1001)).toBe(true);
  });

  it.each([
    ['has another member', WITHOUT_BOB, 'kong:x:1004:kong,ada\n', 1004, 1001],
    ['has another member under a second name', WITHOUT_BOB, 'kong:x:1004:\ndeploy:x:1004:ada\n', 1004, 1001],
    ['is the first group of another user', USERS, 'kong:x:1004:\n', 1004, 1001],
    ["is another user's", WITHOUT_BOB, 'kong:x:1004:\nada:x:1005:\n', 1005, 1001],
    ['is in no file', WITHOUT_BOB, 'ada:x:1005:\n', 1004, 1001],
    ['belongs to a user who is in no file', 'root:x:0:0:root:/root:/bin/sh\n', 'kong:x:1004:\n', 1004, 1001],
  ])("is not a user's own when it %s", (_, users, groups, groupId, userId) => {
    expect(isPrivate(users, groups, groupId, userId)).toBe(false);
  });

  it("is not a user's own when the files cannot be read", () => {
    expect(isPrivateGroup(1004, 1001, join(folder, 'missing'))).toBe(false);
  });
});
