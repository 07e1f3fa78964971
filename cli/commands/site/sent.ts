import { addExamples, type CommandModule } from '../../command-module.ts';
import { wrapped } from '../../output/printable.ts';
import { renderTable } from '../../output/table.ts';
import type { Sent, SentReport, SentUnder } from '../../setup/sent-report.ts';

const MOST_COLUMNS = 110;
const SHOWN_DIGITS = 16;

/** `consilium site sent`: what left a hospital, round by round. */
export const siteSent: CommandModule = {
  register(group, io) {
    const command = group
      .command('sent')
      .summary('what left this hospital, round by round')
      .description(
        "Reads the log of a hospital's agent and lists every commit, update, acknowledgement and withdrawal that it has " +
          'sent, under every contract of its store. Each was stored before it was sent. The numbers of an update itself ' +
          'are not shown. Works while the agent runs.',
      )
      .action(async () => {
        const { config, json } = command.optsWithGlobals<{ config: string; json?: true }>();
        const { sentReport } = await import('../../setup/sent-report.ts');
        const report = await sentReport(config);
        io.stdout.write(
          json
            ? `${JSON.stringify({ type: 'sent', ...report })}\n`
            : inWords(report, Math.min(io.stdout.size().columns, MOST_COLUMNS) - 1),
        );
      });
    addExamples(command, [['consilium site sent --config site.yaml', 'At the hospital:']]);
  },
};

const BESIDE =
  'Beside these leave, and are not in this log: with each update its header and a salt of 32 bytes; with each commit and ' +
  'acknowledgement an endorsement of the agent’s key; the approval; in every session attestation evidence and the place ' +
  'in the statement chain that the hospital has seen, proven where an enclave asks; and, under a contract that goes on ' +
  'from a released model, that model.';

function inWords({ organisation, contracts }: SentReport, columns: number): string {
  const note = `${wrapped(BESIDE, columns).join('\n')}\n`;
  if (contracts.length === 0) return `${organisation} has begun no contract on this store.\n`;
  return [...contracts.map((under) => sentInWords(under, columns)), note].join('\n');
}

function sentInWords({ study, contract, noise, normBound, sent }: SentUnder, columns: number): string {
  const noised = {
    none: 'updates without noise',
    site: 'updates with noise that the hospital added',
    enclave: 'sums of clipped gradients, to which the enclave adds noise',
  }[noise];
  const title = `${study}, contract ${contract.slice(0, SHOWN_DIGITS)}: ${noised}; each at most ${normBound} long (Euclidean norm).`;
  const head = `${wrapped(title, columns).join('\n')}\n`;
  if (sent.length === 0) return `${head}\nNothing has been sent.\n`;
  const table = renderTable(
    [
      { title: 'round', align: 'right' },
      { title: 'attempt', align: 'right' },
      { title: 'what', align: 'left' },
      { title: 'bytes', align: 'right' },
      { title: 'content', align: 'left' },
    ],
    sent.map((message) => [
      'round' in message ? message.round : null,
      'attempt' in message ? message.attempt : null,
      message.what,
      'bytes' in message ? message.bytes : null,
      contentOf(message),
    ]),
  );
  return `${head}\n${table}`;
}

function contentOf(message: Sent): string {
  switch (message.what) {
    case 'commit': {
      const { minimum, requireCoParticipants } = message;
      const required = requireCoParticipants.length === 0 ? '' : `, with ${requireCoParticipants.join(', ')}`;
      return `takes part with at least ${minimum ?? '–'} hospitals${required}`;
    }
    case 'update': {
      const { commitment, weight, trainLoss } = message;
      const fields = weight === null ? 'payload erased' : `weight ${weight}, training loss ${trainLoss ?? '–'}`;
      return `${fields}, commitment ${commitment}`;
    }
    case 'acknowledgement':
      return 'has stored the result';
    case 'withdrawal':
      return 'leaves the study';
    case 'forgotten update':
      return `not remembered, told by a statement: commitment ${message.commitment}`;
  }
}
