// Starts a chip and waits: the parent whose end a chip must notice.
import { spawn } from 'node:child_process';

spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit' });
setInterval(() => undefined, 1_000);
