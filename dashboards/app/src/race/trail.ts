/**
 * Differences over the last seconds: totals that only grow are noted now and then, and what happened in the window is the
 * newest note minus the oldest. Forgets everything when the course changes, so that old figures do not mix with new ones.
 */
export class Trail<T> {
  private readonly notes: { at_ms: number; totals: T }[] = [];

  constructor(private readonly window_ms: number) {}

  note(at_ms: number, totals: T): void {
    this.notes.push({ at_ms, totals });
    while (this.notes.length > 2 && at_ms - this.notes[1]!.at_ms >= this.window_ms) {
      this.notes.shift();
    }
  }

  forget(): void {
    this.notes.length = 0;
  }

  /** The oldest and the newest note, and the seconds between them; nothing before there are two. */
  span(): { from: T; to: T; seconds: number } | undefined {
    const [first, last] = [this.notes[0], this.notes.at(-1)];
    if (!first || !last || last.at_ms <= first.at_ms) return undefined;
    return { from: first.totals, to: last.totals, seconds: (last.at_ms - first.at_ms) / 1000 };
  }
}
