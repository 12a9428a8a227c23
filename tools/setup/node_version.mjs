const NEEDED = [20, 19];

/**
 * Why this Node cannot run VexFS, as a sentence; undefined when it can.
 * @param {string} version as in process.versions.node
 */
export function nodeProblem(version) {
  const [major, minor] = version.split('.').map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return undefined;
  return `VexFS needs Node ${NEEDED.join('.')} or newer, and this is ${version}: install a current release and try again.`;
}
