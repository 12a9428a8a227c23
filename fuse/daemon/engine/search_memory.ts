import { queryBytes, SCAN_SCRATCH_BYTES, scanRequest, topkBytes } from '../../engine/index.js';
import { allocateMemory, freeMemory, type Memory, PAGE_SIZE } from '../../system/index.js';
import { aligned } from '../cache_line.js';

/** Where the parts of a search lie: queries, their answers, and what one query needs besides. */
export interface Places {
  readonly query: number;
  readonly values: number;
  readonly row: number;
  readonly scan: number;
  readonly scratch: number;
  readonly topk: number;
  readonly distances: number;
  readonly ids: number;
  readonly counts: number;
  readonly window: number;
}

/** What the places have to be enough for. */
export interface Room {
  readonly dimensions: number;
  readonly k: number;
  readonly windowBytes: number;
  readonly queries: number;
}

/** Memory of this thread, grown to what the largest search needed. */
let memory: Memory | undefined;
let room: Room | undefined;
let places: Places | undefined;

/** Room for so many queries, as the search before left it. */
export function placesFor(wanted: Room): Places {
  if (
    places === undefined ||
    room?.dimensions !== wanted.dimensions ||
    room.k !== wanted.k ||
    room.windowBytes !== wanted.windowBytes ||
    room.queries !== wanted.queries
  ) {
    places = lay(wanted);
    room = wanted;
  }
  return places;
}

function lay({ dimensions, k, windowBytes, queries }: Room): Places {
  let total = 0;
  const place = (bytes: number): number => {
    const at = total;
    total += aligned(bytes);
    return at;
  };
  const offsets: Places = {
    query: place(queryBytes(dimensions)),
    values: place(queries * dimensions * 4),
    row: place(dimensions * 4),
    scan: place(scanRequest.$.size),
    scratch: place(SCAN_SCRATCH_BYTES),
    topk: place(topkBytes(k)),
    distances: place(queries * k * 4),
    ids: place(queries * k * 8),
    counts: place(queries * 4),
    window: place(windowBytes),
  };
  const { address } = take(total);
  const at = (offset: number): number => address + offset;
  return {
    query: at(offsets.query),
    values: at(offsets.values),
    row: at(offsets.row),
    scan: at(offsets.scan),
    scratch: at(offsets.scratch),
    topk: at(offsets.topk),
    distances: at(offsets.distances),
    ids: at(offsets.ids),
    counts: at(offsets.counts),
    window: at(offsets.window),
  };
}

function take(bytes: number): Memory {
  if (memory === undefined || memory.bytes.length < bytes) {
    if (memory !== undefined) freeMemory(memory);
    memory = undefined;
    places = undefined;
    memory = allocateMemory(Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE);
  }
  return memory;
}
