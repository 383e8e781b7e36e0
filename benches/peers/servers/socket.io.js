// Socket.IO with a room a symbol. Symbols are in the query of the handshake.
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { play } from './source.js'

const http = createServer()
const io = new Server(http, { transports: ['websocket'], pingInterval: 600_000 })
io.on('connection', (socket) => socket.join(socket.handshake.query.symbols.split(',')))
http.listen(0, '127.0.0.1', () => {
  console.log(`listening on ${http.address().port}`)
  // An object, as its users have it; it is encoded once for all of a room.
  play(process.argv[2], (symbol, message) => io.to(symbol).emit('t', JSON.parse(message)))
})
