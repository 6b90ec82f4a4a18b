/*
 * The load generator: WebSocket clients by raw TCP and epoll, on Linux, in one thread.
 *
 *     cc -O2 -std=gnu11 -o load load.c
 *     cc -O2 -std=gnu11 -DWITH_ZLIB -DWITH_OPENSSL -o load load.c -lz -lssl -lcrypto
 *     load throughput --port 9001 --connections 64 --pipeline 16 --size 125 --warmup 0.5 --seconds 3
 *     load rate       --port 9001 --connections 64 --rate 20000 --size 125 --warmup 0.5 --seconds 3
 *     load idle       --port 9001 --connections 5000 --seconds 60
 *     load broadcast  --port 9001 --connections 1000 --pipeline 2 --size 125 --path /broadcast
 *
 * throughput keeps PIPELINE frames in flight on each connection; what has no answer in the end counts in the
 * longest time with what it has waited. rate sends on a fixed schedule, and
 * measures from the time at which a message was due, so that a server that stalls pays for all that
 * should have been sent meanwhile. idle opens its connections one after the other and holds them until
 * standard input ends, SECONDS at most. broadcast lets the first connection publish, and the next
 * message goes out when everybody has one of the PIPELINE that are on their way.
 *
 * With --deflate 1, for which it must be built with zlib, permessage-deflate is offered and must be
 * accepted. Every message is text of SIZE bytes that was compressed once, long ones to a quarter; of its
 * answers, which each server compresses in its own way, only the frames' headers are read, but the
 * first one of each connection is decompressed and compared.
 *
 * With --tls 1, for which it must be built with OpenSSL, all of it goes over TLS; certificates are not
 * checked.
 *
 * With --core it stays on that core. Standard output has lines of JSON: {"phase":"measuring"} when the
 * warm-up is over, {"phase":"measured"} when the time is, and the result last. The exit code is 1 after
 * any error; standard error tells the first one.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_ZLIB
#include <zlib.h>
#endif
#ifdef WITH_OPENSSL
#include <openssl/ssl.h>
#endif

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

#define NS 1000000000ull
/* One source address has some 28,000 ports for one destination. */
#define CONNECTIONS_PER_ADDRESS 20000
#define HANDSHAKE_TIMEOUT_S 5
#define OPENING_TIMEOUT_NS (120 * NS)
/* How long the last echoes of an offered load are waited for. */
#define DRAIN_NS (2 * NS)
/* Messages of a late schedule that are sent before the next look at what has come. */
#define SEND_BATCH 64

/* The example of RFC 6455 section 1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define OFFER "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; " \
	"client_no_context_takeover\r\n"

static struct {
	enum { THROUGHPUT, RATE, IDLE, BROADCAST } mode;
	const char *path, *protocol;
	double port, core, connections, pipeline, size, rate, warmup, seconds, deflate, tls;
} settings = { .path = "/", .protocol = "", .port = 0, .core = -1, .connections = 1, .pipeline = 1,
	.size = 125, .rate = 1000, .warmup = 0.5, .seconds = 3 };

struct connection {
	int fd;
	/* OpenSSL's end of it; NULL without TLS. */
	struct ssl_st *tls;
	bool waits_for_room;
	/* Bytes that are due and not written, and where in the frame the next one is. */
	uint64_t unsent;
	size_t phase;
	/* Whole messages, and the bytes of the one that is coming. */
	uint64_t received;
	size_t partial;
	/* Only of compressed answers. */
	struct answer *answer;
	/* Messages since the warm-up. */
	uint64_t measured;
	/* When each message in flight was sent; only in throughput. */
	uint64_t *sent_at;
};

static uint64_t count, pipeline, size;
static bool deflates;
static struct connection *connections;
static int poller;
static uint64_t errors, open_connections;
static uint64_t began, measure_from, end;

static uint64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_nsec;
}

static void complain(const char *format, ...)
{
	va_list values;
	if (errors++ > 0) return;
	va_start(values, format);
	vfprintf(stderr, format, values);
	va_end(values);
	fputc('\n', stderr);
}

