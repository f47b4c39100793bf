import { readdirSync, readFileSync } from 'node:fs';

/** What processes have used since they started. Linux only. */
export interface Usage {
  /** Time on a processor, all threads, in nanoseconds. */
  readonly cpuNs: number;
  /** Calls of write(2) and writev(2), to whatever. */
  readonly writes: number;
  /** Resident memory now, in bytes. */
  readonly residentBytes: number;
}

/** Returns what these processes have used, together. */
export function usageOf(pids: readonly number[]): Usage {
  let cpuNs = 0;
  let writes = 0;
  let residentBytes = 0;
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      cpuNs += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    }
    writes += Number(/^syscw: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
    residentBytes += Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;
  }
  return { cpuNs, writes, residentBytes };
}

/** Returns the ids of a process and of its children. */
export function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid)];
}

/** A process, by its id and what the system calls it, such as `nginx` or `node`. */
export interface NamedProcess {
  readonly pid: number;
  readonly name: string;
}

/** Returns a process with everything that descends from it. Linux only. */
export function descendantsOf(pid: number): NamedProcess[] {
  const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  return [{ pid, name }, ...childrenOf(pid).flatMap(descendantsOf)];
}

function childrenOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).map((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim(),
  );
  return children.join(' ').split(' ').filter(Boolean).map(Number);
}
