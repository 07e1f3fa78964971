import { openCoordination, type Coordination } from '../../coordinator/coordination.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import type { Refusal } from '../../lib/core/errors.ts';
import { err, type Result } from '../../lib/core/result.ts';
import { call } from './call.ts';
import type { EnclaveProgram } from './enclave-program.ts';
import type { FaultPort } from './fault-port.ts';
import { gone } from './pipe.ts';
import { Program } from './program.ts';
import type { ProgramLife } from './program-life.ts';
import { SILENT, virtualNow } from './study-platform.ts';

const SETTINGS = { gatherMs: 60_000, maxAttempts: 10, absenceMs: 30_000 };

/** The coordinator program without its sockets: real log, archive, timers and link to the enclave. */
export class CoordinatorProgram extends Program {
  readonly #sealed: SealedContract;
  readonly #enclave: EnclaveProgram;
  #up: { readonly life: ProgramLife; readonly coordination: Coordination } | null = null;

  constructor(port: FaultPort, parts: { sealed: SealedContract; enclave: EnclaveProgram }) {
    super('coordinator', { port, log: 'coordinator ' });
    this.#sealed = parts.sealed;
    this.#enclave = parts.enclave;
  }

  protected async run(life: ProgramLife): Promise<void> {
    const coordination = await openCoordination({
      sealed: this.#sealed,
      settings: { ...SETTINGS, autoLaunchRounds: this.#sealed.contract.rounds },
      store: this.store(life),
      control: this.#enclave.controlFor(this, life),
      now: virtualNow,
      log: SILENT,
      onFault: (fault) => {
        this.exit(life, fault);
      },
      signal: life.signal,
    });
    this.#up = { life, coordination };
    await coordination.run();
  }

  /** null while it does not serve. */
  get coordination(): Coordination | null {
    return this.#up?.life.alive === true ? this.#up.coordination : null;
  }

  /** A hospital hands its approval over, as `StudyService` takes it. */
  submitApproval(from: Program, life: ProgramLife, approval: Uint8Array): Promise<Result<unknown, Refusal>> {
    const serve = async (): Promise<Result<unknown, Refusal>> => {
      const { coordination } = this;
      if (coordination === null) return err(gone().refusals[0]);
      const at = virtualNow();
      const recorded = await coordination.coordinator.handle({ type: 'receive-approval', at, approval });
      if (recorded.ok) await coordination.onApproval();
      return recorded;
    };
    return call({ from, life, to: this, what: 'approval', serve });
  }
}
