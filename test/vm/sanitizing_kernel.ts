import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache.js';
import { step } from './step.js';
import { type UmlKernel, unpackSource } from './uml_kernel.js';

/** Whether guests are to run the kernel below: `pnpm test:kernel --sanitize` sets it. */
export const SANITIZES: boolean = process.env.VEXFS_SANITIZE === '1';

/** Content of the sources that the build never reads. */
const UNREAD = [
  ...['Documentation', 'sound', 'tools/testing', 'tools/perf', 'drivers/gpu', 'drivers/media'],
  ...['drivers/staging', 'drivers/net/ethernet', 'drivers/net/wireless', 'arch/arm64', 'arch/arm'],
];

/** What it checks, and fault injection. */
const CHECKS = [
  ...['DEBUG_KERNEL', 'KASAN', 'KASAN_GENERIC', 'KASAN_OUTLINE', 'KASAN_VMALLOC', 'STACKTRACE'],
  ...['PROVE_LOCKING', 'DEBUG_LOCKDEP', 'DEBUG_ATOMIC_SLEEP', 'DEBUG_LIST', 'DEBUG_VM', 'SLUB_DEBUG'],
  ...['DEBUG_FS', 'DEBUG_KMEMLEAK', 'UBSAN', 'UBSAN_BOUNDS', 'UBSAN_ONLY_BOUNDS', 'UBSAN_SHIFT'],
  ...['DEBUG_OBJECTS', 'DEBUG_OBJECTS_FREE', 'DEBUG_OBJECTS_WORK', 'DEBUG_OBJECTS_TIMERS'],
  ...['DEBUG_OBJECTS_RCU_HEAD', 'JBD2_DEBUG', 'KALLSYMS_ALL'],
  ...['FAULT_INJECTION', 'FAULT_INJECTION_DEBUG_FS', 'FAILSLAB', 'FAIL_PAGE_ALLOC'],
  ...['FAULT_INJECTION_USERCOPY'],
];
/** What guests need besides. */
const BUILT_IN = ['MD', 'TMPFS_XATTR', 'TMPFS_POSIX_ACL', 'DEBUG_INFO_NONE'];
const MODULES = ['BLK_DEV_LOOP', 'BLK_DEV_DM', 'DM_FLAKEY', 'DM_LOG_WRITES'];
/** What only makes the build longer, needs a library, or would run beside the tests. */
const LEFT_OUT = [
  ...['STATIC_LINK', 'UML_NET', 'UML_NET_VECTOR', 'UML_NET_VDE', 'UML_SOUND', 'INPUT', 'USB_SUPPORT', 'HID'],
  ...['IPV6', 'NETFILTER', 'NET_SCHED', 'WIRELESS', 'BRIDGE', 'AUDIT', 'BPF_SYSCALL', 'CGROUP_BPF'],
  ...['SECURITY_SELINUX', 'SECURITY_APPARMOR', 'SECURITY_TOMOYO', 'IMA', 'EVM', 'MODULE_SIG'],
  ...['REISERFS_FS', 'JFS_FS', 'XFS_FS', 'BTRFS_FS', 'DRBD_FAULT_INJECTION', 'LOCALVERSION_AUTO'],
  ...['DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT', 'DEBUG_INFO_BTF', 'KASAN_INLINE', 'UBSAN_TRAP', 'WERROR'],
  ...[
    'INET',
    'NETLABEL',
    'ETHERNET',
    'NETDEVICES',
    'EXT2_FS',
    'PARTITION_ADVANCED',
    'SECURITY_SMACK',
    'SERIO',
  ],
  ...['DEBUG_KMEMLEAK_AUTO_SCAN', 'DEBUG_KMEMLEAK_DEFAULT_OFF', 'DETECT_HUNG_TASK', 'VMAP_STACK'],
];
/** KASAN takes more stack. */
const VALUES = { DEBUG_KMEMLEAK_MEM_POOL_SIZE: 64_000, KERNEL_STACK_ORDER: 3, FRAME_WARN: 0 };

