import { InvalidArgumentError, type Command } from 'commander';
import { parseKill, parseLatency, parseOutage, parseTamper, type FaultRequest } from '../faults/fault-request.ts';

export interface FaultFlags {
  readonly drop: readonly FaultRequest[];
  readonly kill: readonly FaultRequest[];
  readonly tamper: readonly FaultRequest[];
  readonly partition: readonly FaultRequest[];
  readonly latency: readonly FaultRequest[];
}

/** Options that break things on purpose: docs/faults.md. All may be repeated. */
export function addFaultOptions(command: Command): Command {
  return command
    .option(
      '--drop <hospital@round[:s]>',
      'the hospital loses its network in that round, until the attempt is over or for so many seconds; repeatable, as all of these',
      collect((text) => parseOutage('drop', text)),
      [],
    )
    .option(
      '--kill <party@round[/phase]>',
      'kill -9 the programs of enclave, coordinator or a hospital while commits, uploads (default) or acknowledgements of that round arrive; they are started again',
      collect(parseKill),
      [],
    )
    .option(
      '--tamper <hospital@round>',
      'the network flips one bit of what the hospital sends in that round',
      collect(parseTamper),
      [],
    )
    .option(
      '--partition <hospitals@round[:s]>',
      'packets of these hospitals (a,b,…) vanish in that round; nobody is told',
      collect((text) => parseOutage('partition', text)),
      [],
    )
    .option(
      '--latency <[hospital:]time>',
      'slow every line, or one hospital’s, each way: 200ms, or site-3:200ms±50ms',
      collect(parseLatency),
      [],
    );
}

/** In the order of the flags above. */
export const faultsOf = ({ drop, kill, tamper, partition, latency }: FaultFlags): FaultRequest[] => [
  ...[drop, kill, tamper, partition, latency].flat(),
];

const collect =
  (parse: (text: string) => FaultRequest | string) =>
  (text: string, earlier: readonly FaultRequest[]): readonly FaultRequest[] => {
    const request = parse(text);
    if (typeof request === 'string') throw new InvalidArgumentError(request);
    return [...earlier, request];
  };
