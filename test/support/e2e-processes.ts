import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Every process of this machine whose command line names `folder`. Linux only, as all of this file. */
export const processesOf = (folder: string): number[] =>
  runningProcesses().filter((pid) => commandLine(pid).includes(folder));

/** Arguments separated by spaces; empty for a process that is gone. */
export const commandLine = (pid: number): string => fileOf(pid, 'cmdline').replaceAll('\0', ' ');

/** `NAME=value` pairs separated by spaces, as the process was started. */
export const environmentOf = (pid: number): string => fileOf(pid, 'environ').replaceAll('\0', ' ');

/** TCP ports that the process holds an established connection to. */
export function connectedPorts(pid: number): number[] {
  const sockets = new Set(openFiles(pid).flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
  const rows = fileOf(pid, 'net/tcp').split('\n').slice(1);
  const ports = rows.flatMap((row) => {
    const [, , remote = '', state, , , , , , inode = ''] = row.trim().split(/\s+/);
    return state === ESTABLISHED && sockets.has(inode) ? Number.parseInt(remote.split(':')[1] ?? '', 16) : [];
  });
  return [...new Set(ports)];
}

const ESTABLISHED = '01';

const runningProcesses = (): number[] =>
  readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? Number(name) : []));

function openFiles(pid: number): string[] {
  const folder = join('/proc', String(pid), 'fd');
  return quietly(() => readdirSync(folder), []).map((name) => quietly(() => readlinkSync(join(folder, name)), ''));
}

const fileOf = (pid: number, name: string): string =>
  quietly(() => readFileSync(join('/proc', String(pid), name), 'latin1'), '');

/** A process may end while it is looked at. */
function quietly<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
