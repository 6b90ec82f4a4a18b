# Echoes messages in whatever version a client speaks, one connection after the other; prints its port,
# and then how each connection ended.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Conversation;
use IO::Socket::INET;
use Protocol::WebSocket::Handshake::Server;

$| = 1;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die $@;
print $listener->sockport, "\n";

while (my $socket = $listener->accept) {
    my $handshake = Protocol::WebSocket::Handshake::Server->new;
    my $bytes     = '';
    until ($handshake->is_done) {
        sysread($socket, $bytes, 65_536) or die 'ended inside the handshake';
        $handshake->parse($bytes) or die $handshake->error;
    }
    # It takes the last name that is offered.
    my $offered = $handshake->req->subprotocol;
    $handshake->res->subprotocol((split /, */, $offered)[-1]) if defined $offered;
    syswrite $socket, $handshake->to_string;
    my $connection = Conversation->new($socket, $handshake, $handshake->version, $bytes);
    for (;;) {
        my ($kind, $payload) = $connection->receive;
        if ($kind eq 'closed' || $kind eq 'ended') {
            print "$kind$payload\n";
            last;
        }
        if ($kind eq 'text' && $payload =~ /^close (\d+) (.*)$/) {
            $connection->close($1, $2);
        }
        elsif ($kind eq 'text' && $payload eq 'fragments') {
            $connection->send_fragments;
        }
        else {
            $connection->send_frame(type => $kind, buffer => $payload);
        }
    }
    close $socket;
}
