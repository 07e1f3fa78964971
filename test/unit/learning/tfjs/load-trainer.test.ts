import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadTrainer } from '../../../../lib/learning/tfjs/load-trainer.ts';

const run = promisify(execFile);

/** Loads a trainer in a process of its own and lets that process end by itself. */
async function inOwnProcess(
  preference: string,
): Promise<{ said: Record<string, unknown>; stdout: string; stderr: string }> {
  const script = `
    const { loadTrainer } = await import('./lib/learning/tfjs/load-trainer.ts');
    const { initialWeights } = await import('./lib/learning/initial-weights.ts');
    const spec = { kind: 'dense', inputs: 2, layers: [{ units: 1, activation: 'sigmoid' }], initial: { kind: 'zeros' } };
    const trainer = await loadTrainer(${preference});
    const [probability] = await trainer.predict({ spec, weights: initialWeights(spec), features: Float32Array.of(3, 4) });
    const handlers = ['uncaughtException', 'unhandledRejection'].map((event) => process.listenerCount(event));
    console.log(JSON.stringify({ backend: trainer.backend, passedOver: trainer.passedOver, probability, handlers }));`;
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: new URL('../../../..', import.meta.url),
    timeout: 30_000,
  });
  return { said: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>, stdout, stderr };
}

describe('loadTrainer', () => {
  it('takes the first backend that starts and says why not the earlier ones', async () => {
    const trainer = await loadTrainer();
    const order = ['tensorflow', 'wasm', 'cpu'];
    expect(order).toContain(trainer.backend);
    expect(trainer.passedOver.map(({ backend }) => backend)).toEqual(order.slice(0, order.indexOf(trainer.backend)));
    for (const { reason } of trainer.passedOver) expect(reason.length).toBeGreaterThan(10);
  });

  it.each(["'wasm'", "'cpu'"])(
    '%s: prints nothing, adds no process handler, does not keep the process alive',
    async (name) => {
      const { said, stdout, stderr } = await inOwnProcess(name);
      expect(said).toEqual({ backend: name.slice(1, -1), passedOver: [], probability: 0.5, handlers: [0, 0] });
      expect(stdout.trim().split('\n')).toHaveLength(1);
      expect(stderr).toBe('');
    },
  );

  it('refuses a preference that cannot start, with the reason', async () => {
    const trainer = await loadTrainer();
    if (trainer.backend === 'tensorflow') return;
    await expect(loadTrainer('tensorflow')).rejects.toMatchObject({
      refusals: [{ code: 'E-CONFIG', detail: expect.stringContaining('tensorflow: ') as string }],
    });
  });
});
