import { fileURLToPath } from 'node:url';
import koffi, { type LibraryHandle } from 'koffi';

/** Where the build puts the library, seen from dist/engine. */
const BUILT = '../../../kernel/engine/build/libvexfs_engine.so';

/** The library this process uses: VEXFS_ENGINE, or the one that `make -C kernel/engine` built. */
export const enginePath: string = process.env.VEXFS_ENGINE || fileURLToPath(new URL(BUILT, import.meta.url));

const library = load(enginePath);

function load(path: string): LibraryHandle {
  try {
    return koffi.load(path);
  } catch (cause) {
    throw new Error(
      `cannot load the engine ${path}: run \`make -C kernel/engine\`, or name it in VEXFS_ENGINE`,
      {
        cause,
      },
    );
  }
}

/**
 * Binds a function of kernel/engine/vexfs_engine.h or host.h; `Call` states its signature in TypeScript. Addresses are
 * declared as uintptr_t and travel as plain numbers.
 */
export function bind<Call>(name: string, result: string, parameters: string[]): Call {
  return library.func(name, result, parameters) as Call;
}
