import type { DeviceIoctl, IoctlCall } from '../../../../lib/attestation/attesters/device-ioctl.ts';

export interface FakeIoctl extends DeviceIoctl {
  readonly calls: IoctlCall[];
}

/** A device whose answers a test writes, in the order of the calls; the last one repeats. */
export function fakeIoctl(...answers: ((call: IoctlCall) => void)[]): FakeIoctl {
  const calls: IoctlCall[] = [];
  return {
    calls,
    async call(call) {
      const answer = answers[Math.min(calls.length, answers.length - 1)];
      calls.push(call);
      answer?.(call);
    },
  };
}

/** The buffer that the pointer at `offset` leads to. */
export function pointed(buffer: IoctlCall['argument'], offset: number): IoctlCall['argument'] {
  const found = buffer.pointers.find((pointer) => pointer.offset === offset);
  if (found === undefined) throw new Error(`no pointer at ${offset}`);
  return found.to;
}

export function failing(code: string): () => void {
  return () => {
    throw Object.assign(new Error(code), { code });
  };
}
