// Plays a schedule in real time, as src/source.rs does: open loop, each message bearing the instant at which it was due.
import { readFileSync } from 'node:fs'

const BATCH_MAX = 4096
const wallUs = () => Math.floor((performance.timeOrigin + performance.now()) * 1000)

/** Calls `send(symbol, message)` for what is due, about every millisecond: finer timers are not to be had here. */
export function play(file, send) {
  const [head, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
  const [length, names] = head.split(' ')
  const symbols = names.split(',')
  const events = lines.map((line) => {
    const [due, symbol] = line.split(' ', 2)
    return { due: Number(due), symbol: Number(symbol), tail: line.slice(due.length + symbol.length + 2) }
  })
  const counts = symbols.map(() => 0)
  let began = wallUs()
  let next = 0
  let offset = 0
  const due = () => {
    const now = wallUs()
    for (let sent = 0; sent < BATCH_MAX; sent++) {
      if (next === events.length) {
        next = 0
        began += Number(length)
      }
      const { due, symbol, tail } = events[next]
      const ts = began + due
      if (ts > now) break
      next++
      const name = symbols[symbol]
      send(name, `{"T":"t","S":"${name}","n":${++counts[symbol]},"o":${++offset},"ts":${ts}${tail}`)
    }
    setTimeout(due, began + events[next % events.length].due <= now ? 0 : 1)
  }
  due()
}
