# What both sides say, over ruby-websocket: the messages of tests/peers/old/conversation.ts.

require 'digest/sha1'
require 'securerandom'
require 'socket'
require 'websocket'
require 'em-websocket/masking04'

WebSocket.should_raise = true

LENGTHS = [0, 125, 126, 65_535, 65_536].freeze

# A text of that many bytes of UTF-8.
def text_of(length)
  'aß→😀' * (length / 10) + 'a' * (length % 10)
end

# That many bytes, none like its neighbour.
def bytes_of(length)
  Array.new(length) { |index| index % 251 }.pack('C*')
end

# The masks of drafts 04 to 06 (section 4.3 of each), which ruby-websocket has not: in front of a client's
# frame stand four bytes, and all that follows is masked with what comes of them.
class DraftMask
  NONCE = 4

  # The key of a connection of draft 04, from the keys of its handshake.
  def self.connection_key(key, nonce)
    Digest::SHA1.digest("#{key}#{nonce}61AC5F19-FBBA-4540-B96F-6561F1AB40A8")
  end

  # @param connection_key of draft 04 alone
  def initialize(connection_key = nil)
    @connection_key = connection_key
    @masked = ''.b
  end

  def mask(frame)
    nonce = SecureRandom.random_bytes(NONCE)
    nonce + transform(nonce, frame)
  end

  # Gives the frames that are whole, unmasked.
  def unmask(bytes)
    @masked << bytes
    frames = ''.b
    while (length = frame_length)
      frame = @masked.slice!(0, NONCE + length)
      frames << transform(frame[0, NONCE], frame[NONCE..])
    end
    frames
  end

  private

  def transform(nonce, bytes)
    return hashed(nonce, bytes) if @connection_key
    masked = EventMachine::WebSocket::MaskedString.new(nonce + bytes)
    masked.read_mask
    masked.getbytes(NONCE, bytes.bytesize)
  end

  def hashed(nonce, bytes)
    key = Digest::SHA1.digest(nonce + @connection_key).bytes
    bytes.bytes.each_with_index.map { |byte, index| byte ^ key[index % key.length] }.pack('C*')
  end

  # Undefined until all of the first frame is there.
  def frame_length
    return if @masked.bytesize < NONCE + 2
    header = transform(@masked[0, NONCE], @masked[NONCE, 10])
    short = header.getbyte(1)
    size = { 126 => 4, 127 => 10 }.fetch(short, 2)
    return if header.bytesize < size
    length = size + { 126 => header[2, 2].unpack1('n'), 127 => header[2, 8]&.unpack1('Q>') }.fetch(short, short)
    length if @masked.bytesize >= NONCE + length
  end
end

# One connection whose handshake is done.
class Connection
  attr_reader :pongs

  # @param left what came behind the handshake
  def initialize(socket, version, is_client, left, connection_key = nil)
    @socket = socket
    @version = version
    @is_client = is_client
    @mask = DraftMask.new(connection_key) if [4, 5, 6].include?(version)
    # What is masked otherwise is to the library as a server's frames are, which are not.
    @incoming = (@mask || is_client ? WebSocket::Frame::Incoming::Client : WebSocket::Frame::Incoming::Server)
                .new(version: version)
    @outgoing = @mask || !is_client ? WebSocket::Frame::Outgoing::Server : WebSocket::Frame::Outgoing::Client
    @pongs = []
    @closes = false
    add(left)
  end

  def hixie?
    [75, 76].include?(@version)
  end

  def send_frame(type, data = '', code = nil)
    write(@outgoing.new(version: @version, type: type, data: data, code: code).to_s)
  end

  # A message in frames, which the library only makes whole ones: what it says of them is changed.
  def send_fragments
    send_part(:text, 'Hel') { |frame| frame.setbyte(0, frame.getbyte(0) & 0x7f) }
    send_frame(:ping, 'one')
    send_part(:text, 'l') { |frame| frame.setbyte(0, 0) }
    send_frame(:ping, 'two')
    send_part(:text, 'o') { |frame| frame.setbyte(0, 0x80) }
  end

  # The next message as its kind and its payload, or how the connection has ended.
  def receive
    loop do
      while (frame = @incoming.next)
        case frame.type
        when :ping then send_frame(:pong, frame.to_s)
        when :pong then @pongs << frame.to_s
        when :close
          answer(frame) unless @closes
          return ['closed', ending_of(frame)]
        else return [frame.type.to_s, frame.to_s.b]
        end
      end
      add(@socket.readpartial(65_536))
    end
  rescue EOFError
    ['ended', '']
  end

  # Begins the closing handshake; where a version has none, the end of the stream is all there is.
  def close(code, reason)
    @closes = true
    case @version
    when 75 then @socket.close_write
    when 76, 4 then send_frame(:close)
    # Draft 05 section 4.5.1: which side has sent it.
    when 5 then send_frame(:close, @is_client ? 'C' : 'S')
    when 6 then send_frame(:close, [code].pack('n') + reason)
    else send_frame(:close, reason, code)
    end
  end

  # Closes this half behind the other, which is to send nothing more.
  def finish
    raise 'more came' if @socket.read(1)
    @socket.close
  end

  private

  # Draft 04 section 4.5.1 wants the payload back; draft 05 says which side it is.
  def answer(frame)
    case @version
    when 5 then send_frame(:close, @is_client ? 'C' : 'S')
    else send_frame(:close, frame.to_s, frame.code)
    end
  end

  def send_part(type, data)
    # A masked frame's first byte is as open as another's.
    frame = @outgoing.new(version: @version, type: type, data: data).to_s
    yield frame
    write(frame)
  end

  def write(frame)
    @socket.write(@mask && @is_client ? @mask.mask(frame) : frame)
  end

  def add(bytes)
    @incoming << (@mask && !@is_client ? @mask.unmask(bytes) : bytes)
  end

  def ending_of(frame)
    data = frame.to_s
    return " #{frame.code} #{data}" if frame.code
    return " #{data}" if @version == 5
    @version == 6 && data.bytesize >= 2 ? " #{data.unpack1('n')} #{data[2..]}" : ''
  end
end