static void *allocate(size_t number, size_t bytes)
{
	void *memory = calloc(number, bytes);
	if (!memory) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

/* --- Bytes, as read(2) and write(2) have them, over TLS or not --- */

#ifdef WITH_OPENSSL

/* Shakes hands over a connected socket. */
static bool secure(struct connection *c)
{
	static SSL_CTX *context;
	if (!context) {
		context = SSL_CTX_new(TLS_client_method());
		/* A write that found no room is tried again from the same place, with more behind it. */
		SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
			SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		/* Several records with one system call. */
		SSL_CTX_set_read_ahead(context, 1);
		SSL_CTX_set_default_read_buffer_len(context, 256 * 1024);
	}
	c->tls = SSL_new(context);
	return c->tls && SSL_set_fd(c->tls, c->fd) == 1 && SSL_connect(c->tls) == 1;
}

static ssize_t outcome(struct connection *c, int result)
{
	if (result > 0) return result;
	int error = SSL_get_error(c->tls, result);
	if (error == SSL_ERROR_ZERO_RETURN) return 0;
	errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
	return -1;
}

static ssize_t read_some(struct connection *c, void *bytes, size_t room)
{
	if (!c->tls) return read(c->fd, bytes, room);
	return outcome(c, SSL_read(c->tls, bytes, (int)room));
}

static ssize_t write_some(struct connection *c, const void *bytes, size_t length)
{
	if (!c->tls) return write(c->fd, bytes, length);
	return outcome(c, SSL_write(c->tls, bytes, (int)length));
}

/* Whether it has read more than it gave: that is no event any more. */
static bool holds_more(struct connection *c)
{
	return c->tls && SSL_has_pending(c->tls);
}

static void hang_up(struct connection *c)
{
	SSL_free(c->tls);
	close(c->fd);
	c->fd = -1;
}

#else

static bool secure(struct connection *c)
{
	(void)c;
	return false;
}

static ssize_t read_some(struct connection *c, void *bytes, size_t room)
{
	return read(c->fd, bytes, room);
}

static ssize_t write_some(struct connection *c, const void *bytes, size_t length)
{
	return write(c->fd, bytes, length);
}

static bool holds_more(struct connection *c)
{
	(void)c;
	return false;
}

static void hang_up(struct connection *c)
{
	close(c->fd);
	c->fd = -1;
}

#endif

/* --- Latencies: a histogram whose steps are 1/128 of the value. --- */

enum { STEPS = 128, STEP_BITS = 7 };

struct histogram {
	uint64_t counts[(64 - STEP_BITS + 1) * STEPS];
	uint64_t total, max;
};

static struct histogram latencies, lags;

static void record(struct histogram *to, uint64_t ns)
{
	unsigned shift = ns < STEPS ? 0 : 63 - (unsigned)__builtin_clzll(ns) - STEP_BITS;
	to->counts[shift * STEPS + (ns >> shift)]++;
	to->total++;
	if (ns > to->max) to->max = ns;
}

/* In microseconds. */
static double percentile(const struct histogram *of, double share)
{
	uint64_t rank = (uint64_t)((double)of->total * share), seen = 0;
	for (size_t i = 0; i < sizeof of->counts / sizeof *of->counts; i++) {
		seen += of->counts[i];
		if (seen <= rank) continue;
		size_t shift = i < 2 * STEPS ? 0 : i / STEPS - 1;
		double ns = (double)(((i - shift * STEPS) << shift) + ((1ull << shift) >> 1));
		return (ns < (double)of->max ? ns : (double)of->max) / 1000;
	}
	return (double)of->max / 1000;
}

/* --- Frames: every message is the same, and so is every echo. --- */

/* Several frames, so that what is due leaves in one write; the echo's header; the payload. */
static unsigned char *burst, *payload, header[10];
static size_t frame_length, burst_length, header_length, echo_length;

static void make_header(unsigned char first_byte, size_t length)
{
	header[0] = first_byte;
	if (length < 126) {
		header[1] = (unsigned char)length;
		header_length = 2;
	} else if (length < 65536) {
		header[1] = 126;
		header[2] = (unsigned char)(length >> 8);
		header[3] = (unsigned char)length;
		header_length = 4;
	} else {
		header[1] = 127;
		for (int i = 0; i < 8; i++) header[2 + i] = (unsigned char)(length >> (56 - 8 * i));
		header_length = 10;
	}
}

static void make_frames(unsigned char first_byte, const unsigned char *content, size_t length)
{
	static const unsigned char mask[4] = { 0x12, 0x34, 0x56, 0x78 };
	make_header(first_byte, length);
	echo_length = header_length + length;
	frame_length = echo_length + 4;
	uint64_t frames = pipeline < 64 ? 64 : pipeline;
	while (frames > 1 && frames * frame_length > 1024 * 1024) frames--;
	burst_length = frames * frame_length;
	burst = allocate(frames, frame_length);
	for (uint64_t n = 0; n < frames; n++) {
		unsigned char *frame = burst + n * frame_length, *body = frame + header_length + 4;
		memcpy(frame, header, header_length);
		frame[1] |= 0x80;
		memcpy(body - 4, mask, 4);
		for (size_t i = 0; i < length; i++) body[i] = content[i] ^ mask[i & 3];
	}
}

static void make_plain_frames(void)
{
	payload = allocate(size + 1, 1);
	for (size_t i = 0; i < size; i++) payload[i] = (unsigned char)('a' + i % 26);
	make_frames(0x82, payload, size);
}

/* --- Compressed messages --- */

#ifdef WITH_ZLIB

/* The final flush of RFC 7692 section 7.2.1, which a message leaves out. */
static const unsigned char tail[4] = { 0x00, 0x00, 0xff, 0xff };

struct answer {
	/* The header of a frame as far as it has come, and what is left of the payload after it. */
	unsigned char head[10];
	size_t head_length;
	uint64_t left;
	bool in_message;
	/* Decompresses the first message; then there is none. */
	z_stream *inflater;
	size_t inflated;
};

/* Records of which CHANGES of 64 values differ from the usual. */
static void write_records(unsigned changes)
{
	static const char *const names[] = { "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta",
		"theta" };
	uint32_t random = 1;
	char record[128];
	for (size_t at = 0; at < size;) {
		unsigned values[4] = { 1234567, 0, 42, 1999 };
		for (int i = 0; i < 4; i++) {
			random = random * 1664525 + 1013904223;
			if (random >> 26 < changes) values[i] = random >> 8 & 0xfffff;
		}
		int length = snprintf(record, sizeof record,
			"{\"id\":%u,\"name\":\"%s\",\"qty\":%u,\"price\":%u.%02u},", values[0],
			names[values[1] % 8], values[2] % 1000, values[3] / 100 % 1000, values[3] % 100);
		if ((size_t)length > size - at) length = (int)(size - at);
		memcpy(payload + at, record, (size_t)length);
		at += (size_t)length;
	}
}

static size_t compress_payload(unsigned char *compressed, size_t room)
{
	z_stream stream = { .next_in = payload, .avail_in = (uInt)size, .next_out = compressed,
		.avail_out = (uInt)room };
	deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
	deflate(&stream, Z_SYNC_FLUSH);
	size_t length = room - stream.avail_out - sizeof tail;
	deflateEnd(&stream);
	return length;
}

/* The text is as varied as makes its compressed form a quarter of it. */
static void make_compressed_frames(void)
{
	size_t room = 2 * size + 64, length;
	unsigned char *compressed = allocate(room, 1);
	payload = allocate(size + 1, 1);
	unsigned changes = 0;
	do {
		write_records(changes);
		length = compress_payload(compressed, room);
	} while (length * 4 < size && ++changes < 64);
	make_frames(0xc1, compressed, length);
	free(compressed);
}

static void expect_answers(struct connection *c)
{
	c->answer = allocate(1, sizeof *c->answer);
	c->answer->inflater = allocate(1, sizeof *c->answer->inflater);
	inflateInit2(c->answer->inflater, -15);
}

/* Decompresses a piece of the first answer, and compares it. */
static bool verify(struct connection *c, const unsigned char *bytes, size_t length)
{
	static unsigned char text[64 * 1024];
	struct answer *answer = c->answer;
	z_stream *stream = answer->inflater;
	stream->next_in = (unsigned char *)(uintptr_t)bytes;
	stream->avail_in = (uInt)length;
	for (;;) {
		stream->next_out = text;
		stream->avail_out = sizeof text;
		int status = inflate(stream, Z_SYNC_FLUSH);
		size_t got = sizeof text - stream->avail_out;
		bool fits = got <= size - answer->inflated &&
			!memcmp(text, payload + answer->inflated, got);
		if (!fits || (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)) {
			complain("connection %td: the answer %s", c - connections,
				fits ? "can't be decompressed" : "is not what was sent");
			return false;
		}
		answer->inflated += got;
		/* What may follow a final block is only the padding of section 7.2.3.4. */
		if (status == Z_STREAM_END || stream->avail_out > 0) return true;
	}
}

static bool verify_end(struct connection *c)
{
	struct answer *answer = c->answer;
	if (!verify(c, tail, sizeof tail)) return false;
	if (answer->inflated < size) {
		complain("connection %td: the answer is shorter than what was sent", c - connections);
		return false;
	}
	inflateEnd(answer->inflater);
	free(answer->inflater);
	answer->inflater = NULL;
	return true;
}

/* Reads a byte of a header; tells whether it is one that may be there. */
static bool take_head(struct connection *c, unsigned char byte)
{
	struct answer *answer = c->answer;
	answer->head[answer->head_length++] = byte;
	/* RSV1 and text, or the rest of that: a server may answer in fragments. */
	unsigned char wanted = answer->in_message ? 0x00 : 0x41;
	if (answer->head_length == 1 && (byte & 0x7f) != wanted) {
		complain("connection %td: an answer's frame begins with 0x%02x, not 0x%02x (message %"
			PRIu64 ")", c - connections, byte, wanted | 0x80, c->received);
		return false;
	}
	if (answer->head_length == 2 && byte & 0x80) {
		complain("connection %td: an answer is masked", c - connections);
		return false;
	}
	return true;
}

/* Whether a header is complete; tells the payload's length then. */
static bool head_is_complete(struct answer *answer)
{
	size_t first = answer->head_length < 2 ? 0 : answer->head[1];
	size_t wanted = first < 126 ? 2 : first == 126 ? 4 : 10;
	if (answer->head_length < wanted) return false;
	answer->left = first < 126 ? first : 0;
	for (size_t i = 2; i < wanted; i++) answer->left = answer->left << 8 | answer->head[i];
	return true;
}

static void on_message(struct connection *c, uint64_t time);

static bool take_compressed(struct connection *c, const unsigned char *bytes, size_t length,
	uint64_t time)
{
	struct answer *answer = c->answer;
	const unsigned char *stop = bytes + length;
	while (bytes < stop) {
		if (answer->left == 0) {
			if (!take_head(c, *bytes++)) return false;
			if (!head_is_complete(answer)) continue;
			answer->head_length = 0;
		} else {
			size_t taken = (size_t)(stop - bytes);
			if (taken > answer->left) taken = answer->left;
			if (answer->inflater && !verify(c, bytes, taken)) return false;
			bytes += taken;
			answer->left -= taken;
		}
		if (answer->left > 0) continue;
		answer->in_message = !(answer->head[0] & 0x80);
		if (answer->in_message) continue;
		if (answer->inflater && !verify_end(c)) return false;
		on_message(c, time);
	}
	return true;
}

/* What a handshake's answer lacks, or NULL. */
static const char *missing_consent(const char *answer)
{
	const char *line = strcasestr(answer, "\r\nSec-WebSocket-Extensions:");
	size_t length = line ? strcspn(line + 2, "\r") : 0;
	char value[256];
	snprintf(value, sizeof value, "%.*s", (int)length, line ? line + 2 : "");
	if (!strstr(value, "permessage-deflate")) return "permessage-deflate";
	return strstr(value, "server_no_context_takeover") ? NULL : "server_no_context_takeover";
}

#else

static void make_compressed_frames(void)
{
}

static void expect_answers(struct connection *c)
{
	(void)c;
}

static bool take_compressed(struct connection *c, const unsigned char *bytes, size_t length,
	uint64_t time)
{
	(void)c, (void)bytes, (void)length, (void)time;
	return false;
}

static const char *missing_consent(const char *answer)
{
	(void)answer;
	return NULL;
}

#endif

/* --- Opening --- */

/* Connects, and tells whether it has got its 101. */
static bool open_connection(uint64_t number)
{
	struct connection *c = &connections[number];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)settings.port) };
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct timeval timeout = { .tv_sec = HANDSHAKE_TIMEOUT_S };
	int one = 1, fd = c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		complain("socket: %s", strerror(errno));
		return false;
	}
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(number / CONNECTIONS_PER_ADDRESS));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
		complain("connection %" PRIu64 ": connect: %s", number, strerror(errno));
		goto failed;
	}
	if (settings.tls && !secure(c)) {
		complain("connection %" PRIu64 ": the TLS handshake failed", number);
		goto failed;
	}
	char request[1024], answer[4096];
	bool named = *settings.protocol != '\0';
	int length = snprintf(request, sizeof request,
		"GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n%s%s%s%s\r\n",
		settings.path, (int)settings.port, deflates ? OFFER : "", named ? "Sec-WebSocket-Protocol: " : "",
		settings.protocol, named ? "\r\n" : "");
	if (length >= (int)sizeof request || write_some(c, request, (size_t)length) != length) {
		complain("connection %" PRIu64 ": the request could not be sent", number);
		goto failed;
	}
	size_t got = 0;
	for (;;) {
		ssize_t more = read_some(c, answer + got, sizeof answer - 1 - got);
		if (more <= 0) {
			complain("connection %" PRIu64 ": the handshake %s", number,
				more == 0 ? "was refused: closed by the server" : "got no answer");
			goto failed;
		}
		got += (size_t)more;
		answer[got] = '\0';
		char *blank = strstr(answer, "\r\n\r\n");
		if (!blank) continue;
		bool clean = blank + 4 == answer + got;
		if (!clean || strncmp(answer, "HTTP/1.1 101 ", 13) || !strstr(answer, ACCEPT)) {
			complain("connection %" PRIu64 ": no handshake: %.*s", number,
				(int)strcspn(answer, "\r\n"), answer);
			goto failed;
		}
		const char *missing = deflates ? missing_consent(answer) : NULL;
		if (!missing) return true;
		complain("connection %" PRIu64 ": the server did not agree to %s", number, missing);
		goto failed;
	}
