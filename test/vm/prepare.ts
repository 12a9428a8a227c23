/**
 * Fetches and builds what guests need, then prints where it is as JSON: prepare.js [NAME OF A STOCK KERNEL]. Several
 * may run at once: kernels have a lock, which all checkouts share, and modules one for each folder that they are built in.
 */
import { writeInitramfs } from './initramfs.js';
import { holding } from './lock.js';
import { buildInit, buildModules } from './module_build.js';
import { CANNOT_HAVE_GUESTS, type GuestParts } from './provide.js';
import { provideSanitizingKernel, SANITIZES } from './sanitizing_kernel.js';
import { NoGuests } from './step.js';
import { provideStockKernel, type StockName } from './stock_kernel.js';
import { provideUmlKernel } from './uml_kernel.js';

function prepareUml(): GuestParts {
  const kernel = holding('lock', () => {
    const stock = provideUmlKernel();
    return SANITIZES ? provideSanitizingKernel(stock) : stock;
  });
  return { kernel, ...buildModules(kernel), init: buildInit() };
}

function prepareStock(name: StockName): GuestParts {
  const kernel = holding('lock-stock', () => provideStockKernel(name));
  const program = buildInit();
  const init = `${program}-${name}.cpio`;
  writeInitramfs(init, program, kernel.drivers);
  return { kernel, ...buildModules(kernel), init };
}

const [name] = process.argv.slice(2);
try {
  console.log(JSON.stringify(name === undefined ? prepareUml() : prepareStock(name as StockName)));
} catch (error) {
  console.error(error instanceof NoGuests ? error.message : error);
  process.exitCode = error instanceof NoGuests ? CANNOT_HAVE_GUESTS : 1;
}
