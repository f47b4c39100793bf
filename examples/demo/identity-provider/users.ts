/** Somebody who may log in. A real provider keeps no password that it could print. */
export interface User {
  readonly id: string;
  readonly password: string;
  readonly name: string;
  readonly roles: readonly string[];
}

/** Everybody the demo knows. */
export const USERS: readonly User[] = [
  { id: 'alice', password: 'wonderland', name: 'Alice Liddell', roles: ['user'] },
  { id: 'bob', password: 'builder', name: 'Bob Åström', roles: ['user', 'support'] },
  { id: 'carol', password: 'christmas', name: 'Carol Reed', roles: ['user', 'admin'] },
];

/** Returns the user with this id. */
export function findUser(id: unknown): User | undefined {
  return USERS.find((user) => user.id === id);
}
