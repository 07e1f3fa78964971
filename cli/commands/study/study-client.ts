import type { Command } from 'commander';
import { RefusalError, type Refusal } from '../../../lib/core/errors.ts';
import type { Result } from '../../../lib/core/result.ts';
import { clientOf, type ClientOf } from '../../../lib/wire/client.ts';
import type { Connection } from '../../../lib/wire/connection.ts';
import { studyMethods } from '../../../lib/wire/study-codec.ts';
import { connectAsResearcher } from '../../setup/coordinator-connection.ts';

export const withResearcherConfig = (command: Command): Command =>
  command.requiredOption('--config <file>', 'researcher.yaml: certificate and coordinator');

/** Runs `ask` against the coordinator that `command`'s --config names, and hangs up. */
export async function askCoordinator<T>(
  command: Command,
  ask: (client: ClientOf<typeof studyMethods>, connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connectAsResearcher(command.opts<{ config: string }>().config);
  try {
    return await ask(clientOf(connection, studyMethods), connection);
  } finally {
    connection.close();
  }
}

/** The answer; throws RefusalError when the coordinator refused or could not be reached. */
export function answerOf<T>(result: Result<T, Refusal>): T {
  if (!result.ok) throw new RefusalError(result.error);
  return result.value;
}
