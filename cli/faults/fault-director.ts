import type { StudyEvent } from '../../lib/wire/study-codec.ts';
import { STRIKE_PHASES, type FaultRequest, type StrikePhase } from './fault-request.ts';
import type { FaultyNetwork } from './faulty-network.ts';
import type { LinkCounts } from './link-conditions.ts';

/** When and where a fault struck. */
export interface Strike {
  readonly round: number;
  readonly attempt: number;
  /** What the coordinator waited for: `opening`, `commit`, `upload`, `acknowledge`; `start` before the first round. */
  readonly phase: string;
  /** Since the run began, milliseconds. */
  readonly atMs: number;
}

/** What became of one fault, as far as it was seen from outside the programs. */
export interface FaultTrace {
  readonly fault: FaultRequest;
  /** null: the study never came to that round. */
  readonly struck: Strike | null;
  /** From the strike until lines and programs were as before, milliseconds; null: not within the run, or not at all. */
  readonly lastedMs: number | null;
  /** The round under way when it was over; null like `lastedMs`. */
  readonly overInRound: number | null;
  readonly did: LineChange;
}

/** What changed on the lines of a fault's parties from its strike until it was over, or until the end of the run. */
export interface LineChange {
  /** Connections that were reset by the network. */
  readonly reset: number;
  /** Chunks that were altered, sent twice or exchanged. */
  readonly mangled: number;
  /** Connections that came up. */
  readonly dialled: number;
}

interface Ports {
  readonly network: Pick<FaultyNetwork, 'change' | 'takeAway' | 'slowDown' | 'mangle' | 'cut' | 'counts'>;
  /** SIGKILL to the programs of a party; it is started again by whoever started it. */
  readonly kill: (party: string) => void;
  readonly onStruck: (fault: FaultRequest, strike: Strike) => void;
  readonly onOver: (fault: FaultRequest, over: { readonly round: number; readonly lastedMs: number }) => void;
  /** Milliseconds since the run began. */
  readonly elapsedMs: () => number;
}

interface Running {
  readonly fault: FaultRequest;
  struck: Strike | null;
  before: LineChange;
  /** Undoes it; null when there is nothing to undo. */
  lift: (() => void) | null;
  timer: NodeJS.Timeout | null;
  over: { readonly lastedMs: number; readonly overInRound: number; readonly did: LineChange } | null;
}

type Placed = Exclude<FaultRequest, { kind: 'latency' }>;

/**
 * Lets faults strike when the study comes to their rounds and phases, as anybody who watches the coordinator could, and
 * undoes them.
 */
export class FaultDirector {
  readonly #ports: Ports;
  readonly #running: readonly Running[];
  #round = 0;

