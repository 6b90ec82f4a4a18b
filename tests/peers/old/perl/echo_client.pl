# Talks to our echo server in one version, and prints how both of its connections ended, or what
# status it was refused with.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Conversation;
use IO::Socket::INET;
use Protocol::WebSocket::Handshake::Client;

my ($port, $version) = @ARGV;
my $draft = $Conversation::DRAFTS{$version};

sub connect_to {
    my ($subprotocol) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $@;
    my $handshake = Protocol::WebSocket::Handshake::Client->new(
        url     => "ws://127.0.0.1:$port/",
        version => $draft,
    );
    $handshake->req->subprotocol($subprotocol) if defined $subprotocol;
    syswrite $socket, $handshake->to_string;
    my ($answer, $bytes) = ('', '');
    until ($handshake->is_done) {
        sysread($socket, $bytes, 65_536) or die "ended inside the handshake: $answer";
        $answer .= $bytes;
        if ($answer =~ m{^HTTP/1\.1 (\d+)} && $1 ne '101') {
            print "refused $1\n";
            exit;
        }
        $handshake->parse($bytes) or die $handshake->error;
    }
    my $chosen = $handshake->res->subprotocol // '';
    die "subprotocol $chosen" unless $chosen eq ($subprotocol // '');
    return Conversation->new($socket, $handshake, $draft, $bytes);
}

sub expect {
    my ($connection, $kind, $payload) = @_;
    my ($came, $with) = $connection->receive;
    return if $came eq $kind && $with eq $payload;
    die "$came of ${\length $with} bytes in place of $kind of ${\length $payload}";
}

sub print_end {
    my ($connection) = @_;
    my ($kind, $ending) = $connection->receive;
    print "$kind$ending\n";
    # Section 7.1.1 of RFC 6455: the server closes the connection first.
    die 'more came' if $kind eq 'closed' && sysread $connection->{socket}, my $bytes, 1;
    close $connection->{socket};
}

my $connection = connect_to('echo');
for my $length (@Conversation::LENGTHS) {
    my $text = Conversation::text_of($length);
    $connection->send_frame(type => 'text', buffer => $text);
    expect($connection, 'text', $text);
    next if $connection->{is_hixie};
    my $bytes = Conversation::bytes_of($length);
    $connection->send_frame(type => 'binary', buffer => $bytes);
    expect($connection, 'binary', $bytes);
}
unless ($connection->{is_hixie}) {
    $connection->send_fragments;
    expect($connection, 'text', 'Hello');
    die "pongs @{ $connection->{pongs} }" unless "@{ $connection->{pongs} }" eq 'one two';
    $connection->send_frame(type => 'text', buffer => 'fragments');
    expect($connection, 'text', 'Hello');
}
$connection->close(3001, 'done');
print_end($connection);

my $other = connect_to();
$other->send_frame(type => 'text', buffer => 'close 4001 bye');
print_end($other);
