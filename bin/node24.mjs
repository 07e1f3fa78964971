#!/usr/bin/env node
// Runs its arguments under Node 24: the system's own when it is new enough, else the pinned one that
// npm installed from the registry (docs/decisions/0001). Plain JavaScript, because an older system Node
// must be able to read it.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL, fileURLToPath } from 'node:url';
import { realpathSync } from 'node:fs';

const REQUIRED_MAJOR = 24;
/** node:sqlite prints an experimental warning on every start; nothing else is silenced. */
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];

/** @returns {string | null} the path of a Node 24 or newer, or null when there is none */
export function findNode() {
  if (Number(process.versions.node.split('.')[0]) === REQUIRED_MAJOR) return process.execPath;
  const require = createRequire(import.meta.url);
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const binary = process.platform === 'win32' ? 'node.exe' : 'node';
  try {
    const manifest = require.resolve(`node-${platform}-${process.arch}/package.json`);
    const candidate = join(dirname(manifest), 'bin', binary);
    return existsSync(candidate) ? candidate : null;
  } catch {
    return Number(process.versions.node.split('.')[0]) > REQUIRED_MAJOR ? process.execPath : null;
  }
}

/** Starts `args` under Node 24, passes signals on, and ends with the child's exit status. */
export function runUnderNode24(args) {
  const node = findNode();
  if (node === null) {
    process.stderr.write(
      `consilium needs Node ${REQUIRED_MAJOR}; this is ${process.version}, and no pinned Node was installed for ` +
        `${process.platform}-${process.arch}.\nInstall Node ${REQUIRED_MAJOR} LTS, or run 'npm ci' without --omit=optional.\n`,
    );
    process.exit(78);
  }
  const child = spawn(node, [...NODE_FLAGS, ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole group: the child has it already.
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`consilium could not start ${node}: ${error.message}\n`);
    process.exit(71);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

const invoked = process.argv[1];
if (invoked !== undefined && import.meta.url === pathToFileURL(realpathSync(invoked)).href) {
  runUnderNode24(process.argv.slice(2));
}

export const repositoryRoot = dirname(dirname(fileURLToPath(import.meta.url)));
