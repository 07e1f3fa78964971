// A program under a simulated chip: says what the chip gives it, then does what its first argument says.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ReportData } from '../../../../lib/attestation/report-data.ts';
import { connectToChip } from '../../../../lib/attestation/simulated/ipc-attester.ts';
import { toHex } from '../../../../lib/core/bytes.ts';
import type { Digest, PublicKey } from '../../../../lib/core/ids.ts';

const say = (what: object): void => {
  process.stdout.write(`${JSON.stringify({ pid: process.pid, ...what })}\n`);
};
const filled = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

const behaviour = process.argv[2] ?? 'stay';
const chip = connectToChip({
  channel: process,
  timeoutMs: 5_000,
  onLost: () => {
    say({ event: 'chip lost' });
    process.exit(75);
  },
});

if (behaviour === 'chosen-bytes') {
  // An insider talks to the chip past every API of this project, in every shape that could pass for a request.
  const chosen = Buffer.alloc(64, 0xcc);
  const answers: unknown[] = [];
  process.on('message', (message) => answers.push(message));
  for (const message of [
    chosen,
    chosen.toString('base64'),
    { reportData: [...chosen] },
    { id: 1, ask: { kind: 'quote', reportData: [...chosen] } },
  ]) {
    process.send?.(message);
  }
  // The channel keeps order: once the genuine question is answered, the others would have been.
  const { length: genuine } = await chip.sealingKey();
  say({ event: 'answers', count: answers.length, genuine });
  process.exit(0);
} else if (behaviour === 'grandchild') {
  // A process that the chip did not start, with the environment that names the channel to Node.
  const script = `
    process.send?.('x');
    process.stdout.write(String(process.connected === true));`;
  const given = { ...process.env, NODE_CHANNEL_FD: '3', NODE_CHANNEL_SERIALIZATION_MODE: 'json' };
  const plain = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  const forged = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env: given });
  say({ event: 'grandchild', plain: plain.stdout, forged: forged.status === 0 ? forged.stdout : 'did not start' });
  process.exit(0);
} else if (behaviour === 'surroundings') {
  const found = (name: string): string => {
    try {
      return String(createRequire(import.meta.url)(name));
    } catch {
      return 'nothing';
    }
  };
  say({
    event: 'surroundings',
    flags: process.execArgv,
    variables: Object.keys(process.env),
    fromHome: found('planted-in-home'),
    evil: 'evil' in globalThis,
  });
  process.exit(0);
} else if (behaviour === 'stubborn') {
  process.on('SIGTERM', () => undefined);
  writeFileSync(process.argv[3] ?? '', 'ready');
  setInterval(() => undefined, 1_000);
} else if (behaviour.startsWith('exit-')) {
  process.exit(Number(behaviour.slice('exit-'.length)));
} else {
  const reportData = ReportData.ofPublication({
    bootKey: filled(1) as PublicKey,
    contractDigest: filled(2) as Digest,
    genesisDigest: filled(3) as Digest,
    headDigest: filled(4) as Digest,
  });
  const [evidence, sealingKey] = await Promise.all([chip.attest(reportData), chip.sealingKey()]);
  process.on('SIGTERM', () => process.exit(0));
  process.on('SIGINT', () => process.exit(0));
  say({ event: 'ready', evidence: toHex(evidence), sealingKey: toHex(sealingKey) });
  setInterval(() => undefined, 1_000);
}
