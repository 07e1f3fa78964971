// Stands in for nvattest: prints the evidence of a file with the nonce that it is asked for, and obeys its mode.
import { Buffer } from 'node:buffer';
import { existsSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { setInterval } from 'node:timers';

const [mode, file, nonce] = process.argv.slice(2);
const devices = JSON.parse(readFileSync(file, 'utf8')).map((device) => {
  const report = Buffer.from(device.evidence, 'base64');
  if (mode !== 'stale') report.write(nonce, 4, 'hex');
  return { ...device, nonce, evidence: report.toString('base64') };
});
if (mode === 'exit') process.exit(3);
if (mode === 'hang') setInterval(() => undefined, 1000);
else if (mode === 'list') process.stdout.write(JSON.stringify(devices));
else if (mode === 'failed') process.stdout.write(JSON.stringify({ evidences: devices, result_code: 7 }));
else if (mode === 'none') process.stdout.write(JSON.stringify({ evidences: [], result_code: 0 }));
else if (mode === 'odd') process.stdout.write(JSON.stringify([{ evidence: 7 }]));
else if (mode === 'fewer') {
  // Two devices the first time, one from then on.
  const seen = `${file}.seen`;
  const again = existsSync(seen);
  writeFileSync(seen, '');
  process.stdout.write(JSON.stringify(again ? devices : [...devices, { ...devices[0], certificate: 'other' }]));
} else if (mode === 'variables') process.stdout.write(JSON.stringify(Object.keys(process.env)));
else if (mode === 'endless') for (;;) writeSync(1, '['.repeat(65536));
else process.stdout.write(JSON.stringify({ evidences: devices, result_code: 0, result_message: 'Ok' }));
