/** Which Node the project runs on. Plain JavaScript of the oldest kind: it is read by those that are too old. */
const oldestNode = [20, 19];

/** A sentence saying why this Node cannot be used, or null. `version` as in `process.versions.node`. */
export function nodeProblem(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return null;
  return `This is Node ${version}; the project needs Node ${oldestNode.join(".")} or newer. Install it from your usual source and try again.`;
}
