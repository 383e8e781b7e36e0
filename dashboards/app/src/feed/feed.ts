/**
 * The page's end of the worker: typed requests and events, and one drain per animation frame. A batch that has come waits
 * for the next frame; only when that has been painted is the next one asked for.
 */
import type { Batch, BarsQuestion, FromWorker, Route, ToWorker } from './talk.ts';

type Said<K extends FromWorker['say']> = Extract<FromWorker, { say: K }>;
type Streamed = Exclude<FromWorker['say'], 'batch' | 'bars' | 'failed'>;
type Listeners = { [K in Streamed]?: (message: Said<K>) => void };

/**
 * A batch waits so long since the last one was painted, which makes every second frame of a usual screen. More cannot be read,
 * and would have the browser style, lay out and paint the list twice as often.
 */
const REST_MS = 25;
/** What paints in a frame of its own does so in the next one. */
const FRAME_MS = 16;

interface Waiting {
  resolve(bars: Float64Array<ArrayBuffer>): void;
  reject(error: Error): void;
}

export class Feed {
  private readonly worker = new Worker(new URL('./worker.ts', import.meta.url), {
    type: 'module',
    name: 'feed',
  });
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners: Listeners = {};
  private batch: Batch | undefined;
  private paintedAt = 0;
  private resting: ReturnType<typeof setTimeout> | undefined;
  private scheduled = false;
  private aside: (() => void) | undefined;
  private nextId = 1;

  /** `paint` is called at most once a frame, with what has changed, if anything has. */
  constructor(private readonly paint: (batch: Batch | undefined) => void) {
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.hear(data);
  }

  on<K extends Streamed>(say: K, listener: (message: Said<K>) => void): void {
    this.listeners[say] = listener as never;
  }

  open(url: string, route: Route): void {
    this.tell({ ask: 'open', url, route });
    this.worker.postMessage({ ask: 'visible', visible: !document.hidden } satisfies ToWorker);
    document.addEventListener('visibilitychange', () => {
      this.tell({ ask: 'visible', visible: !document.hidden });
    });
    window.addEventListener('pageshow', () => this.tell({ ask: 'wake' }));
    window.addEventListener('online', () => this.tell({ ask: 'wake' }));
  }

  tell(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  /** Bars of the past, packed as `BAR` says. */
  bars(question: BarsQuestion): Promise<Float64Array<ArrayBuffer>> {
    const id = this.nextId++;
    this.tell({ ask: 'bars', id, question });
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  /** Something of the page itself has changed: the next frame shows it. */
  repaint(): void {
    clearTimeout(this.resting);
    this.resting = undefined;
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => this.drain());
  }

  /**
   * Leaves the next turn to something else that paints much, such as the chart: `begin` starts it. In the frame right after
   * the list it would run beside the browser's own painting of the list, and wait for a processor.
   */
  next(begin: () => void): void {
    this.aside = begin;
    this.soon();
  }

  /** As `repaint`, but not before the last frame has rested. */
  soon(): void {
    if (this.scheduled) return;
    const wait_ms = this.paintedAt + REST_MS - performance.now();
    if (wait_ms <= 0) this.repaint();
    else this.resting ??= setTimeout(() => this.repaint(), wait_ms);
  }

  private drain(): void {
    this.scheduled = false;
    this.paintedAt = performance.now();
    const { aside } = this;
    if (aside) {
      this.aside = undefined;
      this.paintedAt += FRAME_MS;
      aside();
      return this.soon();
    }
    const batch = this.batch;
    this.batch = undefined;
    this.paint(batch);
    if (batch) this.tell({ ask: 'drained' });
  }

  private hear(message: FromWorker): void {
    switch (message.say) {
      case 'batch':
        this.batch = message.batch;
        return this.soon();
      case 'bars':
        this.waiting.get(message.id)?.resolve(message.bars);
        return void this.waiting.delete(message.id);
      case 'failed':
        this.waiting.get(message.id)?.reject(new Error(message.why));
        return void this.waiting.delete(message.id);
      default:
        this.listeners[message.say]?.(message as never);
    }
  }
}
