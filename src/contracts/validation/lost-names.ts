/** Objects of a request that had a key `__proto__`: it is taken out where JSON is read, and told where it matters. */
const lost = new WeakSet<object>();

export function noteLostName(object: object): void {
  lost.add(object);
}

/** Whether a key of the client's own is missing from an object, because no object may have it. */
export const hasLostName = (object: object): boolean => lost.has(object);
