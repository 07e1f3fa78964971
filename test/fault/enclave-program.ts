import { StudyHost } from '../../aggregator-enclave/host/study-host.ts';
import type { EnclaveControl } from '../../coordinator/enclave-link.ts';
import type { FrameDuplex } from '../../lib/channel/duplex.ts';
import type { Refusal } from '../../lib/core/errors.ts';
import { err, type Result } from '../../lib/core/result.ts';
import { systemStudyRandom } from '../../lib/core/study-random.ts';
import type { EnclaveEvent } from '../../lib/wire/control-codec.ts';
import { call } from './call.ts';
import type { FaultPort } from './fault-port.ts';
import { gone, Pipe } from './pipe.ts';
import { Program } from './program.ts';
import type { ProgramLife } from './program-life.ts';
import { chipOf, program, randomOf, SILENT, verifiers, virtualClock } from './study-platform.ts';

interface Up {
  readonly life: ProgramLife;
  readonly host: StudyHost;
}

/** The enclave program: its real host and core. What it answers and tells is what it sends. */
export class EnclaveProgram extends Program {
  /** Everything that a coordinator was told, with the length of the log at that moment. */
  readonly told: { readonly event: EnclaveEvent; readonly stored: number }[] = [];
  #up: Up | null = null;

  constructor(port: FaultPort) {
    super('enclave', { port, log: 'sealed ' });
  }

  protected async run(life: ProgramLife): Promise<void> {
    const random = randomOf(`enclave, boot ${this.boots}`);
    const host = new StudyHost({
      ports: {
        sealingKey: chipOf('chip-enclave').sealingKey(program('enclave')),
        attester: chipOf('chip-enclave').attesterFor(program('enclave')),
        verifiers,
        clock: virtualClock,
        random,
        studyRandom: systemStudyRandom(random),
        software: program('enclave').measurement,
        environment: 'simulation',
        onFault: (fault) => {
          this.exit(life, fault);
        },
      },
      store: this.store(life),
      log: SILENT,
    });
    await host.resume();
    this.#up = { life, host };
  }

  /** null while it does not serve. */
  get up(): Up | null {
    return this.#up?.life.alive === true ? this.#up : null;
  }

  /** A site's frames; rejects when nobody serves them. */
  async accept(duplex: FrameDuplex): Promise<void> {
    if (this.up === null) throw gone();
    await this.up.host.accept(duplex);
  }

  /** What a coordinator calls. */
  controlFor(coordinator: Program, life: ProgramLife): EnclaveControl {
    const ask = <T>(
      what: string,
      serve: (host: StudyHost) => Promise<Result<T, Refusal>>,
    ): Promise<Result<T, Refusal>> =>
      call({
        ...{ from: coordinator, life, to: this, what },
        serve: async () => (this.up === null ? err(gone().refusals[0]) : serve(this.up.host)),
      });
    return {
      load: (documents) => ask('load', (host) => host.load(documents)),
      advance: (request) => ask(`advance ${request.action}`, (host) => host.advance(request)),
      withdraw: ({ withdrawal }) => ask('withdraw', (host) => host.withdraw(withdrawal)),
      getStatements: ({ fromCounter, limit }) => ask('getStatements', (host) => host.statements(fromCounter, limit)),
      watch: ({ fromSequence }, options) => this.#watch(coordinator, life, { fromSequence, signal: options?.signal }),
    };
  }

  async *#watch(
    coordinator: Program,
    life: ProgramLife,
    { fromSequence, signal }: { fromSequence: number; signal: AbortSignal | undefined },
  ): AsyncGenerator<EnclaveEvent> {
    const stream = new EventStream();
    const cancel = (): void => {
      stream.end(null);
    };
    signal?.addEventListener('abort', cancel);
    life.onEnd(cancel);
    const point = { program: coordinator.name, kind: 'send', what: 'watch' } as const;
    await this.port.through(point, {
      life,
      perform: () => {
        this.#tell(stream, fromSequence);
      },
      failed: () => {
        stream.end(gone());
      },
    });
    for (;;) {
      const event = await life.seen(stream.events.take());
      if (event === null) return;
      yield event;
    }
  }

  #tell(stream: EventStream, from: number): void {
    const { up } = this;
    const broken = (): void => {
      stream.end(gone());
    };
    if (up === null) {
      broken();
      return;
    }
    up.life.onEnd(broken);
    const telling = async (): Promise<void> => {
      for await (const event of up.host.events.watch(from, stream.signal)) {
        const perform = (): void => {
          stream.events.put(event);
          this.told.push({ event, stored: this.stored });
        };
        const point = { program: this.name, kind: 'send', what: `tell ${event.kind}` } as const;
        await this.port.through(point, { life: up.life, perform, failed: broken });
      }
    };
    telling().catch(broken);
  }
}

/** One watcher's events on their way; its end stops the teller. */
class EventStream {
  readonly events = new Pipe<EnclaveEvent>();
  readonly #stop = new AbortController();

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  end(fault: Error | null): void {
    this.events.end(fault);
    this.#stop.abort();
  }
}
