# Echoes messages in whatever version a client speaks, one connection after the other; prints its port,
# and then how each connection ended.

require_relative 'conversation'

$stdout.sync = true
listener = TCPServer.new('127.0.0.1', 0)
puts listener.addr[1]

# Answers the handshake, and echoes. To draft 04 belongs a nonce, which the library does not send.
def serve(socket)
  handshake = WebSocket::Handshake::Server.new(protocols: ['echo'])
  handshake << socket.readpartial(65_536) until handshake.finished?
  raise 'the request is not valid' unless handshake.valid?
  answer = handshake.to_s
  if handshake.version == 4
    nonce = [SecureRandom.random_bytes(16)].pack('m0')
    answer.sub!(/\r\n\r\n\z/, "\r\nSec-WebSocket-Nonce: #{nonce}\r\n\r\n")
    connection_key = DraftMask.connection_key(handshake.headers['sec-websocket-key'], nonce)
  end
  socket.write(answer)
  echo(Connection.new(socket, handshake.version, false, '', connection_key))
end

def echo(connection)
  loop do
    kind, payload = connection.receive
    return puts "#{kind}#{payload}" if %w[closed ended].include?(kind)
    command = kind == 'text' ? payload : ''
    if (close = /\Aclose (\d+) (.*)\z/.match(command))
      connection.close(close[1].to_i, close[2])
    elsif command == 'fragments'
      connection.send_fragments
    else
      connection.send_frame(kind, payload)
    end
  end
end

loop do
  socket = listener.accept
  serve(socket)
  socket.close
end
