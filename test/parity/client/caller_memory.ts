import {
  allocateMemory,
  check,
  freeMemory,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  type Memory,
  mmap,
  PROT_NONE,
  PROT_READ,
  unmapToReserved,
} from '@vexfs/fuse/system';
import koffi from 'koffi';

const mprotectRaw = koffi.load(null).func('mprotect', 'int', ['int64_t', 'int64_t', 'int']) as (
  address: number,
  length: number,
  protection: number,
) => number;

export const PAGE = 4096;
export const NULL = 0;
/** Below the lowest address that Linux maps (vm.mmap_min_addr). */
export const WILD = 0x1000;
/** In the kernel's half of the address space. */
export const KERNEL_ADDRESS = -0x8000_0000_0000;

/** Memory of this process that a call may be pointed at; `free` gives all of it back. */
export class CallerMemory {
  private readonly blocks: Memory[] = [];

  /** Zeroed memory, page-aligned. */
  room(bytes: number): Memory {
    const memory = allocateMemory(Math.max(PAGE, Math.ceil(bytes / PAGE) * PAGE));
    this.blocks.push(memory);
    return memory;
  }

  /** The address of a copy of the bytes; `shift` bytes past the start of a page. */
  place(bytes: ArrayBufferView, shift = 0): number {
    const memory = this.room(shift + bytes.byteLength);
    memory.bytes.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), shift);
    return memory.address + shift;
  }

  /** The address of a copy that ends with a page; what follows cannot be touched. */
  placeBeforeGap(bytes: ArrayBufferView): number {
    const length = Math.ceil(bytes.byteLength / PAGE) * PAGE;
    const memory = this.room(length + PAGE);
    check(unmapToReserved(memory.address + length, PAGE), 'making a gap');
    const at = length - bytes.byteLength;
    memory.bytes.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), at);
    return memory.address + at;
  }

  /** Pages that nobody may touch. */
  forbidden(bytes = PAGE): number {
    return this.protectedPages(bytes, PROT_NONE);
  }

  /** Pages full of zeros that may be read only. */
  readOnly(bytes = PAGE): number {
    return this.protectedPages(bytes, PROT_READ);
  }

  /** From now on the pages from `address` on may be read only. */
  seal(address: number, bytes = PAGE): void {
    check(mprotectRaw(address, bytes, PROT_READ), 'mprotect');
  }

  private protectedPages(bytes: number, protection: number): number {
    const memory = this.room(bytes);
    const length = memory.bytes.byteLength;
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    return check(mmap(memory.address, length, protection, flags, -1, 0), 'protecting pages');
  }

  free(): void {
    for (const memory of this.blocks.splice(0)) freeMemory(memory);
  }
}

/** Gives `use` memory that is freed when it returns. */
export function withMemory<T>(use: (memory: CallerMemory) => T): T {
  const memory = new CallerMemory();
  try {
    return use(memory);
  } finally {
    memory.free();
  }
}
