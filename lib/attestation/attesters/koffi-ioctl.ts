import { constants, open } from 'node:fs/promises';
import { getSystemErrorName } from 'node:util';
import type { DeviceIoctl, NativeBuffer } from './device-ioctl.ts';
import { unavailable } from './unavailable.ts';

const POINTER_BYTES = 8;

/** ioctl through the optional package koffi. The call blocks this thread for as long as the kernel takes. */
export const koffiIoctl: DeviceIoctl = {
  async call({ device, request, argument }) {
    const native = await loadNative();
    if (native === null) throw unavailable('koffi', 'not there', 'install with optional packages (npm ci)');
    const file = await open(device, constants.O_RDWR);
    try {
      const errno = native.ioctl(file.fd, request, argument);
      if (errno !== 0) throw Object.assign(new Error('ioctl'), { code: getSystemErrorName(-errno) });
    } finally {
      await file.close();
    }
  },
};

/** Whether koffi is installed and has a binary for this system. */
export const koffiLoads = async (): Promise<boolean> => (await loadNative()) !== null;

interface Placed {
  readonly buffer: NativeBuffer;
  readonly address: bigint;
  readonly memory: Uint8Array;
}

/** null: koffi is absent, or has no binary for this system. */
async function loadNative(): Promise<{ ioctl(fd: number, request: number, argument: NativeBuffer): number } | null> {
  const koffi = await import('koffi').catch(() => null);
  if (koffi === null) return null;
  const ioctl = koffi.load(null).func('int ioctl(int fd, unsigned long request, uintptr_t argument)');
  return {
    /** 0, or errno. */
    ioctl(fd, request, argument) {
      const placed: Placed[] = [];
      try {
        const result = ioctl(fd, request, place(argument, placed)) as number;
        return result < 0 ? koffi.errno() : 0;
      } finally {
        for (const { buffer, address, memory } of placed) {
          buffer.bytes.set(memory);
          for (const { offset } of buffer.pointers) buffer.bytes.fill(0, offset, offset + POINTER_BYTES);
          // Derived keys come this way.
          memory.fill(0);
          koffi.free(address);
        }
      }
    },
  };

  /** Copies out of JavaScript's heap, where the collector may move things, and gives the address. */
  function place(buffer: NativeBuffer, placed: Placed[]): bigint {
    const address = (koffi as NonNullable<typeof koffi>).alloc('uint8_t', buffer.bytes.length) as bigint;
    const memory = new Uint8Array((koffi as NonNullable<typeof koffi>).view(address, buffer.bytes.length));
    placed.push({ buffer, address, memory });
    memory.set(buffer.bytes);
    const view = new DataView(memory.buffer);
    for (const { offset, to } of buffer.pointers) view.setBigUint64(offset, place(to, placed), true);
    return address;
  }
}
