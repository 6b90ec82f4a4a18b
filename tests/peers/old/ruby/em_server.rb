# Echoes messages with em-websocket in whatever version a client speaks; prints its port, and then how each
# connection ended.

require 'em-websocket'

$stdout.sync = true

# Does what a text says, or sends it back.
def obey(socket, text)
  if (close = /\Aclose (\d+) (.*)\z/.match(text))
    socket.close(close[1].to_i, close[2])
  elsif text == 'fragments'
    # It makes no fragments; pings are all that it can send before the message.
    socket.ping('one')
    socket.ping('two')
    socket.send('Hello')
  else
    socket.send(text)
  end
end

EM.run do
  EM::WebSocket.run(host: '127.0.0.1', port: 0) do |socket|
    socket.onmessage { |text| obey(socket, text) }
    socket.onbinary { |bytes| socket.send_binary(bytes) }
    socket.onpong { |payload| puts "pong #{payload}" }
    socket.onclose { |event| puts "closed #{event[:code]} #{event[:reason]}".strip }
    socket.onerror { |error| puts "error #{error.message}" }
  end.then do |signature|
    puts Socket.unpack_sockaddr_in(EM.get_sockname(signature))[0]
  end
end
