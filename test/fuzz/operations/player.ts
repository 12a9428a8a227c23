/** Does what operations say to a mounted volume and to its model, and compares what each call answers. */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import type { Backend } from '../../parity/backend/backend.js';
import { syncFilesystem } from '../../parity/operations/calls.js';
import { EmbeddingOperations } from './embedding_operations.js';
import { FileOperations } from './file_operations.js';
import { IndexOperations } from './index_operations.js';
import { Model, type ModelParts, type Named, type Node } from './model.js';
import { NameOperations } from './name_operations.js';
import { difference, observe } from './observed.js';
import type { Kind, Operation } from './operation.js';
import { RowOperations } from './row_operations.js';

/** States kept since the last one that is durable; more, and one is made so. */
const MOST_STATES = 24;

export class Player {
  /** Path of the folder that the model stands for. */
  readonly root: string;
  model = new Model();
  /** What a crash may bring back: the last durable state, and one for each change since. */
  private states: Model[] = [this.model.copy()];
  private readonly backend: Backend;
  private readonly afterCrash: () => void;
  private readonly actions: Readonly<Record<Kind, (operation: Operation) => void | Promise<void>>>;
  private operation: Operation = { kind: 'look', a: 0, b: 0, c: 0, d: 0 };

  constructor(root: string, backend: Backend, afterCrash: () => void) {
    this.root = root;
    this.backend = backend;
    this.afterCrash = afterCrash;
    this.actions = {
      ...new NameOperations(this).actions,
      ...new FileOperations(this).actions,
      ...new RowOperations(this).actions,
      ...new EmbeddingOperations(this).actions,
      ...new IndexOperations(this).actions,
      synchronise: ({ a }) => this.synchronise(a),
      remount: () => this.remount(),
      crash: (operation) => this.crash(operation),
    };
  }

  /** Throws an Error that names the operation and what it should have done. */
  async play(operation: Operation): Promise<void> {
    this.operation = operation;
    await this.actions[operation.kind](operation);
    this.states.push(this.model.copy());
    if (this.states.length > MOST_STATES) this.synchronise(0);
  }

  fail(what: string): never {
    const { kind, a, b, c, d } = this.operation;
    throw new Error(`${kind} ${a} ${b} ${c} ${d}: ${what}`);
  }

  expect(what: string, got: unknown, wanted: unknown): void {
    if (got !== wanted) this.fail(`${what}: ${String(got)}, not ${String(wanted)}`);
  }

  /** The name of the errno that a call throws, or `ok`. */
  outcome(work: () => void): string {
    try {
      work();
      return 'ok';
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      return code;
    }
  }

  /** An entry, chosen by a number, that a filter lets through. */
  choose(number: number, filter: (node: Node) => boolean = () => true): Named | undefined {
    const list = [...this.model.all()].filter(({ node }) => filter(node));
    return list.length === 0 ? undefined : list[number % list.length]!;
  }

  directory(number: number): { path: string; number: number } {
    const list = this.model.directories();
    return list[number % list.length]!;
  }

  path(relative: string): string {
    return this.root + relative;
  }

  /** Opens for the time of `work`. */
  withFile<T>(relative: string, flags: number, work: (fd: number) => T): T {
    const fd = openSync(this.path(relative), flags);
    try {
      return work(fd);
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Makes all durable that came before it: for the daemon fsync of any directory does that, for the module, as on other
   * filesystems, syncfs.
   */
  synchronise(number: number): void {
    const fd = openSync(this.path(this.directory(number).path), 0);
    try {
      this.expect(
        'fsync',
        this.backend.name === 'kernel' ? syncFilesystem(fd) : this.outcome(() => fsyncSync(fd)),
        'ok',
      );
    } finally {
      closeSync(fd);
    }
    this.states = [this.model.copy()];
  }

  /** For a player in another process, which goes on after an unmount (`isDurable`) or a crash. */
  handOver(isDurable: boolean): Uint8Array {
    const states = isDurable ? [this.model] : this.states;
    return serialize(states.map((state) => state.parts()));
  }

  /** Goes on where another player has ended. */
  takeOver(handed: Uint8Array): void {
    const states = deserialize(handed) as ModelParts[];
    this.states = states.map(([nodes, next]) => new Model(nodes, next));
    this.recognise();
  }

  private async remount(): Promise<void> {
    await this.backend.remount();
    this.states = [this.model.copy()];
    this.compare();
  }

  /** The daemon is killed; afterwards the volume is as it was after one of the changes since the last durable state. */
  private async crash({ a, b }: Operation): Promise<void> {
    if (a % 2 === 0) this.synchronise(b);
    await this.backend.crash();
    this.afterCrash();
    await this.backend.mount();
    this.recognise();
  }

  /** What a mount shows has to be one of the states that are possible; from now on it is the model. */
  private recognise(): void {
    const seen = observe(this.root, (path) => this.idsAt(path));
    const reasons: string[] = [];
    for (const state of [...this.states].reverse()) {
      const wrong = difference(seen, state, (number) => this.versions(number));
      if (wrong === undefined) {
        this.model = state.copy();
        this.adopt(seen);
        this.synchronise(0);
        return;
      }
      reasons.push(wrong);
    }
    this.fail(
      `none of ${this.states.length} possible states is there: ${[...new Set(reasons)].slice(0, 6).join('; ')}`,
    );
  }

  /** All ids that a file with this path has had lately. */
  private idsAt(path: string): Iterable<bigint> {
    const ids = new Set<bigint>();
    for (const state of [...this.states, this.model]) {
      for (const named of state.all()) {
        if (named.path === path) for (const id of named.node.rows?.live.keys() ?? []) ids.add(id);
      }
    }
    return ids;
  }

  private versions(number: number): Node[] {
    return this.states.map((state) => state.get(number)).filter((node) => node !== undefined);
  }

  /** Bytes may be those of one state or another: what is there counts from now on. */
  private adopt(seen: ReturnType<typeof observe>): void {
    for (const { path, number, node } of [...this.model.all()]) {
      const found = seen.get(path)!;
      if (node.kind !== 'file') continue;
      if (node.rows === undefined) this.model.change(number, { content: found.content });
      else {
        const live = new Map([...node.rows.live.keys()].map((id) => [id, found.rows!.bytes.get(id)!]));
        this.model.change(number, { rows: { ...node.rows, live } });
      }
    }
  }

  /** Everything that the mount shows against the model. */
  compare(): void {
    const wrong = difference(
      observe(this.root, (path) => this.idsAt(path)),
      this.model,
    );
    if (wrong !== undefined) this.fail(wrong);
  }
}
