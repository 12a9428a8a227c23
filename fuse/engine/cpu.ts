import { bind } from './library.js';

/** The code paths of the engine, VX_ISA_* in vexfs_engine.h. All return the same bits. */
export const Isa = { SCALAR: 0, AVX2: 1, AVX512: 2, NEON: 3, AVX512_VNNI: 4, BEST: 0xffff_ffff } as const;
export type Isa = (typeof Isa)[keyof typeof Isa];

/**
 * Address of the descriptor that functions take as `cpu`, or 0 when this machine cannot run that code. It is constant
 * memory of the library: valid in every thread, never freed.
 */
export const cpuFor = bind<(isa: Isa) => number>('vx_host_cpu', 'uintptr_t', ['uint32_t']);

/** The fastest code of this machine. */
export const bestCpu: number = cpuFor(Isa.BEST);
