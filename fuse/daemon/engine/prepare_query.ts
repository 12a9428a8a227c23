import { ElementType, isElementType, type SearchType } from '@vexfs/shared';
import { bestCpu, decodeRows, encodeRows, firstNotFinite, prepareQuery } from '../../engine/index.js';
import type { Places } from './search_memory.js';

/**
 * Makes the query at `values` ready in its place, converted as a stored row would be, so that a row finds itself at distance 0
 * whatever its type. False for one that no row could be.
 */
export function prepareIn(
  { query, row }: Places,
  values: number,
  metric: SearchType,
  element: number,
  dimensions: number,
): boolean {
  if (firstNotFinite(bestCpu, values, dimensions) !== dimensions) return false;
  if (!isElementType(element)) return false;
  if (element !== ElementType.FLOAT32) {
    if (encodeRows(bestCpu, element, dimensions, values, 1, row, dimensions * 4) !== 1) return false;
    if (decodeRows(bestCpu, element, dimensions, row, dimensions * 4, 1, values) !== 0) return false;
  }
  return prepareQuery(bestCpu, query, metric, element, dimensions, values) === 0;
}
