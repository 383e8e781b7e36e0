// `ws`, with a loop of sends over a symbol's subscribers, as its own README does it. A client's first message is a comma
// list of symbols.
import { WebSocketServer } from 'ws'
import { play } from './source.js'

const subscribers = new Map()
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 }, () => {
  console.log(`listening on ${server.address().port}`)
  play(process.argv[2], (symbol, message) => {
    for (const socket of subscribers.get(symbol) ?? []) socket.send(message)
  })
})
server.on('connection', (socket) => {
  socket.once('message', (list) => {
    for (const symbol of String(list).split(',')) {
      if (!subscribers.has(symbol)) subscribers.set(symbol, new Set())
      subscribers.get(symbol).add(socket)
    }
  })
})
