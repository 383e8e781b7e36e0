/** Decoding: exact prices, and frames that break the contract. */
import { describe, expect, it } from 'vitest';
import { decodeJson, DecodeError, formatPrice } from '../src/index.ts';
import { decodeMsgpack, SymbolTable } from '../src/msgpack_entry.ts';
import { parsePrice, rescale } from '../src/price.ts';
import { readMsgpack } from '../src/msgpack.ts';
import { writeMsgpack } from '../src/msgpack_write.ts';

describe('prices', () => {
  it.each([
    [18720, 2, '187.20'],
    [5, 2, '0.05'],
    [-7, 1, '-0.7'],
    [5, 0, '5'],
    [0, 3, '0.000'],
    [9007199254740991, 8, '90071992.54740991'],
  ])('%i with %i places is %s, and back', (units, places, text) => {
    expect(formatPrice(units, places)).toBe(text);
    expect(parsePrice(text)).toEqual({ units, places });
  });

  it('refuses what is no plain decimal, or has too many digits', () => {
    for (const text of ['', '1e5', '.5', '1.', 'NaN', '123456789012345678.1']) {
      expect(() => parsePrice(text)).toThrow(RangeError);
    }
  });

  it('changes places only where that is exact', () => {
    expect(rescale(15, 1, 3)).toBe(1500);
    expect(rescale(1500, 3, 1)).toBe(15);
    expect(rescale(1501, 3, 1)).toBeUndefined();
  });
});

describe('JSON', () => {
  it('keeps places that a binary fraction would lose', () => {
    const [trade] = decodeJson('[{"T":"t","S":"A","n":1,"o":1,"ts":1,"p":187.20,"v":1,"d":0}]');
    expect(trade).toMatchObject({ p: 18720, places: 2 });
  });

  it('leaves text alone that looks like a price', () => {
    const [error] = decodeJson('[{"T":"error","code":"bad_request","msg":"at \\"p\\":1.50,"}]');
    expect(error).toMatchObject({ msg: 'at "p":1.50,' });
  });

  it.each(['', '{}', '[', 'null', '[{"p":12345678901234567890}]'])('refuses %s', (text) => {
    expect(() => decodeJson(text)).toThrow(DecodeError);
  });
});

describe('MessagePack', () => {
  it('reads back what it writes', () => {
    const request = {
      op: 'subscribe',
      id: 1,
      symbols: Array.from({ length: 300 }, (_, i) => `S${i}`),
      channels: ['trades'],
      snapshot: true,
      interval_ms: 250,
      token: 'ü'.repeat(40),
      big: 1_763_700_000_123_456,
      less: -5,
      half: 0.5,
      nothing: null,
    };
    expect(readMsgpack(writeMsgpack({ ...request, left_out: undefined }))).toEqual(request);
  });

  it('refuses every truncation of a frame', () => {
    const bytes = writeMsgpack([{ T: 'error', code: 'internal', msg: 'x'.repeat(50), a: [1, 2] }]);
    for (let end = 0; end < bytes.length; end++) {
      expect(() => decodeMsgpack(bytes.subarray(0, end), new SymbolTable())).toThrow();
    }
  });

  it.each([
    ['bytes after the frame', [0x90, 0x90]],
    ['an array longer than the frame', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['an integer beyond 2^53', [0x91, 0xcf, 0x00, 0x40, 0, 0, 0, 0, 0, 0]],
    ['an unknown type number', [0x91, 0x92, 0x0f, 0x00]],
    ['a symbol that was not announced', [0x91, 0x96, 0x05, 0x03, 0x01, 0x01, 0x01, 0xa1, 0x78]],
    ['text that is not UTF-8', [0x91, 0x81, 0xa1, 0x54, 0xa1, 0xff]],
    ['an extension type', [0x91, 0xc7, 0x01, 0x01, 0x00]],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeMsgpack(new Uint8Array(bytes), new SymbolTable())).toThrow(DecodeError);
  });
});
