/**
 * Cuts a streamed answer into frames: lines of NDJSON, or events of `text/event-stream` (WHATWG HTML, 9.2.6). Gives whole
 * frames only; what an answer that breaks off leaves is dropped. A frame's size has a bound.
 */
import { DecodeError } from '../errors.ts';

/** Characters of a frame; the largest snapshot stays far below. */
const FRAME_MAX = 64 << 20;

export interface Chunk {
  /** The frame's text; absent on a mere sign of life. */
  data?: string;
  /** The cursor that an event of SSE bears. */
  id?: string;
}

/** Splits text that comes in pieces. */
export class Lines {
  #rest = '';

  /** The lines that `piece` completes. Ends are LF, CR LF or CR. */
  push(piece: string): string[] {
    const text = this.#rest + piece;
    // A CR at the end may be half of a CR LF.
    const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r', text.length - 2)) + 1;
    this.#rest = text.slice(end);
    if (this.#rest.length > FRAME_MAX) throw new DecodeError('a frame has no end');
    return end === 0
      ? []
      : text
          .slice(0, end)
          .split(/\r\n|\n|\r/)
          .slice(0, -1);
  }
}

/** `/v1/stream`: each line is a frame. */
export class NdjsonFrames {
  readonly #lines = new Lines();

  push(piece: string): Chunk[] {
    return this.#lines.push(piece).map((data) => (data === '' ? {} : { data }));
  }
}

/** `/v1/sse`: an event is what stands before an empty line. */
export class SseFrames {
  readonly #lines = new Lines();
  #data: string[] = [];
  #size = 0;
  #id: string | undefined;

  push(piece: string): Chunk[] {
    const chunks: Chunk[] = [];
    for (const line of this.#lines.push(piece)) {
      if (line === '') {
        const id = this.#id === undefined ? {} : { id: this.#id };
        if (this.#data.length > 0) chunks.push({ data: this.#data.join('\n'), ...id });
        this.#data = [];
        this.#size = 0;
        this.#id = undefined;
      } else this.#field(line);
    }
    return chunks;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (name === 'data') this.#data.push(value);
    else if (name === 'id') this.#id = value;
    this.#size += value.length;
    if (this.#size > FRAME_MAX) throw new DecodeError('an event has no end');
  }
}
