/** What a plugin does asynchronously ends, or is given up. */

/**
 * What the work comes to.
 * @throws Error when it takes longer than the limit; what it does after that is not heard of
 */
export async function within<T>(limitSeconds: number, work: () => T | PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`it gave no answer within ${limitSeconds} s (the setting hookSeconds)`)),
      Math.min(limitSeconds * 1000, 2 ** 31 - 1),
    );
  });
  try {
    return await Promise.race([(async () => work())(), late]);
  } finally {
    clearTimeout(timer);
  }
}