failed:
	hang_up(c);
	return false;
}

/* Opens all connections, one after the other; gives up at the first that fails. */
static bool open_connections_serially(void)
{
	uint64_t deadline = now() + OPENING_TIMEOUT_NS;
	connections = allocate(count, sizeof *connections);
	for (uint64_t i = 0; i < count; i++) {
		if (!open_connection(i)) return false;
		open_connections++;
		if (now() > deadline) {
			complain("opening took too long");
			return false;
		}
	}
	return true;
}

/* --- Sending and receiving --- */

static void drop(struct connection *c)
{
	hang_up(c);
	open_connections--;
}

static void watch(struct connection *c, bool for_room)
{
	struct epoll_event event = { .events = EPOLLIN | (for_room ? EPOLLOUT : 0),
		.data.u64 = (uint64_t)(c - connections) };
	if (c->waits_for_room == for_room) return;
	c->waits_for_room = for_room;
	epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

/* Writes what is due. All frames are the same, so a burst with an offset serves as the stream. */
static void flush(struct connection *c)
{
	while (c->fd >= 0 && c->unsent > 0) {
		uint64_t length = burst_length - c->phase;
		if (length > c->unsent) length = c->unsent;
		ssize_t written = write_some(c, burst + c->phase, length);
		if (written < 0 && errno == EAGAIN) {
			watch(c, true);
			return;
		}
		if (written < 0) {
			complain("connection %td: write: %s", c - connections, strerror(errno));
			drop(c);
			return;
		}
		c->unsent -= (uint64_t)written;
		c->phase = (c->phase + (uint64_t)written) % frame_length;
	}
	if (c->fd >= 0) watch(c, false);
}

static uint64_t messages, finished;
static uint64_t next_message, last_message, published;
static uint64_t *arrivals, *published_at;

/* When the message with a number is due. */
static uint64_t due_at(uint64_t number)
{
	return began + (uint64_t)((double)number * (double)NS / settings.rate);
}

static void publish(uint64_t time)
{
	published_at[published++ % pipeline] = time;
	connections[0].unsent += frame_length;
	flush(&connections[0]);
}

static void on_message(struct connection *c, uint64_t time)
{
	uint64_t number = c->received++;
	bool measured = time >= measure_from && time < end;
	switch (settings.mode) {
	case THROUGHPUT: {
		uint64_t *sent_at = &c->sent_at[number % pipeline];
		if (measured) record(&latencies, time - *sent_at);
		*sent_at = time;
		c->unsent += frame_length;
		break;
	}
	case RATE: {
		uint64_t due = due_at(number * count + (uint64_t)(c - connections));
		if (due >= measure_from) record(&latencies, time > due ? time - due : 0);
		finished++;
		break;
	}
	case BROADCAST:
		if (number >= published) {
			complain("a message came that nobody had sent");
			return;
		}
		if (++arrivals[number % pipeline] < count) break;
		arrivals[number % pipeline] = 0;
		if (measured) record(&latencies, time - published_at[number % pipeline]);
		if (time < end) publish(time);
		break;
	case IDLE:
		break;
	}
	if (measured) messages++, c->measured++;
}

static bool take(struct connection *c, const unsigned char *bytes, size_t length, uint64_t time)
{
	while (length > 0) {
		size_t taken = 1;
		if (c->partial < header_length) {
			if (*bytes != header[c->partial]) {
				complain("connection %td: byte %zu of an answer is 0x%02x, not 0x%02x (message %"
					PRIu64 ")", c - connections, c->partial, *bytes, header[c->partial],
					c->received);
				return false;
			}
		} else {
			taken = echo_length - c->partial < length ? echo_length - c->partial : length;
			/* The first one is compared in full; then the headers must keep their places. */
			if (c->received == 0 &&
			    memcmp(bytes, payload + c->partial - header_length, taken)) {
				complain("connection %td: the answer is not what was sent", c - connections);
				return false;
			}
		}
		bytes += taken;
		length -= taken;
		c->partial += taken;
		if (c->partial == echo_length) {
			c->partial = 0;
			on_message(c, time);
		}
	}
	return true;
}

static void receive(struct connection *c)
{
	static unsigned char bytes[512 * 1024];
	ssize_t got = read_some(c, bytes, sizeof bytes);
	while (got > 0) {
		bool fits = deflates ? take_compressed(c, bytes, (size_t)got, now())
			: take(c, bytes, (size_t)got, now());
		if (!fits) return drop(c);
		if (!holds_more(c)) return;
		got = read_some(c, bytes, sizeof bytes);
	}
	if (got == 0 || errno != EAGAIN) {
		complain("connection %td was closed by the server: %s", c - connections,
			got == 0 ? "end" : strerror(errno));
		drop(c);
	}
}

/* --- The loop --- */

/* Sends what the schedule asks for by now; tells whether it is up to date. */
static bool send_due(uint64_t time)
{
	for (int batch = 0; next_message < last_message; batch++) {
		uint64_t due = due_at(next_message);
		if (due > time) return true;
		if (batch == SEND_BATCH) return false;
		struct connection *c = &connections[next_message++ % count];
		if (due >= measure_from) record(&lags, time - due);
		if (c->fd < 0) continue;
		c->unsent += frame_length;
		/* A full socket tells when it has room. */
		if (!c->waits_for_room) flush(c);
	}
	return true;
}

static void start(uint64_t time)
{
	if (settings.mode == THROUGHPUT) {
		for (uint64_t i = 0; i < count; i++) {
			struct connection *c = &connections[i];
			c->sent_at = allocate(pipeline, sizeof *c->sent_at);
			for (uint64_t n = 0; n < pipeline; n++) c->sent_at[n] = time;
			c->unsent = pipeline * frame_length;
			flush(c);
		}
	} else if (settings.mode == BROADCAST) {
		arrivals = allocate(pipeline, sizeof *arrivals);
		published_at = allocate(pipeline, sizeof *published_at);
		for (uint64_t n = 0; n < pipeline; n++) publish(time);
	}
}

static void tell_phase(const char *phase)
{
	printf("{\"phase\":\"%s\"}\n", phase);
	fflush(stdout);
}

static void run(void)
{
	struct epoll_event events[256];
	/* The timer wakes for the schedule; milliseconds of epoll_wait are too coarse. */
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct epoll_event on_timer = { .events = EPOLLIN, .data.u64 = UINT64_MAX };
	prctl(PR_SET_TIMERSLACK, 1ul);
	poller = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(poller, EPOLL_CTL_ADD, timer, &on_timer);
	for (uint64_t i = 0; i < count; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u64 = i };
		if (deflates) expect_answers(&connections[i]);
		fcntl(connections[i].fd, F_SETFL, O_NONBLOCK);
		epoll_ctl(poller, EPOLL_CTL_ADD, connections[i].fd, &event);
	}

	bool measuring = false, measured = false;
	uint64_t time = began = now();
	measure_from = began + (uint64_t)(settings.warmup * (double)NS);
	end = measure_from + (uint64_t)(settings.seconds * (double)NS);
	if (settings.mode == RATE)
		last_message = (uint64_t)((double)(end - began) / (double)NS * settings.rate);
	start(time);
	while (open_connections > 0) {
		time = now();
		if (!measuring && time >= measure_from) {
			measuring = true;
			tell_phase("measuring");
		}
		if (!measured && time >= end) {
			measured = true;
			tell_phase("measured");
		}
		if (time >= end && (settings.mode != RATE || finished >= last_message)) break;
		if (time >= end + DRAIN_NS) break;
		int wait = 100;
		if (settings.mode == RATE) {
			if (!send_due(time)) wait = 0;
			else if (next_message < last_message) {
				uint64_t due = due_at(next_message);
				struct itimerspec at = { .it_value = { .tv_sec = (time_t)(due / NS),
					.tv_nsec = (long)(due % NS) } };
				timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
			}
		}
		int ready = epoll_wait(poller, events, 256, wait);
		for (int i = 0; i < ready; i++) {
			uint64_t ticks;
			if (events[i].data.u64 == UINT64_MAX) {
				if (read(timer, &ticks, sizeof ticks) < 0) continue;
				continue;
			}
			struct connection *c = &connections[events[i].data.u64];
			if (c->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
			if (c->fd >= 0 && (c->unsent > 0 || c->waits_for_room)) flush(c);
		}
	}
	if (open_connections == 0) complain("no connection is left");
}

static void report(void)
{
	uint64_t starved = 0, unanswered = 0, stop = now();
	for (uint64_t i = 0; i < count; i++) {
		struct connection *c = &connections[i];
		if (c->measured == 0) starved++;
		for (uint64_t n = 0; settings.mode == THROUGHPUT && n < pipeline; n++)
			if (end > c->sent_at[n] && end - c->sent_at[n] > latencies.max)
				latencies.max = end - c->sent_at[n];
		if (settings.mode != RATE) continue;
		/* What was never answered has waited until now at least. */
		for (uint64_t number = c->received * count + i; number < last_message; number += count) {
			uint64_t due = due_at(number);
			if (due < measure_from || due >= stop) continue;
			unanswered++;
			record(&latencies, stop - due);
		}
	}
	if (messages == 0) complain("nothing came back");
	printf("{\"messages\":%" PRIu64 ",\"seconds\":%.3f,\"messagesPerSecond\":%.0f,", messages,
		settings.seconds, (double)messages / settings.seconds);
	printf("\"p50us\":%.1f,\"p99us\":%.1f,\"p999us\":%.1f,\"maxus\":%.1f,",
		percentile(&latencies, 0.5), percentile(&latencies, 0.99),
		percentile(&latencies, 0.999), (double)latencies.max / 1000);
	printf("\"lagP99us\":%.1f,\"starved\":%" PRIu64 ",\"unanswered\":%" PRIu64 ",\"errors\":%"
		PRIu64 "}\n", percentile(&lags, 0.99), starved, unanswered, errors);
}

/* Opens the connections, tells how fast, and holds them until standard input ends. */
static void idle(void)
{
	uint64_t start = now(), alive = 0;
	if (!open_connections_serially()) return;
	double seconds = (double)(now() - start) / (double)NS;
	printf("{\"connections\":%" PRIu64 ",\"seconds\":%.3f,\"handshakesPerSecond\":%.0f}\n", count,
		seconds, (double)count / seconds);
	fflush(stdout);
	uint64_t deadline = now() + (uint64_t)(settings.seconds * (double)NS);
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	while (now() < deadline) {
		char ignored[256];
		if (poll(&input, 1, 100) > 0 && read(STDIN_FILENO, ignored, sizeof ignored) <= 0) break;
	}
	for (uint64_t i = 0; i < count; i++) {
		char byte;
		ssize_t got = recv(connections[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		if (got > 0 || (got < 0 && errno == EAGAIN)) alive++;
	}
	if (alive < count)
		complain("%" PRIu64 " of %" PRIu64 " idle connections were closed", count - alive, count);
	printf("{\"alive\":%" PRIu64 "}\n", alive);
}

/* --- The command line --- */

static void refuse(const char *what, const char *which)
{
	fprintf(stderr, "load: %s: %s\n", what, which);
	exit(2);
}

static void read_settings(int length, char **words)
{
	static const char *const modes[] = { "throughput", "rate", "idle", "broadcast" };
	const struct { const char *name; double *value, least, most; } numbers[] = {
		{ "--port", &settings.port, 1, 65535 },
		{ "--core", &settings.core, 0, CPU_SETSIZE - 1 },
		{ "--connections", &settings.connections, 1, 200000 },
		{ "--pipeline", &settings.pipeline, 1, 4096 },
		{ "--size", &settings.size, 1, 16777216 },
		{ "--rate", &settings.rate, 1, 10000000 },
		{ "--warmup", &settings.warmup, 0, 60 },
		{ "--seconds", &settings.seconds, 0.01, 600 },
		{ "--deflate", &settings.deflate, 0, 1 },
		{ "--tls", &settings.tls, 0, 1 },
	};
	size_t mode = 0;
	while (mode < 4 && (length < 2 || strcmp(words[1], modes[mode]))) mode++;
	if (mode == 4)
		refuse("the mode is throughput, rate, idle or broadcast", length < 2 ? "none" : words[1]);
	settings.mode = mode;
	for (int i = 2; i < length; i += 2) {
		const char *name = words[i], *value = i + 1 < length ? words[i + 1] : NULL;
		if (!value) refuse("no value", name);
		if (!strcmp(name, "--path")) { settings.path = value; continue; }
		if (!strcmp(name, "--protocol")) { settings.protocol = value; continue; }
		size_t n = 0;
		while (n < sizeof numbers / sizeof *numbers && strcmp(name, numbers[n].name)) n++;
		if (n == sizeof numbers / sizeof *numbers) refuse("unknown option", name);
		char *rest;
		*numbers[n].value = strtod(value, &rest);
		if (*rest || !(*numbers[n].value >= numbers[n].least && *numbers[n].value <= numbers[n].most))
			refuse("not a number that is allowed", name);
	}
	if (settings.port == 0) refuse("missing", "--port");
	count = (uint64_t)settings.connections;
	pipeline = (uint64_t)settings.pipeline;
	size = (uint64_t)settings.size;
	deflates = settings.deflate != 0;
#ifndef WITH_ZLIB
	if (deflates) refuse("built without zlib", "--deflate");
#endif
#ifndef WITH_OPENSSL
	if (settings.tls) refuse("built without OpenSSL", "--tls");
#endif
}

static void raise_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < count + 16) refuse("the limit of open files (ulimit -Hn) is too low for",
		"--connections");
}

/* Stays on one core: a scheduler that puts both ends of a conversation on one halves what they do. */
static void stay_on_core(void)
{
	cpu_set_t cores;
	if (settings.core < 0) return;
	CPU_ZERO(&cores);
	CPU_SET((size_t)settings.core, &cores);
	if (sched_setaffinity(0, sizeof cores, &cores) < 0) refuse(strerror(errno), "--core");
}

int main(int length, char **words)
{
	signal(SIGPIPE, SIG_IGN);
	/* Whatever becomes of the parent, this ends with it. */
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
	read_settings(length, words);
	raise_limit();
	stay_on_core();
	if (deflates) make_compressed_frames();
	else make_plain_frames();
	if (settings.mode == IDLE) idle();
	else if (open_connections_serially()) {
		run();
		report();
	}
	return errors > 0;
}
