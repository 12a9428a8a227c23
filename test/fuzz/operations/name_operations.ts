import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import {
  EXCHANGE,
  getXattr,
  listXattr,
  makeNode,
  NOREPLACE,
  removeXattr,
  rename2,
  setXattr,
  XATTR_CREATE,
  XATTR_REPLACE,
} from '../../parity/operations/calls.js';
import type { Named, Node } from './model.js';
import type { Operation } from './operation.js';
import type { Player } from './player.js';

const NAMES = 9;
const S_IFIFO = 0o010644;

/** Operations on names, links and attributes. */
export class NameOperations {
  private readonly player: Player;

  constructor(player: Player) {
    this.player = player;
  }

  readonly actions = {
    create: (operation: Operation) =>
      this.make(operation, {}, (path) => {
        closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o644));
      }),
    makeDirectory: (operation: Operation) => {
      // Deep trees take long to compare and show nothing more.
      if (this.player.model.directories().length > 8) return;
      this.make(operation, { kind: 'directory' }, (path) => mkdirSync(path));
    },
    makeSymlink: (operation: Operation) => {
      const target = 't'.repeat(1 + (operation.c % 300));
      this.make(operation, { kind: 'symlink', target }, (path) => symlinkSync(target, path));
    },
    makePipe: (operation: Operation) =>
      this.make(operation, { kind: 'pipe' }, (path) => {
        const result = makeNode(path, S_IFIFO);
        if (result !== 0) throw Object.assign(new Error('mknod'), { code: result });
      }),
    link: (operation: Operation) => this.link(operation),
    unlink: (operation: Operation) => this.unlink(operation),
    removeDirectory: (operation: Operation) => this.removeDirectory(operation),
    rename: (operation: Operation) => this.rename(operation),
    list: (operation: Operation) => this.list(operation),
    look: (operation: Operation) => this.look(operation),
    followLink: (operation: Operation) => this.followLink(operation),
    setAttribute: (operation: Operation) => this.setAttribute(operation),
    getAttribute: (operation: Operation) => this.getAttribute(operation),
    removeAttribute: (operation: Operation) => this.removeAttribute(operation),
  };

  /** A place for a name, taken or not. */
  private place({ a, b }: Operation): {
    path: string;
    parent: number;
    name: string;
    taken: number | undefined;
  } {
    const { path, number } = this.player.directory(a);
    const name = b % 20 === 0 ? 'l'.repeat(200) : `n${b % NAMES}`;
    return {
      path: `${path}/${name}`,
      parent: number,
      name,
      taken: this.player.model.get(number).names.get(name),
    };
  }

  private make(operation: Operation, fields: Partial<Node>, work: (path: string) => void): void {
    const { path, parent, name, taken } = this.place(operation);
    const got = this.player.outcome(() => work(this.player.path(path)));
    this.player.expect(`making ${path}`, got, taken === undefined ? 'ok' : 'EEXIST');
    if (got === 'ok') this.player.model.add(parent, name, fields);
  }

  private link(operation: Operation): void {
    const from = this.player.choose(operation.c);
    if (from === undefined) return;
    const { path, parent, name, taken } = this.place(operation);
    const got = this.player.outcome(() => linkSync(this.player.path(from.path), this.player.path(path)));
    const wanted = taken !== undefined ? 'EEXIST' : from.node.kind === 'directory' ? 'EPERM' : 'ok';
    this.player.expect(`link of ${from.path} as ${path}`, got, wanted);
    if (got === 'ok') this.player.model.setName(parent, name, from.number);
  }

  private unlink({ a }: Operation): void {
    const named = this.player.choose(a);
    if (named === undefined) return;
    const got = this.player.outcome(() => unlinkSync(this.player.path(named.path)));
    this.player.expect(`unlink ${named.path}`, got, named.node.kind === 'directory' ? 'EISDIR' : 'ok');
    if (got === 'ok') this.player.model.setName(named.parent, named.name, undefined);
  }

  private removeDirectory({ a }: Operation): void {
    const named = this.player.choose(a);
    if (named === undefined) return;
    const got = this.player.outcome(() => rmdirSync(this.player.path(named.path)));
    const isDirectory = named.node.kind === 'directory';
    const wanted = !isDirectory ? 'ENOTDIR' : named.node.names.size > 0 ? 'ENOTEMPTY' : 'ok';
    this.player.expect(`rmdir ${named.path}`, got, wanted);
    if (got === 'ok') this.player.model.setName(named.parent, named.name, undefined);
  }

  private rename(operation: Operation): void {
    const from = this.player.choose(operation.c);
    if (from === undefined) return;
    const to = this.place(operation);
    const flags = [0, 0, 0, NOREPLACE, EXCHANGE][operation.d % 5]!;
    const result = rename2(this.player.path(from.path), this.player.path(to.path), flags);
    const got = result === 0 ? 'ok' : String(result);
    this.player.expect(
      `rename of ${from.path} to ${to.path}, flags ${flags}`,
      got,
      this.renameErrno(from, to, flags),
    );
    if (got !== 'ok' || to.taken === from.number) return;
    const { model } = this.player;
    model.setName(from.parent, from.name, flags === EXCHANGE ? to.taken : undefined);
    model.setName(to.parent, to.name, from.number);
  }

  /** In the order in which the kernel checks. */
  private renameErrno(from: Named, to: { parent: number; taken: number | undefined }, flags: number): string {
    const { model } = this.player;
    const target = to.taken === undefined ? undefined : model.get(to.taken);
    if (flags === NOREPLACE && target !== undefined) return 'EEXIST';
    if (flags === EXCHANGE && target === undefined) return 'ENOENT';
    if (from.node.kind === 'directory' && model.isBelow(to.parent, from.number)) return 'EINVAL';
    if (target?.kind === 'directory' && model.isBelow(from.parent, to.taken!))
      return flags === EXCHANGE ? 'EINVAL' : 'ENOTEMPTY';
    if (target === undefined || to.taken === from.number || flags === EXCHANGE) return 'ok';
    if (target.kind === 'directory' && from.node.kind !== 'directory') return 'EISDIR';
    if (target.kind !== 'directory' && from.node.kind === 'directory') return 'ENOTDIR';
    return target.names.size > 0 ? 'ENOTEMPTY' : 'ok';
  }

  private list({ a }: Operation): void {
    const { path, number } = this.player.directory(a);
    const got = readdirSync(this.player.path(path)).sort().join(' ');
    this.player.expect(
      `names in ${path}`,
      got,
      [...this.player.model.get(number).names.keys()].sort().join(' '),
    );
  }

  private look({ a }: Operation): void {
    const { model } = this.player;
    const named = this.player.choose(a);
    if (named === undefined) return;
    const { nlink, size } = lstatSync(this.player.path(named.path));
    const { node, number, path } = named;
    const links = node.kind === 'directory' ? model.directoryLinks(number) : model.links(number);
    this.player.expect(`links of ${path}`, nlink, links);
    if (node.kind === 'file' && node.rows === undefined)
      this.player.expect(`size of ${path}`, size, node.content.length);
  }

  private followLink({ a }: Operation): void {
    const named = this.player.choose(a, ({ kind }) => kind === 'symlink');
    if (named === undefined) return;
    this.player.expect(
      `target of ${named.path}`,
      readlinkSync(this.player.path(named.path)),
      named.node.target,
    );
  }

  private attributed(number: number): Named | undefined {
    return this.player.choose(number, ({ kind }) => kind === 'file' || kind === 'directory');
  }

  private setAttribute({ a, b, c, d }: Operation): void {
    const named = this.attributed(a);
    if (named === undefined) return;
    const name = `${['user', 'trusted', 'security'][b % 3]}.k${b % 5}`;
    const value = `v${c}`.repeat(1 + (c % 40));
    const flags = [0, 0, XATTR_CREATE, XATTR_REPLACE][d % 4]!;
    const result = setXattr(this.player.path(named.path), name, value, flags);
    const has = named.node.xattrs.has(name);
    const wanted = has && flags === XATTR_CREATE ? 'EEXIST' : !has && flags === XATTR_REPLACE ? 'ENODATA' : 0;
    this.player.expect(`setxattr ${name} of ${named.path}, flags ${flags}`, result, wanted);
    if (result === 0)
      this.player.model.change(named.number, { xattrs: new Map(named.node.xattrs).set(name, value) });
  }

  private getAttribute({ a, b }: Operation): void {
    const named = this.attributed(a);
    if (named === undefined) return;
    const path = this.player.path(named.path);
    const names = listXattr(path);
    this.player.expect(
      `attributes of ${named.path}`,
      String(names),
      String([...named.node.xattrs.keys()].sort()),
    );
    const name = [...named.node.xattrs.keys()][b % Math.max(1, named.node.xattrs.size)] ?? 'user.none';
    this.player.expect(
      `${name} of ${named.path}`,
      String(getXattr(path, name)),
      named.node.xattrs.get(name) ?? 'ENODATA',
    );
  }

  private removeAttribute({ a, b }: Operation): void {
    const named = this.attributed(a);
    if (named === undefined) return;
    const name = [...named.node.xattrs.keys()][b % Math.max(1, named.node.xattrs.size)] ?? 'user.none';
    const result = removeXattr(this.player.path(named.path), name);
    this.player.expect(`removexattr ${name}`, result, named.node.xattrs.has(name) ? 0 : 'ENODATA');
    const xattrs = new Map(named.node.xattrs);
    xattrs.delete(name);
    this.player.model.change(named.number, { xattrs });
  }
}
