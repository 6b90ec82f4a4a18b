# Talks to our echo server in one version, and prints how both of its connections ended, or what status
# it was refused with.

require_relative 'conversation'

PORT = ARGV[0].to_i
VERSION = { 'hixie-75' => 75, '0' => 76 }.fetch(ARGV[1], ARGV[1].to_i)

def check(condition, text)
  raise text unless condition
end

# Connects, and offers subprotocols. That of version 0 is a header of its own here, as the library calls it
# what only hixie-75 did.
def connect(*protocols)
  socket = TCPSocket.new('127.0.0.1', PORT)
  handshake = WebSocket::Handshake::Client.new(
    url: "ws://127.0.0.1:#{PORT}/",
    origin: "http://127.0.0.1:#{PORT}",
    version: VERSION,
    protocols: VERSION == 76 ? [] : protocols,
    headers: VERSION == 76 && !protocols.empty? ? { 'Sec-WebSocket-Protocol' => protocols[0] } : {}
  )
  socket.write(handshake.to_s)
  answer = read_answer(socket)
  handshake << answer
  check(handshake.valid?, 'the answer is not valid')
  names = handshake.headers.values_at('sec-websocket-protocol', 'websocket-protocol').compact
  check(names == protocols, "subprotocol #{names}")
  Connection.new(socket, VERSION, true, '', connection_key(handshake))
end

# No more than the answer, as the library takes what is behind it for a part of that.
def read_answer(socket)
  head = socket.gets("\r\n\r\n")
  status = head[%r{\AHTTP/1\.1 (\d+)}, 1]
  if status != '101'
    puts "refused #{status}"
    exit
  end
  VERSION == 76 ? head + socket.read(16) : head
end

def connection_key(handshake)
  return unless VERSION == 4
  key = handshake.to_s[/^Sec-WebSocket-Key: (.*)\r$/, 1]
  DraftMask.connection_key(key, handshake.headers.fetch('sec-websocket-nonce'))
end

def expect(connection, kind, payload)
  came, with = connection.receive
  return if came == kind && with == payload.b
  raise "#{came} of #{with.bytesize} bytes in place of #{kind} of #{payload.bytesize}"
end

def print_end(connection)
  kind, ending = connection.receive
  puts "#{kind}#{ending}"
  # Section 7.1.1 of RFC 6455: the server closes the connection first.
  connection.finish
end

connection = connect('echo')
LENGTHS.each do |length|
  text = text_of(length)
  connection.send_frame(:text, text)
  expect(connection, 'text', text)
  next if connection.hixie?
  bytes = bytes_of(length)
  connection.send_frame(:binary, bytes)
  expect(connection, 'binary', bytes)
end
unless connection.hixie?
  connection.send_fragments
  expect(connection, 'text', 'Hello')
  check(connection.pongs == %w[one two], "pongs #{connection.pongs}")
  connection.send_frame(:text, 'fragments')
  expect(connection, 'text', 'Hello')
end
connection.close(3001, 'done')
print_end(connection)

other = connect
other.send_frame(:text, 'close 4001 bye')
print_end(other)
