import { RefusalError, type ErrorCode } from '../../lib/core/errors.ts';
import { failStop } from '../../lib/store/fail-stop.ts';
import { createMemoryDisk, openMemoryStore, type MemoryDisk } from '../../lib/store/memory.ts';
import type { Store } from '../../lib/store/store.ts';
import { faultyStore } from './faulty-store.ts';
import type { FaultPort } from './fault-port.ts';
import { ProgramLife } from './program-life.ts';

/** A program that is killed and started again; its disk outlives it. */
export abstract class Program {
  readonly name: string;
  readonly port: FaultPort;
  readonly disk: MemoryDisk = createMemoryDisk();
  /** How the name of its log begins. */
  readonly #log: string;
  /** Why it ended by itself, each time that it did. */
  readonly exits: (ErrorCode | 'bug')[] = [];
  /** What it threw that is no refusal. */
  readonly bugs: unknown[] = [];
  boots = 0;
  life: ProgramLife | null = null;
  /** When it ended; null while it lives. */
  endedAt: number | null = null;
  /** Events in its log when it ended last. */
  storedAtEnd = 0;

  constructor(name: string, { port, log }: { port: FaultPort; log: string }) {
    this.name = name;
    this.port = port;
    this.#log = log;
  }

  /** Events in its log. */
  get stored(): number {
    const [, events = []] = [...this.disk.streams].find(([stream]) => stream.startsWith(this.#log)) ?? [];
    return events.length;
  }

  get alive(): boolean {
    return this.life?.alive ?? false;
  }

  start(): void {
    this.boots += 1;
    const life = new ProgramLife();
    this.life = life;
    this.endedAt = null;
    life.onEnd(() => {
      this.endedAt = Date.now();
      this.storedAtEnd = this.stored;
    });
    this.run(life).catch((fault: unknown) => {
      this.exit(life, fault);
    });
  }

  /** Works until the end of `life`; a rejection ends it, as it ends the real program. */
  protected abstract run(life: ProgramLife): Promise<void>;

  /** The program's own disk: with its faults, and as the real program looks at them. */
  protected store(life: ProgramLife): Store {
    const store = faultyStore(openMemoryStore(this.disk), { program: this.name, port: this.port, life });
    return failStop(store, (fault) => {
      this.exit(life, fault);
    });
  }

  protected exit(life: ProgramLife, fault: unknown): void {
    if (!life.alive) return;
    if (fault instanceof RefusalError) this.exits.push(fault.refusals[0].code);
    else {
      this.exits.push('bug');
      this.bugs.push(fault);
    }
    life.end();
  }
}
