/**
 * `@tickcast/client/msgpack`: the binary format. The client loads it by itself when `format` is `msgpack`; import it only
 * to decode frames yourself.
 */
import { decodeMsgpack, SymbolTable } from './frames.ts';
import type { Codec } from './link.ts';
import { writeMsgpack } from './msgpack_write.ts';

export { decodeMsgpack, SymbolTable, writeMsgpack };

/** The codec of one connection: ids are announced for each anew. */
export function msgpackCodec(): Codec {
  const table = new SymbolTable();
  return { decode: (bytes) => decodeMsgpack(bytes, table), encode: writeMsgpack };
}