  constructor(faults: readonly FaultRequest[], ports: Ports) {
    this.#ports = ports;
    this.#running = faults.map((fault) => ({
      fault,
      struck: null,
      before: NOTHING,
      lift: null,
      timer: null,
      over: null,
    }));
  }

  /** What holds for the whole run; call it once the lines are laid and before anything starts. */
  start(): void {
    for (const running of this.#running) {
      const { fault } = running;
      if (fault.kind !== 'latency') continue;
      const { delayMs, jitterMs } = fault;
      const speed = { delayMs, jitterMs, bytesPerSecond: null };
      for (const party of fault.parties) this.#ports.network.change(party, speed);
      this.#mark(running, { round: 0, attempt: 0, phase: 'start' });
    }
  }

  /** Events in order; those of a coordinator that tells its story again change nothing. */
  see(event: StudyEvent): void {
    switch (event.kind) {
      case 'roundPhase':
        this.#round = Math.max(this.#round, event.round);
        for (const running of this.#running) this.#strikeIfDue(running, event);
        return;
      case 'roundReleased':
        this.#round = Math.max(this.#round, event.round);
        this.#endThose((strike) => strike.round <= event.round);
        return;
      case 'roundAborted':
        this.#endThose(({ round, attempt }) => round === event.round && attempt <= event.attempt);
        return;
      case 'studyFinished':
        this.end();
        return;
      case 'phaseChanged':
      case 'siteProgress':
        return;
    }
  }

  /** A program that was killed has been started again. */
  restarted(party: string): void {
    for (const running of this.#running) {
      if (running.fault.kind === 'kill' && running.fault.parties.includes(party) && running.struck !== null)
        this.#over(running);
    }
  }

  /** Undoes what still lasts. */
  end(): void {
    for (const running of this.#running) if (running.lift !== null) this.#over(running);
  }

  get traces(): readonly FaultTrace[] {
    return this.#running.map((running) => {
      const { fault, struck, over } = running;
      const did = struck === null ? NOTHING : this.#didSince(running);
      return { fault, struck, lastedMs: null, overInRound: null, did, ...over };
    });
  }

  #strikeIfDue(running: Running, at: Extract<StudyEvent, { kind: 'roundPhase' }>): void {
    const { fault } = running;
    if (running.struck !== null || fault.kind === 'latency' || at.round < fault.round) return;
    if (at.round === fault.round && !isInOrBehind(at.phase, fault.phase)) return;
    running.before = this.#totals(fault.parties);
    this.#strike(running, fault);
    this.#mark(running, at);
  }

  #strike(running: Running, fault: Placed): void {
    const { network, kill } = this.#ports;
    switch (fault.kind) {
      case 'drop':
      case 'partition': {
        const how = fault.kind === 'drop' ? 'refused' : 'silent';
        this.#last(running, fault.seconds, (party) => network.takeAway(party, how));
        return;
      }
      case 'slow':
        this.#last(running, fault.seconds, (party) => network.slowDown(party, fault));
        return;
      case 'cut':
        for (const party of fault.parties) network.cut(party, fault.afterBytes);
        return;
      case 'kill':
        for (const party of fault.parties) kill(party);
        return;
      case 'tamper':
      case 'duplicate':
      case 'reorder':
        for (const party of fault.parties) network.mangle(party, fault.kind);
    }
  }

  /** For every party; `seconds` null: until somebody calls `lift`. */
  #last(running: Running, seconds: number | null, begin: (party: string) => () => void): void {
    const lifts = running.fault.parties.map(begin);
    running.lift = () => {
      for (const lift of lifts) lift();
    };
    if (seconds === null) return;
    running.timer = setTimeout(() => {
      this.#over(running);
    }, 1000 * seconds);
  }

  #mark(running: Running, { round, attempt, phase }: Omit<Strike, 'atMs'>): void {
    const { onStruck, elapsedMs } = this.#ports;
    running.struck = { round, attempt, phase, atMs: Math.round(elapsedMs()) };
    onStruck(running.fault, running.struck);
  }

  /** Ends outages that last as long as their attempt does. */
  #endThose(isOver: (strike: Strike) => boolean): void {
    for (const running of this.#running) {
      const { fault, struck, lift } = running;
      if (lift === null || struck === null || !isOver(struck)) continue;
      if ('seconds' in fault && fault.seconds === null) this.#over(running);
    }
  }

  #over(running: Running): void {
    const { fault, struck, lift, timer } = running;
    if (struck === null || running.over !== null) return;
    if (timer !== null) clearTimeout(timer);
    lift?.();
    running.lift = null;
    const lastedMs = Math.round(this.#ports.elapsedMs() - struck.atMs);
    running.over = { lastedMs, overInRound: this.#round, did: this.#didSince(running) };
    this.#ports.onOver(fault, { round: this.#round, lastedMs });
  }

  #didSince({ fault, before }: Running): LineChange {
    const now = this.#totals(fault.parties);
    return {
      reset: now.reset - before.reset,
      mangled: now.mangled - before.mangled,
      dialled: now.dialled - before.dialled,
    };
  }

  #totals(parties: readonly string[]): LineChange {
    const lines = parties.flatMap((party) => this.#ports.network.counts(party));
    const sum = (of: (counts: LinkCounts) => number): number => lines.reduce((total, counts) => total + of(counts), 0);
    return {
      reset: sum(({ refused, cut }) => refused + cut),
      mangled: sum(({ mangled: { tamper, duplicate, reorder } }) => tamper + duplicate + reorder),
      dialled: sum(({ connections }) => connections),
    };
  }
}

/** Of the phases of one attempt, whose names the coordinator gives. */
const isInOrBehind = (phase: string, wanted: StrikePhase): boolean =>
  STRIKE_PHASES.some((name, index) => name === phase && index >= STRIKE_PHASES.indexOf(wanted));

const NOTHING: LineChange = { reset: 0, mangled: 0, dialled: 0 };
