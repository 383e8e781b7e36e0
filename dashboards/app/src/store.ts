/**
 * The latest state of every symbol, in plain arrays: messages are merged into it as they come, however many there are, and
 * whoever paints looks at `version` to see whether a symbol has changed. Memory grows with symbols only. No DOM.
 */
import type { Data, LostRange, Message, SymbolRow } from '@tickcast/client';

const FIRST_ROOM = 256;

export class Store {
  readonly names: string[] = [];
  readonly titles: string[] = [];
  /** Prices in steps of 10^-places; NaN where none is known. */
  last = new Float64Array(0);
  open = new Float64Array(0);
  bid = new Float64Array(0);
  ask = new Float64Array(0);
  /** Traded since the page was opened. */
  volume = new Float64Array(0);
  /** When the last update arrived, our clock, µs. */
  at = new Float64Array(0);
  places = new Uint8Array(0);
  /** Events known to be lost. */
  lost = new Float64Array(0);
  /** Counts the changes of a symbol. */
  version = new Uint32Array(0);
  /** Events that arrived (merged ones singly), and those of them that came merged into a later one. */
  received = 0;
  merged = 0;
  gaps = 0;
  private readonly index = new Map<string, number>();

  constructor() {
    this.reserve(FIRST_ROOM);
  }

  get size(): number {
    return this.names.length;
  }

  /** The row of a symbol; a new one if it was not known. */
  row(name: string): number {
    const known = this.index.get(name);
    if (known !== undefined) return known;
    const row = this.names.length;
    if (row === this.version.length) this.reserve(row * 2);
    this.index.set(name, row);
    this.names.push(name);
    this.titles.push('');
    return row;
  }

  /** Names and titles from `GET /v1/symbols`, in its order where they are new. */
  describe(symbols: readonly SymbolRow[]): void {
    for (const symbol of symbols) {
      const row = this.row(symbol.S);
      this.titles[row] = symbol.name;
      this.places[row] = symbol.places;
      this.touch(row);
    }
  }

  /** Merges one frame; true if a symbol has appeared. */
  apply(messages: readonly Message[], received_us: number): boolean {
    const before = this.size;
    for (const message of messages) {
      if (message.T === 't' || message.T === 'm' || message.T === 'q') {
        this.event(message, received_us);
      }
    }
    return this.size > before;
  }

  /** A hole that was found or announced. */
  hole(gap: LostRange): void {
    const row = this.row(gap.S);
    this.lost[row]! += gap.to - gap.from + 1;
    this.gaps += 1;
    this.touch(row);
  }

  private event(event: Exclude<Data, { T: 's' }>, received_us: number): void {
    const row = this.row(event.S);
    const first = 'n0' in event ? (event.n0 ?? event.n) : event.n;
    this.places[row] = event.places;
    if (event.T === 'q') {
      this.bid[row] = event.b;
      this.ask[row] = event.a;
    } else {
      if (Number.isNaN(this.open[row])) this.open[row] = event.T === 'm' ? event.O : event.p;
      this.last[row] = event.p;
      if (!event.snap) this.volume[row]! += event.v;
    }
    this.at[row] = received_us;
    this.touch(row);
    if (event.snap) return;
    this.received += event.n - first + 1;
    this.merged += event.n - first;
  }

  private touch(row: number): void {
    this.version[row]! += 1;
  }

  private reserve(room: number): void {
    const grown = (old: Float64Array, empty: number): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(room).fill(empty, old.length);
      larger.set(old);
      return larger;
    };
    this.last = grown(this.last, NaN);
    this.open = grown(this.open, NaN);
    this.bid = grown(this.bid, NaN);
    this.ask = grown(this.ask, NaN);
    this.at = grown(this.at, NaN);
    this.volume = grown(this.volume, 0);
    this.lost = grown(this.lost, 0);
    const places = new Uint8Array(room);
    places.set(this.places);
    this.places = places;
    const version = new Uint32Array(room);
    version.set(this.version);
    this.version = version;
  }
}
