import { setImmediate } from 'node:timers/promises';
import { vi } from 'vitest';
import type { FrameDuplex } from '../../lib/channel/duplex.ts';
import { openSiteSession } from '../../lib/channel/open-site-session.ts';
import { decodeCbor } from '../../lib/core/cbor.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { openBareSession } from './bare-session.ts';
import { START } from '../support/test-contract.ts';
import { CoordinatorProgram } from './coordinator-program.ts';
import { EnclaveProgram } from './enclave-program.ts';
import { FaultPort, type FaultMode, type FaultPoint } from './fault-port.ts';
import { gone, Pipe } from './pipe.ts';
import type { Program } from './program.ts';
import type { ProgramLife } from './program-life.ts';
import { SiteProgram } from './site-program.ts';

/** A study that has not ended by then never will. */
const PATIENCE_MS = 600_000;
const MOST_BOOTS = 10;

/** One message that reached a session's other end, in the order of arrival. */
export interface Delivery {
  readonly site: SiteProgram;
  readonly to: 'enclave' | 'site';
  readonly type: string;
  readonly bytes: Uint8Array;
  /** Length of the sender's log when it left. */
  readonly stored: number;
  /** Entries in the hospital's privacy ledger at that moment. */
  readonly paid: number;
}

export interface Disturbance {
  /** What goes wrong with an operation; null: nothing. */
  readonly choose: (point: FaultPoint, index: number) => FaultMode | null;
  /** How long a program that ended stays away; 0: until nothing else can happen without it. */
  readonly awayMs?: number;
  /** True: when one program ends, all of them do, as in a power cut. */
  readonly together?: boolean;
  /** Called whenever nothing else can happen, before time passes. */
  readonly meddle?: (study: StudyUnderFaults) => Promise<void>;
}

/**
 * A whole study in one process, with every write and every message of its programs under a fault port. Nothing in it
 * depends on chance or on the machine's speed: time passes, and killed programs start again, only when nothing else can
 * happen. Needs Vitest's fake timers (`useVirtualTime`).
 */
export class StudyUnderFaults {
  readonly sealed: SealedContract;
  readonly port: FaultPort;
  readonly enclave: EnclaveProgram;
  readonly coordinator: CoordinatorProgram;
  readonly sites: readonly SiteProgram[];
  readonly deliveries: Delivery[] = [];

  readonly #disturbance: Disturbance;

  constructor(sealed: SealedContract, disturbance: Disturbance) {
    if (openSiteSession !== openBareSession) throw new Error('stand-ins.ts has to be imported before anything else');
    this.sealed = sealed;
    this.#disturbance = disturbance;
    this.port = new FaultPort(disturbance.choose);
    this.enclave = new EnclaveProgram(this.port);
    this.coordinator = new CoordinatorProgram(this.port, { sealed, enclave: this.enclave });
    const { coordinator } = this;
    const dial = (site: SiteProgram, life: ProgramLife): FrameDuplex => this.#dial(site, life);
    this.sites = sealed.contract.organisations.map(
      ({ id: organisation }) => new SiteProgram(this.port, { sealed, organisation, coordinator, dial }),
    );
  }

  get programs(): readonly Program[] {
    return [this.enclave, this.coordinator, ...this.sites];
  }

  /** Until the coordinator is done and every hospital holds the last model. Throws when that never happens. */
  async run(): Promise<void> {
    vi.clearAllTimers();
    vi.setSystemTime(START);
    for (const program of this.programs) this.#start(program);
    let meddled = false;
    for (;;) {
      await setImmediate();
      if (this.#startAgain()) continue;
      if (this.#finished()) return;
      if (!meddled) {
        await this.#disturbance.meddle?.(this);
        meddled = true;
        continue;
      }
      meddled = false;
      if (Date.now() - START > PATIENCE_MS || vi.getTimerCount() === 0)
        throw new Error(`the study does not end: ${this.#story()}`);
      vi.advanceTimersToNextTimer();
    }
  }

  /** As a supervisor does; true when a program was started. Throws for one that ends again and again. */
  #startAgain(): boolean {
    const { awayMs = 0 } = this.#disturbance;
    const due = this.programs.filter(({ endedAt }) => endedAt !== null && endedAt + awayMs <= Date.now());
    for (const program of due) {
      if (program.boots > MOST_BOOTS) throw new Error(`${program.name} does not stay alive: ${this.#story()}`);
      this.#start(program);
    }
    return due.length > 0;
  }

  #start(program: Program): void {
    program.start();
    if (this.#disturbance.together !== true) return;
    program.life?.onEnd(() => {
      for (const { life } of this.programs) life?.end();
    });
  }

  #finished(): boolean {
    const { rounds } = this.sealed.contract;
    return (
      this.programs.every(({ alive }) => alive) &&
      this.coordinator.coordination?.coordinator.state.phase === 'finished' &&
      this.sites.every(({ agent }) => agent?.state.model.round === rounds)
    );
  }

  #story(): string {
    const coordinator = this.coordinator.coordination?.coordinator.state.phase ?? 'down';
    const sites = this.sites.map(
      ({ name, agent, refusals }) =>
        `${name} ${agent?.state.activity.phase ?? 'down'} round ${agent?.state.model.round ?? 0} ${refusals.at(-1)?.code ?? ''}`,
    );
    return [`coordinator ${coordinator}`, ...sites, ...this.programs.map(({ exits }) => exits.join())].join('; ');
  }

  #dial(site: SiteProgram, life: ProgramLife): FrameDuplex {
    const { up } = this.enclave;
    const relay = this.coordinator.life;
    if (up === null || relay === null || this.coordinator.coordination === null) throw gone();
    const toEnclave = new Pipe<Uint8Array>();
    const toSite = new Pipe<Uint8Array>();
    const end = (fault: Error | null): void => {
      toEnclave.end(fault);
      toSite.end(fault);
    };
    for (const end_ of [life, up.life, relay])
      end_.onEnd(() => {
        end(gone());
      });
    const side = (
      out: Pipe<Uint8Array>,
      into: Pipe<Uint8Array>,
      own: { program: Program; life: ProgramLife; to: Delivery['to'] },
    ): FrameDuplex => ({
      send: (frame) => {
        const bytes = frame.slice();
        const type = typeOf(bytes);
        const perform = (): void => {
          out.put(bytes);
          this.deliveries.push({ site, to: own.to, type, bytes, stored: own.program.stored, paid: site.paid });
        };
        const failed = (): never => {
          end(gone());
          throw gone();
        };
        const whom = own.to === 'site' ? ` to ${site.organisation}` : '';
        return this.port.through(
          { program: own.program.name, kind: 'send', what: type + whom },
          { life: own.life, perform, failed },
        );
      },
      next: () => own.life.seen(into.take()),
      close: () => {
        if (own.life.alive) end(null);
      },
    });
    const near = side(toEnclave, toSite, { program: site, life, to: 'enclave' });
    const far = side(toSite, toEnclave, { program: this.enclave, life: up.life, to: 'site' });
    this.enclave.accept(far).catch((fault: unknown) => {
      end(fault instanceof Error ? fault : gone());
    });
    return near;
  }
}

function typeOf(message: Uint8Array): string {
  const decoded = decodeCbor(message, { maxBytes: 64 << 20, maxDepth: 4 });
  const type = decoded.ok ? (decoded.value as Record<string, unknown>)['type'] : undefined;
  return typeof type === 'string' ? type : 'hello';
}
