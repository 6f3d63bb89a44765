/** The oldest Node that has what is used here, `node:sqlite` among it; `engines` in package.json says the same. */
const OLDEST = [22, 19] as const;

/**
 * One line for whoever runs this on a Node that is too old, before anything is loaded that such a Node does not know.
 *
 * @returns `undefined`: it is new enough
 */
export function oldNodeMessage(version = process.versions.node): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return undefined;
  return `Tollgate needs Node ${OLDEST.join('.')} or newer, and this is ${version}: install Node 24 (https://nodejs.org), or on Linux run npm ci, which brings it, and then npm start.`;
}