/** What has to be mended of User-mode Linux before it can be checked so: the file, what stands there, what comes in its place. */
const MENDED: ReadonlyArray<readonly [string, RegExp, string]> = [
  // It counts no preemption and is therefore not offered these checks; the count alone works.
  ['lib/Kconfig.debug', /(config DEBUG_ATOMIC_SLEEP\n(?:.*\n){1,3}?)\tdepends on !ARCH_NO_PREEMPT\n/, '$1'],
  // It walks the mappings of a new process without any lock, which lockdep would tell of in every guest.
  [
    'arch/um/kernel/tlb.c',
    /(void force_flush_all(?:.*\n)*?)(\tfor_each_vma\(vmi, vma\)\n.*\n)/,
    '$1\trcu_read_lock();\n$2\trcu_read_unlock();\n',
  ],
];

function mend(tree: string): void {
  for (const [name, pattern, replacement] of MENDED) {
    const text = readFileSync(join(tree, name), 'utf8');
    const mended = text.replace(pattern, replacement);
    if (mended === text) throw new Error(`${name} is not what it was`);
    writeFileSync(join(tree, name), mended);
  }
}

function options(letter: string, names: readonly string[]): string[] {
  return names.flatMap((name) => [letter, name]);
}

/** The configuration of the stock kernel without its modules, with what is above. */
function configure(tree: string, stock: UmlKernel): void {
  const config = step([stock.program, '--showconfig']).replace(/^(CONFIG_\w+)=m$/gm, '# $1 is not set');
  writeFileSync(join(tree, '.config'), config);
  const values = Object.entries(VALUES).flatMap(([name, value]) => ['--set-val', name, String(value)]);
  const words = [...options('-d', LEFT_OUT), ...options('-e', [...CHECKS, ...BUILT_IN]), ...values];
  step(['scripts/config', ...words, ...options('-m', MODULES)], { cwd: tree });
  step(['make', '-s', 'ARCH=um', 'olddefconfig'], { cwd: tree });
  const made = readFileSync(join(tree, '.config'), 'utf8').split('\n');
  const lost = [
    ...CHECKS.filter((name) => !made.includes(`CONFIG_${name}=y`)),
    ...MODULES.filter((name) => !made.includes(`CONFIG_${name}=m`)),
  ];
  if (lost.length > 0) throw new Error(`the kernel cannot be configured with ${lost.join(', ')}`);
}

/** A change of how it is made is another kernel. */
function recipe(): string {
  const parts = [UNREAD, CHECKS, BUILT_IN, MODULES, LEFT_OUT, VALUES, MENDED.map(String)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8);
}

/**
 * User-mode Linux of the same version as the stock one, with KASAN, UBSAN, lockdep, kmemleak, checks for sleeping in atomic
 * sections and fault injection; built the first time, which takes ten minutes of two processors.
 */
export function provideSanitizingKernel(stock: UmlKernel): UmlKernel {
  const folder = cacheFolder(`sanitize-${stock.version}-${recipe()}`);
  const tree = join(folder, 'tree');
  const kernel: UmlKernel = {
    kind: 'uml',
    version: stock.version,
    program: join(tree, 'linux'),
    tree,
    modules: join(folder, 'modules'),
    sanitizes: true,
  };
  if (existsSync(join(folder, '.ready'))) return kernel;
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(fresh);
  const building = join(fresh, 'tree');
  unpackSource(stock.version, building, UNREAD);
  mend(building);
  configure(building, stock);
  renameSync(fresh, folder);
  step(['nice', 'make', '-s', '-j2', 'ARCH=um', 'all'], { cwd: tree, minutes: 80 });
  const into = [`INSTALL_MOD_PATH=${kernel.modules}`, 'modules_install'];
  step(['make', '-s', 'ARCH=um', 'DEPMOD=true', ...into], { cwd: tree, minutes: 10 });
  writeFileSync(join(folder, '.ready'), '');
  return kernel;
}
