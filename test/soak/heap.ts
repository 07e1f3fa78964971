import { setTimeout as pause } from 'node:timers/promises';

/** Where Node opens its debugger when a process is asked to with SIGUSR1 (nodejs.org, "Debugging"). */
const DEBUGGER = 'http://127.0.0.1:9229/json/list';
const OPENS_WITHIN_MS = 5_000;
const ANSWERS_WITHIN_MS = 20_000;
const POLL_MS = 20;
/** Node crashes when its debugger ends while somebody is connected to it: time enough to hang up. */
const ENDS_AFTER_MS = 1_000;

/** Bytes of one process behind a full collection: what it holds on to. */
export interface Heap {
  readonly heapBytes: number;
  /** Outside V8's heap: buffers and native objects. */
  readonly externalBytes: number;
}

/** True when nobody uses the debugger's port on this machine, so that heaps can be measured. */
export const heapsCanBeMeasured = async (): Promise<boolean> => (await debuggerAddress()) === null;

/**
 * Asks a running Node from outside, through its debugger, so that no program holds a diagnostic of its own: opens it,
 * collects garbage, reads, closes it again. null when the process ended meanwhile or another one answered. One at a time.
 */
export async function measureHeap(pid: number): Promise<Heap | null> {
  try {
    process.kill(pid, 'SIGUSR1');
    const until = performance.now() + OPENS_WITHIN_MS;
    let address = await debuggerAddress();
    while (address === null && performance.now() < until) {
      await pause(POLL_MS);
      address = await debuggerAddress();
    }
    return address === null ? null : await askDebugger(address, pid);
  } catch {
    return null;
  }
}

async function debuggerAddress(): Promise<string | null> {
  try {
    const listed = (await (await fetch(DEBUGGER)).json()) as readonly { webSocketDebuggerUrl?: string }[];
    return listed[0]?.webSocketDebuggerUrl ?? null;
  } catch {
    return null;
  }
}

async function askDebugger(address: string, pid: number): Promise<Heap | null> {
  const socket = new WebSocket(address);
  const answers = new Map<number, (result: unknown) => void>();
  const over = Promise.withResolvers<never>();
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id !== undefined) answers.get(id)?.(result);
  };
  socket.onclose = socket.onerror = () => {
    over.reject(new Error('the debugger is gone'));
  };
  over.promise.catch(() => undefined);
  const timer = setTimeout(() => {
    socket.close();
  }, ANSWERS_WITHIN_MS);
  const ask = (method: string, params: object = {}): Promise<unknown> => {
    const id = answers.size + 1;
    const { promise, resolve } = Promise.withResolvers();
    answers.set(id, resolve);
    socket.send(JSON.stringify({ id, method, params }));
    return Promise.race([promise, over.promise]);
  };
  try {
    await Promise.race([new Promise((resolve) => (socket.onopen = resolve)), over.promise]);
    await ask('HeapProfiler.collectGarbage');
    const expression = 'JSON.stringify({ pid: process.pid, ...process.memoryUsage() })';
    const { result } = (await ask('Runtime.evaluate', { expression })) as { result: { value: string } };
    const read = JSON.parse(result.value) as { pid: number; heapUsed: number; external: number };
    await ask('Runtime.evaluate', { expression: `setTimeout(() => process._debugEnd(), ${ENDS_AFTER_MS}), 0` });
    return read.pid === pid ? { heapBytes: read.heapUsed, externalBytes: read.external } : null;
  } finally {
    clearTimeout(timer);
    socket.close();
    await over.promise.catch(() => undefined);
    await closed();
  }
}

/** The next process can only be asked once this one has given the port back. */
async function closed(): Promise<void> {
  const until = performance.now() + OPENS_WITHIN_MS;
  while ((await debuggerAddress()) !== null && performance.now() < until) await pause(POLL_MS);
}
