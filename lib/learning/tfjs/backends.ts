import { createRequire } from 'node:module';
import nodeUtil from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { useTransposingMatMul } from './transposing-mat-mul.ts';

/** Backends in the order in which they are tried. */
export const BACKENDS = ['tensorflow', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKENDS)[number];
/** Those on which tests show that what a row adds to a sum does not depend on its neighbours: noise counts on it. */
export const PRIVATE_BACKENDS = ['wasm', 'cpu'] as const satisfies readonly BackendName[];

/** Makes each backend the active one, or throws why it cannot be. */
export const activate: Record<BackendName, () => Promise<void>> = {
  tensorflow: activateTensorflow,
  wasm: activateWasm,
  cpu: activateCpu,
};

/** Optional and absent on most machines, so its name is resolved at run time. */
const TFJS_NODE = '@tensorflow/tfjs-node';

async function activateTensorflow(): Promise<void> {
  const require = createRequire(import.meta.url);
  const found = ((): string | null => {
    try {
      return require.resolve(TFJS_NODE);
    } catch {
      return null;
    }
  })();
  if (found === null) throw new Error(`${TFJS_NODE} is not installed`);
  restoreIsNullOrUndefined();
  await import(TFJS_NODE);
  await select('tensorflow');
}

/** Node 23 removed `util.isNullOrUndefined`, which @tensorflow/tfjs-node 4.22 still calls. */
function restoreIsNullOrUndefined(): void {
  const legacy = nodeUtil as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
}

let wasmActivation: Promise<void> | null = null;

function activateWasm(): Promise<void> {
  wasmActivation ??= startWasm();
  return wasmActivation;
}

/**
 * Single-threaded (the package allows no threads under Node), so results repeat to the bit and nothing keeps the process
 * alive. The binaries are read from the package's own folder.
 */
async function startWasm(): Promise<void> {
  const dropAddedHandlers = rememberProcessHandlers();
  try {
    await import('@tensorflow/tfjs-backend-wasm');
    await select('wasm');
  } finally {
    dropAddedHandlers();
  }
  useTransposingMatMul();
}

/**
 * Emscripten's start-up code adds process-wide handlers that rethrow every unhandled rejection; that is for the program
 * to decide, not for a library.
 *
 * @returns a function that removes what was added since
 */
function rememberProcessHandlers(): () => void {
  const emitter: NodeJS.EventEmitter = process;
  const events = ['uncaughtException', 'unhandledRejection'].map((name) => ({
    name,
    before: new Set<unknown>(emitter.listeners(name)),
  }));
  return () => {
    for (const { name, before } of events) {
      for (const listener of emitter.listeners(name)) {
        if (!before.has(listener)) emitter.removeListener(name, listener as () => void);
      }
    }
  };
}

async function activateCpu(): Promise<void> {
  await import('@tensorflow/tfjs-backend-cpu');
  await select('cpu');
}

async function select(name: BackendName): Promise<void> {
  if (!(await tf.setBackend(name))) throw new Error(`the ${name} backend did not start`);
}
