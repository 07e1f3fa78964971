import { writeSync } from 'node:fs';
import { concatBytes, utf8 } from '../../../lib/core/bytes.ts';
import { RefusalError } from '../../../lib/core/errors.ts';
import { openSqliteStore } from '../../../lib/store/sqlite.ts';

/**
 * Run as its own process: appends `writer-0`, `writer-1`, … to one stream, starting over on a conflict, and prints
 * each index once its append has resolved, or the code of the refusal that stopped it. Arguments: store file,
 * writer's name, how many appends (0: until killed), bytes of padding in each, and the number of the user and group
 * that it becomes first, where tests run as root.
 */
const [path = '', writer = '', times = '0', padding = '0', user] = process.argv.slice(2);

if (user !== undefined) {
  process.setgroups?.([]);
  process.setgid?.(Number(user));
  process.setuid?.(Number(user));
}

try {
  const opened = await openSqliteStore(path);
  if (!opened.ok) throw new RefusalError(opened.error);
  const { events } = opened.value;
  for (let index = 0; times === '0' || index < Number(times);) {
    const version = (await events.read('s')).length;
    const event = concatBytes(utf8(`${writer}-${index}.`), new Uint8Array(Number(padding)));
    const result = await events.append('s', version, [event]);
    if (!result.ok) continue;
    // Synchronous: what the reader sees printed has been promised.
    writeSync(1, `${index}\n`);
    index += 1;
  }
  await opened.value.close();
} catch (fault) {
  if (!(fault instanceof RefusalError)) throw fault;
  writeSync(1, `${fault.refusals[0].code}\n`);
}
