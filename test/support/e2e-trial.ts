import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LAUNCHER = join(ROOT, 'bin', 'consilium.mjs');
const EXAMPLES = join(ROOT, 'examples', 'by-hand');
/** The shipped one. */
export const STUDY = join(ROOT, 'examples', 'heart-disease', 'study.yaml');
const LAUNCH_MS = 90_000;

export const TRIAL_HOSPITALS: readonly string[] = ['harbour', 'lakeside', 'northfield'];

export interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Terminal {
  readonly name: string;
  readonly child: ChildProcess;
  output: string;
}

/** docs/by-hand.md in a folder of its own: nothing but commands, example configurations and real processes. */
export class Trial {
  readonly folder: string;
  readonly terminals: Terminal[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(name: string): Promise<Trial> {
    return new Trial(await mkdtemp(join(tmpdir(), `consilium-${name}-`)));
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  consilium(args: readonly string[], folder = this.folder): Promise<Ended> {
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [LAUNCHER, ...args], { cwd: folder }, (_fault, stdout, stderr) => {
        resolve({ exit: child.exitCode, stdout, stderr });
      });
    });
  }

  /** A command that must succeed; its last line as JSON. */
  async ask(...args: string[]): Promise<Record<string, unknown>> {
    const { exit, stdout, stderr } = await this.consilium([...args, '--json']);
    if (exit !== 0) throw new Error(`consilium ${args.join(' ')} ended with ${exit ?? 'a signal'}: ${stdout}${stderr}`);
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
  }

  /** A terminal of its own. */
  start(...args: string[]): Terminal {
    return this.startFrom(ROOT, ...args);
  }

  /** The same with the programs of another copy of the repository. */
  startFrom(root: string, ...args: string[]): Terminal {
    const launcher = join(root, 'bin', 'consilium.mjs');
    const child = spawn(process.execPath, [launcher, ...args], { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const terminal = { name: args.join(' '), child, output: '' };
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (terminal.output += chunk.toString()));
    this.terminals.push(terminal);
    return terminal;
  }

  /** Enclave, coordinator and every agent. */
  startAll(): void {
    this.start('enclave', '--config', 'enclave/enclave.yaml');
    this.start('coordinator', '--config', 'coordinator/coordinator.yaml');
    for (const id of TRIAL_HOSPITALS) this.start('site', '--config', `${id}/site.yaml`);
  }

  /** Ctrl-C in every terminal; their exit codes by name. */
  async stopAll(): Promise<readonly (readonly [name: string, exit: number | null])[]> {
    const ended = this.terminals.splice(0).map(async ({ name, child }) => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGINT');
        await once(child, 'exit');
      }
      return [name, child.exitCode] as const;
    });
    return Promise.all(ended);
  }

  async remove(): Promise<void> {
    for (const { child } of this.terminals) child.kill('SIGKILL');
    // Programs that were killed may be writing still.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }

  /** Keys, certificates, confirmations, data, a contract of `rounds` and whatever `terms` say, approvals, configurations. */
  async setUp(rounds: number, ...terms: string[]): Promise<void> {
    const [words, chip] = await Promise.all([this.#initHospitals(), this.ask('chip', 'init', '--out', 'chip')]);
    await this.ask('tls', 'ca', '--out', 'ca');
    const parties = [
      ...TRIAL_HOSPITALS.map((id) => ['site', id]),
      ...['coordinator', 'enclave', 'researcher'].map((x) => [x, x]),
    ];
    await Promise.all([
      ...parties.map(([role = '', id = '']) =>
        this.ask('tls', 'issue', '--ca', 'ca', '--role', role, '--id', id, '--out', id),
      ),
      ...TRIAL_HOSPITALS.map((id) => this.#confirmOthers(id, words)),
      this.ask('data', 'generate', '--study', STUDY, '--out', 'data'),
    ]);
    const publics = TRIAL_HOSPITALS.map((id) => `${id}/organisation.json`);
    const machines = TRIAL_HOSPITALS.map((id) => `chip-${id}`);
    const study = ['--study', STUDY, '--rounds', String(rounds), '--data-class', 'synthetic', '--out', 'contract.cbor'];
    const chips = ['--enclave-instance', 'chip-enclave', '--site-instance', ...machines];
    await this.ask('contract', 'draft', ...study, '--org', ...publics, ...chips, ...terms);
    await Promise.all(TRIAL_HOSPITALS.map((id) => this.approve(id, 'contract.cbor', 'approval.cbor')));
    await this.#configure(String(chip['root']));
  }

  approve(id: string, contract: string, name: string): Promise<Record<string, unknown>> {
    const key = ['--org-key', `${id}/organisation.key`, '--as', id];
    return this.ask('contract', 'approve', contract, ...key, '--out', `${id}/${name}`);
  }

  /** Replaces text in a configuration; throws where it does not stand. */
  async edit(file: string, ...changes: readonly (readonly [from: string, to: string])[]): Promise<void> {
    let text = await readFile(this.path(file), 'utf8');
    for (const [from, to] of changes) {
      if (!text.includes(from)) throw new Error(`${file}: no ${from}`);
      text = text.replace(from, to);
    }
    await writeFile(this.path(file), text);
  }

  /** Again until enough hospitals have approved, as a person would press the up arrow. */
  async launch(...more: string[]): Promise<void> {
    const until = performance.now() + LAUNCH_MS;
    for (;;) {
      const launched = await this.consilium(['study', 'launch', '--config', 'researcher/researcher.yaml', ...more]);
      if (launched.exit === 0) return;
      // Not up yet (75), or not every approval is there (77).
      if (performance.now() > until || ![75, 77].includes(launched.exit ?? -1))
        throw new Error(
          `${launched.stderr}\n${this.terminals.map(({ name, output }) => `${name}: ${output}`).join('\n')}`,
        );
    }
  }

  /** Watches until the launched rounds are over; each event as JSON text. */
  async watch(): Promise<readonly string[]> {
    const watched = await this.consilium(['study', 'watch', '--config', 'researcher/researcher.yaml', '--json']);
    if (watched.exit !== 0) throw new Error(`${watched.stdout}${watched.stderr}`);
    return watched.stdout.trimEnd().split('\n');
  }

  async #initHospitals(): Promise<Map<string, string>> {
    const made = TRIAL_HOSPITALS.map((id) =>
      this.ask('org', 'init', '--id', id, '--name', `${id} hospital`, '--out', id),
    );
    return new Map((await Promise.all(made)).map(({ id, words }) => [String(id), String(words)]));
  }

  async #confirmOthers(id: string, words: ReadonlyMap<string, string>): Promise<void> {
    for (const other of TRIAL_HOSPITALS.filter((hospital) => hospital !== id)) {
      const heard = words.get(other)?.toUpperCase() ?? '';
      await this.ask(
        'org',
        'confirm',
        `${other}/organisation.json`,
        '--overlay',
        `${id}/overlay.yaml`,
        '--words',
        heard,
      );
    }
  }

  /** The shipped examples with this trial's ports, root and names. */
  async #configure(root: string): Promise<void> {
    const [coordinatorPort = 0, enclavePort = 0] = await freePorts();
    const write = async (example: string, name: string): Promise<void> => {
      const text = await readFile(join(EXAMPLES, example), 'utf8');
      const filled = text
        .replaceAll('7443', String(coordinatorPort))
        .replaceAll('7444', String(enclavePort))
        .replace('0'.repeat(64), root)
        .replaceAll('harbour', name);
      await writeFile(this.path(name, example), filled);
    };
    for (const program of ['coordinator', 'enclave', 'researcher']) await write(`${program}.yaml`, program);
    for (const id of TRIAL_HOSPITALS) await write('site.yaml', id);
  }
}

async function freePorts(): Promise<number[]> {
  const servers = [createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    await once(server.listen({ host: '127.0.0.1', port: 0 }), 'listening');
    ports.push((server.address() as AddressInfo).port);
  }
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
