/**
 * When somebody comes back to the page: what a page may ask then, it need not ask every few seconds.
 */

/** Resolves when the window is looked at again. */
export function seenAgain(): Promise<void> {
  return new Promise((resolve) => {
    const seen = (): void => {
      if (document.hidden) return;
      window.removeEventListener('focus', seen);
      document.removeEventListener('visibilitychange', seen);
      resolve();
    };
    window.addEventListener('focus', seen);
    document.addEventListener('visibilitychange', seen);
  });
}
