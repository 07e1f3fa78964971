/** Memory that a call may change; the kernel finds other memory at its pointers. */
export interface NativeBuffer {
  /** Changed in place, after a failed call too. */
  readonly bytes: Uint8Array;
  /** Where the addresses of other buffers go, as 8 bytes each; zero again after the call. */
  readonly pointers: readonly { readonly offset: number; readonly to: NativeBuffer }[];
}

export interface IoctlCall {
  /** Path of a device file. */
  readonly device: string;
  /** The number of Linux's `_IOWR` and its like. */
  readonly request: number;
  readonly argument: NativeBuffer;
}

/** ioctl(2) on a device, for which Node has no call of its own. */
export interface DeviceIoctl {
  /** Opens, calls, closes. Rejects with the system's error, whose `code` is its name; E-ATTEST-UNAVAILABLE without koffi. */
  call(call: IoctlCall): Promise<void>;
}

export const plainBuffer = (bytes: Uint8Array): NativeBuffer => ({ bytes, pointers: [] });
