# What both sides say, over Protocol::WebSocket: the messages of tests/peers/old/conversation.ts.
package Conversation;
use strict;
use warnings;
use Encode ();
use Protocol::WebSocket::Frame;

our @LENGTHS = (0, 125, 126, 65_535, 65_536);

# What the library calls a version: it knows versions 7 and 8 as draft 10.
our %DRAFTS = (
    'hixie-75' => 'draft-hixie-75',
    0          => 'draft-ietf-hybi-00',
    7          => 'draft-ietf-hybi-10',
    8          => 'draft-ietf-hybi-10',
    13         => 'draft-ietf-hybi-17',
);

# A text of that many bytes of UTF-8.
sub text_of {
    my ($length) = @_;
    my $letters = Encode::encode('UTF-8', "a\x{df}\x{2192}\x{1f600}");
    return $letters x int($length / 10) . 'a' x ($length % 10);
}

# That many bytes, none like its neighbour.
sub bytes_of {
    my ($length) = @_;
    my $all = join '', map { chr } 0 .. 250;
    return substr $all x (int($length / 251) + 1), 0, $length;
}

# One connection whose handshake is done; $left is what came behind that.
sub new {
    my ($class, $socket, $handshake, $draft, $left) = @_;
    my $self = {
        socket    => $socket,
        handshake => $handshake,
        is_hixie  => $draft eq 'draft-hixie-75' || $draft eq 'draft-ietf-hybi-00',
        has_close => $draft ne 'draft-hixie-75',
        frame     => $handshake->build_frame,
        pongs     => [],
    };
    $self->{frame}->append($left);
    return bless $self, $class;
}

sub send_frame {
    my ($self, %frame) = @_;
    my ($bytes, $sent) = ($self->{handshake}->build_frame(%frame)->to_bytes, 0);
    while ($sent < length $bytes) {
        $sent += syswrite($self->{socket}, $bytes, length($bytes) - $sent, $sent)
            // die "the peer is gone: $!";
    }
}

sub send_fragments {
    my ($self) = @_;
    $self->send_frame(type => 'text',         buffer => 'Hel', fin => 0);
    $self->send_frame(type => 'ping',         buffer => 'one');
    $self->send_frame(type => 'continuation', buffer => 'l', fin => 0);
    $self->send_frame(type => 'ping',         buffer => 'two');
    $self->send_frame(type => 'continuation', buffer => 'o');
}

# The next message as its kind and its payload, or how the connection has ended.
sub receive {
    my ($self) = @_;
    my $frame = $self->{frame};
    for (;;) {
        while (defined(my $payload = $frame->next_bytes)) {
            if (!$self->{is_hixie} && $frame->is_ping) {
                $self->send_frame(type => 'pong', buffer => $payload);
            }
            elsif (!$self->{is_hixie} && $frame->is_pong) {
                push @{ $self->{pongs} }, $payload;
            }
            elsif ($frame->is_close) {
                $self->send_frame(type => 'close', buffer => $payload) unless $self->{has_closed};
                return ('closed', ending_of($payload));
            }
            else {
                return ($frame->is_binary ? 'binary' : 'text', $payload);
            }
        }
        my $count = sysread $self->{socket}, my $bytes, 65_536;
        return ('ended', '') unless $count;
        $frame->append($bytes);
    }
}

# Begins the closing handshake; where a version has none, the end of the stream is all there is.
sub close {
    my ($self, $code, $reason) = @_;
    $self->{has_closed} = 1;
    return shutdown $self->{socket}, 1 unless $self->{has_close};
    $self->send_frame(type => 'close', buffer => $self->{is_hixie} ? '' : pack('n', $code) . $reason);
}

sub ending_of {
    my ($payload) = @_;
    return length $payload < 2 ? '' : ' ' . unpack('n', $payload) . ' ' . substr $payload, 2;
}

1;
